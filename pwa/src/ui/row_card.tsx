/** The card of the row under a resting finger. */

import { useEffect, useRef } from "preact/hooks";
import type { RowCard, VenuePart } from "../model/row_card.ts";
import { rowState } from "../model/row_state.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";

export function RowCardBox() {
  const card = rowState.card.value;
  if (!card) return null;
  return (
    <div class={`row-card ${card.side} ${card.corner}`} role="status">
      <p class="row-card-title">{card.title}</p>
      <p class="row-card-usd">
        {card.resting ? (
          <>
            <b>{card.resting}</b> {strings.rowResting}
          </>
        ) : (
          strings.rowNothing
        )}
      </p>
      {card.venues ? (
        <Venues venues={card.venues} />
      ) : (
        <p class="row-card-note">{store.connection.value === "open" ? strings.rowAsking : strings.rowOut}</p>
      )}
      <dl>
        {card.facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {card.history && <History history={card.history} />}
    </div>
  );
}

function Venues({ venues }: { venues: readonly VenuePart[] }) {
  if (venues.length === 0) return null;
  return (
    <ul class="row-card-venues" aria-label={strings.rowVenues}>
      {venues.map((venue) => (
        <li key={venue.name} class={venue.live ? "" : "late"}>
          <span>{venue.name}</span>
          <meter min={0} max={1} value={venue.part} aria-hidden="true" />
          <span class="amount">{venue.text}</span>
        </li>
      ))}
    </ul>
  );
}

/** The heat of the row's prices over time, newest at the right, in the colours of the map. */
function History({ history }: { history: NonNullable<RowCard["history"]> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixels } = history;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || pixels.length === 0) return;
    context.canvas.width = pixels.length;
    const image = new ImageData(new Uint8ClampedArray(pixels.buffer), pixels.length, 1);
    context.putImageData(image, 0, 0);
  }, [pixels]);
  return (
    <figure class="row-card-history">
      <canvas ref={canvas} width={1} height={1} role="img" aria-label={history.text} />
      <figcaption aria-hidden="true">{history.text}</figcaption>
    </figure>
  );
}
