/** The watchlist as it is shown: which cluster price meets first, and what comes first. */

import type { SymbolFacts } from "../net/frames.ts";
import type { GlanceCluster, GlanceRow } from "../net/glance_frames.ts";
import type { Freshness } from "./freshness.ts";
import type { GlanceSort } from "./preferences.ts";
import { type Quotes, quoteAgeMs, quoteFreshness } from "./quotes.ts";

export interface GlanceItem {
  readonly facts: SymbolFacts;
  /** Null before anything came. */
  readonly row: GlanceRow | null;
  readonly ageMs: number;
  readonly freshness: Freshness;
}

/** One item a watched symbol that anything is known of, in the user's own order. */
export function glanceItems(
  watchlist: readonly string[],
  known: readonly SymbolFacts[],
  quotes: Quotes,
  nowMs: number,
): GlanceItem[] {
  return watchlist.flatMap((symbol): GlanceItem[] => {
    const quote = quotes.get(symbol);
    const facts = quote?.facts ?? known.find((it) => it.symbol === symbol);
    if (!facts) return [];
    if (!quote) return [{ facts, row: null, ageMs: 0, freshness: "stale" }];
    const ageMs = quoteAgeMs(quote, nowMs);
    return [{ facts, row: quote.row, ageMs, freshness: quoteFreshness(quote, nowMs) }];
  });
}

export interface Nearest {
  readonly side: "above" | "below";
  readonly cluster: GlanceCluster;
}

/** The dense cluster that is fewest basis points away. */
export function nearestOf(row: GlanceRow | null): Nearest | null {
  const { above, below } = row ?? { above: null, below: null };
  if (above && (!below || above.distanceBp <= below.distanceBp)) return { side: "above", cluster: above };
  return below && { side: "below", cluster: below };
}

/** What is not live is no closer to anything: it goes to the end. */
function closeness({ row, freshness }: GlanceItem): number {
  if (freshness === "stale") return Number.POSITIVE_INFINITY;
  return nearestOf(row)?.cluster.distanceBp ?? Number.MAX_VALUE;
}

const byNumber = (one: number, other: number): number => (one === other ? 0 : one < other ? -1 : 1);

const ORDERS: { readonly [S in GlanceSort]: (one: GlanceItem, other: GlanceItem) => number } = {
  closeness: (one, other) => byNumber(closeness(one), closeness(other)),
  change: (one, other) => byNumber(-(one.row?.day ?? -Infinity), -(other.row?.day ?? -Infinity)),
  name: (one, other) => (one.facts.symbol < other.facts.symbol ? -1 : 1),
  own: () => 0,
};

/** Sorts items; equal ones stay in the user's own order. */
export const sortItems = (items: readonly GlanceItem[], sort: GlanceSort): GlanceItem[] =>
  [...items].sort(ORDERS[sort]);

/** The symbol closest to action; null when nothing live has a dense cluster. */
export function heroOf(items: readonly GlanceItem[]): GlanceItem | null {
  const [first] = sortItems(items, "closeness");
  return first && closeness(first) < Number.MAX_VALUE ? first : null;
}
