/** The map's picture with its legend, as the Map screen and the ladder on its side show it. */

import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { fixed } from "../format.ts";
import { chooseMap, MAP_HOURS, type MapFacts, type MapHours, mapState } from "../model/map_state.ts";
import { store } from "../model/store.ts";
import { MapView } from "../screens/map_view.ts";
import { strings } from "../strings.ts";
import "../map.css";
import { MapCardBox } from "./map_card.tsx";

interface Props {
  readonly app: App;
  /** Hands out the view, so that new data can ask for its drawing. */
  readonly onView: (view: MapView | null) => void;
}

export function MapPane({ app, onView }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!host.current || !picture.current || !legend.current) return;
    const made = new MapView(app, store, {
      host: host.current,
      picture: picture.current,
      legend: legend.current,
    });
    onView(made);
    // What the user chooses changes the picture at once.
    const chosen = mapState.choice.subscribe(() => made.draw());
    const ticking = store.second.subscribe(() => made.publishAge());
    return () => {
      chosen();
      ticking();
      onView(null);
      made.end();
    };
  }, [app, onView]);
  return (
    <section class={`map ${mapState.freshness.value}`} aria-label={strings.map}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the map pans and zooms by keys */}
      <div class="map-pane" ref={host} tabIndex={0} role="application" aria-label={strings.map}>
        <div class="picture" ref={picture} />
        {!mapState.facts.value && (
          <p class="pane-note">
            {store.state.value?.bands === null ? strings.noEstimate : strings.mapWaiting}
          </p>
        )}
        <MapCardBox />
      </div>
      <canvas class="map-legend" ref={legend} role="img" aria-label={strings.mapLegend} />
    </section>
  );
}

/** The four ranges. */
export function MapRange({ onChoose }: { onChoose: (hours: MapHours) => void }) {
  const { hours } = mapState.choice.value;
  return (
    <fieldset class="map-range" aria-label={strings.mapRange}>
      {MAP_HOURS.map((it) => (
        <button
          key={it}
          type="button"
          aria-label={strings.mapHoursLong[it]}
          aria-pressed={it === hours}
          onClick={() => onChoose(it)}
        >
          {strings.mapHours[it]}
        </button>
      ))}
    </fieldset>
  );
}

/** The scale in words, how old the map is, and which positions it shows. */
export function MapNotes() {
  const facts = mapState.facts.value;
  if (!facts) return <p class="map-notes" />;
  const freshness = mapState.freshness.value;
  const age = mapState.age.value;
  return (
    <div class="map-notes">
      <span>{strings.mapScale(fixed(facts.rowBp, facts.rowBp < 10 ? 1 : 0))}</span>
      {!facts.calibrated && <b>{strings.uncalibrated}</b>}
      {facts.markEstimated && <b>{strings.markEstimated}</b>}
      <span class={`map-age ${freshness}`}>
        {freshness === "stale" ? strings.mapLastSeen(age) : strings.mapAge(age)}
      </span>
      <OpenedButton facts={facts} />
    </div>
  );
}

/** Which positions the picture is of; a tap shows all, or those opened within the range. */
function OpenedButton({ facts }: { facts: MapFacts }) {
  const { hours, opened } = mapState.choice.value;
  const range = strings.mapHours[hours];
  // While the picture that was asked for is on its way, this says what is there.
  const part = facts.opened === "range" ? strings.percent(fixed(100 * facts.part, 0)) : null;
  const shown = part ? strings.mapOpenedIn(range, part) : strings.mapOpenedAll;
  return (
    <button
      type="button"
      class="map-opened"
      aria-label={strings.mapOpenedName(shown)}
      aria-pressed={opened === "range"}
      onClick={() => chooseMap(localStorage, { opened: opened === "range" ? "all" : "range" })}
    >
      {shown}
    </button>
  );
}
