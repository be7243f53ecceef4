/** The sheet that changes the market. */

import { useState } from "preact/hooks";
import type { App } from "../app.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { TickIcon } from "./icons.tsx";
import { closeSheet, Sheet } from "./sheet.tsx";

/** Fewer symbols than this need no search field. */
const SEARCH_FROM = 9;

export function SymbolSheet({ app }: { app: App }) {
  const [sought, seek] = useState("");
  const symbols = store.hello.value?.symbols ?? [];
  const found = symbols.filter((it) => it.symbol.includes(sought.trim().toUpperCase()));
  return (
    <Sheet title={strings.chooseSymbol}>
      {symbols.length >= SEARCH_FROM && (
        <input
          class="search"
          type="search"
          placeholder={strings.searchSymbol}
          aria-label={strings.searchSymbol}
          value={sought}
          onInput={(event) => seek((event.target as HTMLInputElement).value)}
        />
      )}
      {found.length === 0 && (
        <p class="sheet-note">{symbols.length === 0 ? strings.noSymbols : strings.noSymbolFound}</p>
      )}
      <ul class="choices">
        {found.map((it) => (
          <li key={it.symbol}>
            <button
              type="button"
              class="choice"
              aria-current={it.symbol === store.facts.value?.symbol}
              onClick={() => {
                app.chooseSymbol(it.symbol);
                closeSheet();
              }}
            >
              <span>
                <b>{it.base}</b> {strings.symbolKind(it.quote)}
              </span>
              <span class="choice-note">{strings.venueCount(it.venues.length)}</span>
              {it.symbol === store.facts.value?.symbol && <TickIcon />}
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}
