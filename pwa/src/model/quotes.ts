/** The last that the watchlist told of each symbol; what the headline shows beside a ladder's book. */

import type { SymbolFacts } from "../net/frames.ts";
import type { GlanceModel, GlanceRow } from "../net/glance_frames.ts";
import { type Freshness, freshnessOf } from "./freshness.ts";
import { keep, readKept } from "./kept.ts";

export interface Quote {
  /** The steps that the row's ticks are in. */
  readonly facts: SymbolFacts;
  readonly row: GlanceRow;
  readonly simulated: boolean;
  /** When it came, on the clock of `performance.now()`. */
  readonly atMs: number;
}

export type Quotes = ReadonlyMap<string, Quote>;

/** Takes a frame of a watchlist; symbols that are not of it stay as they were. */
export function quotesWith(
  held: Quotes,
  symbols: readonly string[],
  model: Pick<GlanceModel, "rows" | "simulated">,
  known: readonly SymbolFacts[],
  nowMs: number,
): Quotes {
  const next = new Map(held);
  symbols.forEach((symbol, index) => {
    const row = model.rows[index];
    const facts = known.find((it) => it.symbol === symbol);
    if (row && facts) next.set(symbol, { facts, row, simulated: model.simulated, atMs: nowMs });
  });
  return next;
}

export const quoteAgeMs = (quote: Quote, nowMs: number): number =>
  quote.row.ageMs + Math.max(0, nowMs - quote.atMs);

export const quoteFreshness = (quote: Quote, nowMs: number): Freshness =>
  freshnessOf(quoteAgeMs(quote, nowMs), !quote.row.live);

const KEY = "leadline.quotes";
const VERSION = 2;
/** More would outgrow what the phone should keep. */
const KEPT = 30;

type KeptRow = Omit<GlanceRow, "strip"> & { readonly strip: readonly number[] };
interface Kept {
  readonly version: typeof VERSION;
  readonly savedMs: number;
  readonly quotes: readonly (readonly [
    facts: SymbolFacts,
    row: KeptRow,
    simulated: boolean,
    ageMs: number,
  ])[];
}

/** Writes down what is held, so that a start without a server shows the past. */
export function saveQuotes(storage: Storage, quotes: Quotes, nowMs: number, wallMs: number): void {
  if (quotes.size === 0) return;
  const kept: Kept = {
    version: VERSION,
    savedMs: wallMs,
    quotes: [...quotes.values()]
      .slice(-KEPT)
      .map((quote) => [
        quote.facts,
        { ...quote.row, strip: [...quote.row.strip] },
        quote.simulated,
        quoteAgeMs(quote, nowMs),
      ]),
  };
  keep(storage, KEY, kept);
}

/** Reads what was kept, each quote as old as it is by now; none when it cannot be read. */
export function restoreQuotes(storage: Storage, nowMs: number, wallMs: number): Quotes {
  try {
    const read = readKept<Kept>(storage, KEY, VERSION);
    if (!read) return new Map();
    const sinceMs = Math.max(0, wallMs - read.savedMs);
    return new Map(
      read.quotes.map(([facts, row, simulated, ageMs]) => [
        facts.symbol,
        {
          facts,
          row: { ...row, strip: Uint8Array.from(row.strip), ageMs: ageMs + sinceMs },
          simulated,
          atMs: nowMs,
        },
      ]),
    );
  } catch {
    return new Map();
  }
}
