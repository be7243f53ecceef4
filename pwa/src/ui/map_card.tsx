/** The card at the crosshair: what is estimated there, how sure, and from where. */

import { mapState } from "../model/map_state.ts";
import { strings } from "../strings.ts";

/** A value of so many letters is a sentence: it follows its name over as many lines as it needs. */
const SENTENCE = 24;

export function MapCardBox() {
  const card = mapState.card.value;
  if (!card) return null;
  const short = card.side === "short";
  return (
    <div class={`map-card ${card.corner}`} role="status">
      <p class="map-card-title">
        {short ? strings.mapShortsAt : strings.mapLongsAt} {card.price}
      </p>
      {card.empty ? (
        <p class="map-card-none">{strings.mapNothing}</p>
      ) : (
        <p class="map-card-usd">
          <b>{card.usd}</b>{" "}
          {card.calibrated ? strings.mapInterval(card.interval) : strings.mapUncalibrated(card.interval)}
        </p>
      )}
      <dl>
        {card.facts.map(([name, value]) => (
          <div key={name} class={value.length >= SENTENCE ? "wide" : ""}>
            <dt>{name}</dt> <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
