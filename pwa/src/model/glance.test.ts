// @vitest-environment happy-dom

import { beforeEach, describe, expect, it } from "vitest";
import type { SymbolFacts } from "../net/frames.ts";
import type { GlanceCluster, GlanceRow } from "../net/glance_frames.ts";
import { type GlanceItem, glanceItems, heroOf, nearestOf, sortItems } from "./glance.ts";
import { DEFAULTS, watchlistOf } from "./preferences.ts";
import { quoteAgeMs, quotesWith, restoreQuotes, saveQuotes } from "./quotes.ts";

const facts = (symbol: string): SymbolFacts => ({
  symbol,
  base: symbol.slice(0, 3),
  quote: "USDT",
  tick: [1, 1],
  lot: [1, 3],
  unit: "coin",
  venues: ["binance"],
  groups: [1],
  group: 1,
});
const cluster = (distanceBp: number): GlanceCluster => ({
  peak: 1,
  usd: 1e6,
  lowUsd: 5e5,
  highUsd: 2e6,
  distanceBp,
  etaMin: null,
  name: "S1",
  state: "",
});
const row = (part: Partial<GlanceRow> = {}): GlanceRow => ({
  live: true,
  ageMs: 100,
  last: 10,
  day: 0,
  above: null,
  below: null,
  bias: null,
  regime: "useful",
  strip: Uint8Array.of(0, 9),
  topCode: null,
  funding: null,
  calibrated: true,
  ...part,
});
const item = (symbol: string, part: Partial<GlanceRow>, freshness: GlanceItem["freshness"] = "fresh") => ({
  facts: facts(symbol),
  row: row(part),
  ageMs: 0,
  freshness,
});
const names = (items: readonly GlanceItem[]) => items.map((it) => it.facts.symbol);

describe("the order", () => {
  const items = [
    item("CCC", { day: 1, above: cluster(60), below: cluster(40) }),
    item("AAA", { day: -3 }),
    item("BBB", { day: 2, above: cluster(50) }),
    item("DDD", { day: null, below: cluster(1) }, "stale"),
  ];

  it("by closeness has the nearest cluster of either side first and what is not live last", () => {
    expect(names(sortItems(items, "closeness"))).toEqual(["CCC", "BBB", "AAA", "DDD"]);
  });

  it("by change, by name and by the user's own order", () => {
    expect(names(sortItems(items, "change"))).toEqual(["BBB", "CCC", "AAA", "DDD"]);
    expect(names(sortItems(items, "name"))).toEqual(["AAA", "BBB", "CCC", "DDD"]);
    expect(names(sortItems(items, "own"))).toEqual(["CCC", "AAA", "BBB", "DDD"]);
  });

  it("makes the live market closest to a cluster the hero, and none when there is no such", () => {
    expect(heroOf(items)?.facts.symbol).toBe("CCC");
    expect(heroOf(items.slice(1, 2))).toBeNull();
    expect(heroOf(items.slice(3))).toBeNull();
    expect(heroOf([])).toBeNull();
  });

  it("takes the nearer side", () => {
    expect(nearestOf(row({ above: cluster(60), below: cluster(40) }))?.side).toBe("below");
    expect(nearestOf(row({ above: cluster(30), below: cluster(40) }))?.side).toBe("above");
    expect(nearestOf(row())).toBeNull();
    expect(nearestOf(null)).toBeNull();
  });
});

describe("what is watched", () => {
  it("is the server's first markets until the user chooses, then the choice that still exists", () => {
    const known = Array.from({ length: 20 }, (_, index) => `S${index}`);
    expect(watchlistOf(DEFAULTS, known)).toEqual(known.slice(0, 12));
    expect(watchlistOf({ ...DEFAULTS, watchlist: ["S9", "GONE", "S1"] }, known)).toEqual(["S9", "S1"]);
    expect(watchlistOf({ ...DEFAULTS, watchlist: [] }, known)).toEqual([]);
  });
});

describe("quotes", () => {
  const known = [facts("BTCUSDT"), facts("ETHUSDT")];
  const frame = (...rows: GlanceRow[]) => ({ rows, simulated: true });

  beforeEach(() => localStorage.clear());

  it("of symbols outside a frame stay, and grow old", () => {
    let held = quotesWith(new Map(), ["BTCUSDT", "ETHUSDT"], frame(row(), row({ last: 20 })), known, 1_000);
    held = quotesWith(held, ["BTCUSDT"], frame(row({ last: 11 })), known, 5_000);
    const [btc, eth] = glanceItems(["BTCUSDT", "ETHUSDT"], known, held, 16_000);
    expect([btc?.row?.last, btc?.ageMs, btc?.freshness]).toEqual([11, 11_100, "stale"]);
    expect([eth?.row?.last, eth?.ageMs]).toEqual([20, 15_100]);
  });

  it("are waited for where nothing came yet, and left out where nothing is known", () => {
    const items = glanceItems(["ETHUSDT", "XXX"], known, new Map(), 0);
    expect(items).toEqual([{ facts: known[1], row: null, ageMs: 0, freshness: "stale" }]);
  });

  it("are kept and come back as old as they are by then", () => {
    const held = quotesWith(new Map(), ["BTCUSDT"], frame(row({ last: 7 })), known, 1_000);
    saveQuotes(localStorage, held, 3_000, 100_000);
    const back = restoreQuotes(localStorage, 50, 160_000);
    const quote = back.get("BTCUSDT");
    expect(quote?.row).toMatchObject({ last: 7, strip: Uint8Array.of(0, 9) });
    expect(quote && quoteAgeMs(quote, 50)).toBe(62_100);
    localStorage.setItem("leadline.quotes", '{"version":2,"quotes":3}');
    expect(restoreQuotes(localStorage, 0, 0).size).toBe(0);
  });
});
