/** The sheet behind the sliders: venues, the market's slow facts, and the way to all settings. */

import type { App } from "../app.ts";
import { hrefOf } from "../model/screens.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { MarketFacts, venueHealth } from "./facts.tsx";
import { TickIcon } from "./icons.tsx";
import { venueName } from "./names.ts";
import { closeSheet, Sheet } from "./sheet.tsx";

export function SettingsSheet({ app }: { app: App }) {
  return (
    <Sheet title={strings.settings}>
      <VenueFilter app={app} />
      <section>
        <h3>{strings.market}</h3>
        <MarketFacts />
      </section>
      <ul class="links">
        <li>
          <a href={hrefOf("settings")} onClick={closeSheet}>
            <b>{strings.moreSettings}</b>
          </a>
        </li>
      </ul>
    </Sheet>
  );
}

function VenueFilter({ app }: { app: App }) {
  const venues = store.facts.value?.venues ?? [];
  const states = store.state.value?.venues ?? [];
  const chosen = store.venue.value;
  return (
    <section>
      <h3>{strings.venues}</h3>
      <ul class="choices">
        {["all", ...venues].map((venue) => {
          const health = states.find((it) => it.venue === venue);
          return (
            <li key={venue}>
              <button
                type="button"
                class="choice"
                aria-pressed={venue === chosen}
                onClick={() => app.chooseVenue(venue)}
              >
                <span>{venue === "all" ? strings.allVenues : venueName(venue)}</span>
                <span class="choice-note">{health ? venueHealth(health) : ""}</span>
                {venue === chosen && <TickIcon />}
              </button>
            </li>
          );
        })}
      </ul>
      {chosen !== "all" && <p class="sheet-note">{strings.oneVenueNote}</p>}
    </section>
  );
}
