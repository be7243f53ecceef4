/** Names of things as people write them. */

import { decimalsOf, price } from "../format.ts";
import type { Cluster } from "../model/state.ts";
import type { SymbolFacts } from "../net/frames.ts";

const NAMES: Readonly<Record<string, string>> = {
  binance: "Binance",
  bybit: "Bybit",
  okx: "OKX",
  bitget: "Bitget",
  gate: "Gate",
  hyperliquid: "Hyperliquid",
  kucoin: "KuCoin",
  deribit: "Deribit",
  htx: "HTX",
  mexc: "MEXC",
};

export const venueName = (venue: string): string => NAMES[venue] ?? venue;

const CODES: Readonly<Record<string, string>> = {
  binance: "BIN",
  bybit: "BYB",
  okx: "OKX",
  bitget: "BGT",
  gate: "GATE",
  hyperliquid: "HL",
  kucoin: "KCN",
  deribit: "DBT",
  htx: "HTX",
  mexc: "MEXC",
};

/** A venue in three or four letters, for columns. */
export const venueCode = (venue: string): string => CODES[venue] ?? venue.slice(0, 4).toUpperCase();

/** The prices of a cluster, rounded to the rows it covers: more digits would claim more than is known. */
export function clusterRange(cluster: Cluster, facts: SymbolFacts, group: number): string {
  const decimals = decimalsOf(facts.tick, group);
  const rounded = (tick: number) => price(Math.round(tick / group) * group, facts.tick, decimals);
  return `${rounded(cluster.lo)}–${rounded(cluster.hi)}`;
}
