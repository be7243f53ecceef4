/** The sheet that chooses what is watched, and in which order of one's own. */

import { useState } from "preact/hooks";
import type { App } from "../app.ts";
import { WATCHLIST_MAX, watchlistOf } from "../model/preferences.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { ArrowIcon, MinusIcon, PlusIcon } from "./icons.tsx";
import { Sheet } from "./sheet.tsx";

export function WatchlistSheet({ app }: { app: App }) {
  const [sought, seek] = useState("");
  const symbols = store.hello.value?.symbols ?? [];
  const watched = watchlistOf(
    store.preferences.value,
    symbols.map((it) => it.symbol),
  );
  const wanted = sought.trim().toUpperCase();
  const found = symbols.filter((it) => it.symbol.includes(wanted) && !watched.includes(it.symbol));
  const full = watched.length >= WATCHLIST_MAX;
  return (
    <Sheet title={strings.watchlist}>
      <input
        class="search"
        type="search"
        placeholder={strings.searchSymbol}
        aria-label={strings.searchSymbol}
        value={sought}
        onInput={(event) => seek((event.target as HTMLInputElement).value)}
      />
      {!wanted && (
        <ul class="choices">
          {watched.map((symbol, index) => (
            <li key={symbol} class="watched">
              <b>{symbol}</b>
              <button
                type="button"
                aria-label={strings.watchEarlier(symbol)}
                disabled={index === 0}
                onClick={() => app.watch(moved(watched, index, index - 1))}
              >
                <ArrowIcon />
              </button>
              <button
                type="button"
                aria-label={strings.watchNot(symbol)}
                onClick={() => app.watch(watched.filter((it) => it !== symbol))}
              >
                <MinusIcon />
              </button>
            </li>
          ))}
        </ul>
      )}
      {full && <p class="sheet-note">{strings.watchFull(WATCHLIST_MAX)}</p>}
      {wanted && found.length === 0 && <p class="sheet-note">{strings.noSymbolFound}</p>}
      <ul class="choices">
        {found.map((it) => (
          <li key={it.symbol} class="watched">
            <b>{it.symbol}</b>
            <span class="choice-note">{strings.venueCount(it.venues.length)}</span>
            <button
              type="button"
              aria-label={strings.watchToo(it.symbol)}
              disabled={full}
              onClick={() => app.watch([...watched, it.symbol])}
            >
              <PlusIcon />
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}

function moved(list: readonly string[], from: number, to: number): string[] {
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}
