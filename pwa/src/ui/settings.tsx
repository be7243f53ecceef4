/** The sheet behind the sliders: venues, the market's slow facts, appearance. */

import type { App } from "../app.ts";
import type { Preferences } from "../model/preferences.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { MarketFacts, venueHealth } from "./facts.tsx";
import { TickIcon } from "./icons.tsx";
import { venueName } from "./names.ts";
import { Sheet } from "./sheet.tsx";

export function SettingsSheet({ app }: { app: App }) {
  return (
    <Sheet title={strings.settings}>
      <VenueFilter app={app} />
      <section>
        <h3>{strings.market}</h3>
        <MarketFacts />
      </section>
      <section>
        <h3>{strings.appearance}</h3>
        <Choice
          app={app}
          name="colours"
          label={strings.colours}
          options={{ default: strings.coloursDefault, cvd: strings.coloursCvd }}
        />
        <Choice
          app={app}
          name="ground"
          label={strings.ground}
          options={{ default: strings.groundDefault, black: strings.groundBlack }}
        />
        <Choice
          app={app}
          name="hand"
          label={strings.hand}
          options={{ left: strings.handLeft, right: strings.handRight }}
        />
      </section>
      <p class="sheet-note">{aboutText()}</p>
    </Sheet>
  );
}

function aboutText(): string {
  const hello = store.hello.value;
  if (!hello) return strings.aboutOffline;
  return strings.about(hello.version, strings.marketName[hello.market] ?? hello.market);
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

interface ChoiceProps<K extends keyof Preferences> {
  readonly app: App;
  readonly name: K;
  readonly label: string;
  readonly options: Readonly<Record<string & Preferences[K], string>>;
}

function Choice<K extends "colours" | "ground" | "hand">({ app, name, label, options }: ChoiceProps<K>) {
  const chosen = store.preferences.value[name];
  return (
    <fieldset class="choice-of">
      <legend>{label}</legend>
      <div class="segments">
        {(Object.entries(options) as [Preferences[K], string][]).map(([value, text]) => (
          <button
            key={value}
            type="button"
            aria-pressed={value === chosen}
            onClick={() => app.prefer({ [name]: value })}
          >
            {text}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
