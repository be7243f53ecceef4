/** What can be done at a price that was tapped: mark it, or forget its marks. */

import { useState } from "preact/hooks";
import type { App } from "../app.ts";
import { price } from "../format.ts";
import { markTick } from "../model/marks.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { closeSheet, Sheet } from "./sheet.tsx";

const LABEL_MOST = 40;

export function PriceSheet({ app }: { app: App }) {
  const [label, write] = useState("");
  const facts = store.facts.value;
  const { tick, within } = store.tapped.value;
  if (!facts) return null;
  const text = price(tick, facts.tick);
  const here = app.marks.shown.value.filter(
    (it) => it.symbol === facts.symbol && Math.abs(markTick(it, facts) - tick) <= within,
  );
  const mark = (word: string) => {
    app.mark(tick, word.trim());
    closeSheet();
  };
  return (
    <Sheet title={`${facts.base} ${text}`}>
      {here.map((it) => (
        <div key={it.price} class="watched">
          <b>
            {it.label || strings.mark1} {it.price}
          </b>
          <button
            type="button"
            class="button"
            onClick={() => {
              app.unmark(it);
              closeSheet();
            }}
          >
            {strings.markForget}
          </button>
        </div>
      ))}
      <input
        class="search"
        type="text"
        maxLength={LABEL_MOST}
        placeholder={strings.markLabel}
        aria-label={strings.markLabel}
        value={label}
        onInput={(event) => write((event.target as HTMLInputElement).value)}
      />
      <div class="mark-words">
        {strings.markWords.map((word) => (
          <button key={word} type="button" class="button" onClick={() => mark(word)}>
            {word}
          </button>
        ))}
        <button type="button" class="button primary" onClick={() => mark(label)}>
          {strings.markPut}
        </button>
      </div>
      <p class="sheet-note">{strings.markNote}</p>
    </Sheet>
  );
}
