import { beforeEach, describe, expect, it } from "vitest";
import { BAND_USD } from "../draw/palette.ts";
import { LadderModel, type RowFacts, type SymbolFacts } from "../net/frames.ts";
import type { MapData } from "../net/map_frames.ts";
import { litSince } from "./map_cell.ts";
import { Market } from "./market.ts";
import { describeRow, heatBetween, spanText, ticksOf } from "./row_card.ts";
import type { StreamState } from "./state.ts";

const facts: SymbolFacts = {
  symbol: "BTCUSDT",
  base: "BTC",
  quote: "USDT",
  tick: [1, 1],
  lot: [1, 3],
  unit: "coin",
  venues: ["binance", "okx", "bybit"],
  groups: [10],
  group: 10,
};

const map = {
  ...{ firstMin: 0, stepMin: 60, columns: 3, rows: 4, low: 100, ratio: 2 },
  //                    column 0      column 1      column 2
  long: Uint8Array.from([0, 0, 90, 0, 0, 0, 95, 0, 0, 0, 40, 0]),
  short: Uint8Array.from([10, 0, 0, 0, 0, 80, 0, 0, 0, 80, 0, 0]),
} as unknown as MapData;

describe("the heat of a price range", () => {
  it("counts whole rows once and parts of rows in part", () => {
    expect([...heatBetween(map, 200, 400)]).toEqual([0, BAND_USD[80], BAND_USD[80]]);
    const half = heatBetween(map, 200, 200 * Math.SQRT2);
    expect(half[1]).toBeCloseTo((BAND_USD[80] as number) / 2, 6);
    const both = heatBetween(map, 200 * Math.SQRT2, 800);
    expect(both[1]).toBeCloseTo((BAND_USD[80] as number) / 2 + (BAND_USD[95] as number), 6);
  });

  it("outside the map is nothing", () => {
    expect([...heatBetween(map, 1, 50)]).toEqual([0, 0, 0]);
    expect([...heatBetween(map, 5_000, 6_000)]).toEqual([0, 0, 0]);
  });

  it("is told with the time it covers", () => {
    expect(spanText(map)).toBe("3 h");
    expect(spanText({ ...map, columns: 72 })).toBe("3 d");
  });
});

describe("a lit cell", () => {
  it("is there since its light began", () => {
    const cell = (column: number, row: number, side: "long" | "short") => {
      const code = map[side][column * map.rows + row] as number;
      return litSince(map, { column, row, side, code, usd: 0 });
    };
    expect(cell(1, 2, "long")).toBe(0);
    expect(cell(2, 1, "short")).toBe(1);
    expect(cell(2, 2, "long")).toBe(0);
    expect(cell(0, 0, "short")).toBe(0);
  });
});

describe("a row in words", () => {
  let market: Market;
  beforeEach(() => {
    market = new Market();
    const ladder = new LadderModel(10, 20);
    const key = {
      ...{ t: 1_000, age: 0, flags: 1, bid: 1_000, ask: 1_005 },
      // Row 101 holds 2 and row 103 holds 5 coins.
      ...{ bids: [0, 4_000], asks: [0, 2_000, 2, 5_000], trades: [1_005, 3, 10] },
      ...{ first: 103, bands: Uint8Array.from({ length: 400 }, (_, at) => (at === 0 ? 100 : 0)) },
    };
    ladder.apply({ type: "keyframe", stream: 1, epoch: 1, seq: 0, key });
    market.show(facts, "all", ladder, null);
    market.took(0);
  });
  const answer = (row: number): RowFacts => ({
    ...{ symbol: "BTCUSDT", group: 10, row, t: 1_000 },
    venues: [
      { venue: "binance", state: "live", age_ms: 5, bid: 0, ask: 1_000, whole: true, fuel: 3 },
      { venue: "okx", state: "stale", age_ms: null, bid: 0, ask: 0, whole: false, fuel: null },
      { venue: "bybit", state: "live", age_ms: 5, bid: 0, ask: 4_000, whole: true, fuel: null },
      { venue: "bitget", state: "live", age_ms: 5, bid: 9, ask: 0, whole: true, fuel: null },
    ],
  });

  it("stands for the ticks its side rounds to it", () => {
    expect(ticksOf({ row: 103, above: true }, 10)).toEqual({ low: 1_020, high: 1_030 });
    expect(ticksOf({ row: 100, above: false }, 10)).toEqual({ low: 1_000, high: 1_010 });
  });

  it("tells its dollars, and each venue's, the largest first", () => {
    const words = describeRow(market, { row: 103, above: true }, answer(103), 0);
    expect(words).toMatchObject({ title: "Asks at 103", side: "ask", resting: "515" });
    expect(words?.venues?.map(({ name, text, part }) => [name, text, part])).toEqual([
      ["Bybit", "412", 1],
      ["Binance", "103", 0.25],
      ["OKX", "stale", 0],
    ]);
  });

  it("tells at least so much where a venue's orders are not all known", () => {
    market.state = { clusters: [], bands: null, known: { low: 900, high: 1_020 } } as unknown as StreamState;
    const far = answer(103);
    const venues = far.venues.map((it) => ({ ...it, whole: it.venue === "bybit" }));
    const words = describeRow(market, { row: 103, above: true }, { ...far, venues }, 0);
    expect(words?.resting).toBe("≥ 515");
    expect(words?.venues?.map(({ name, text }) => [name, text])).toEqual([
      ["Bybit", "412"],
      ["Binance", "≥ 103"],
      ["OKX", "stale"],
      ["Bitget", "tells no orders this far"],
    ]);
    expect(describeRow(market, { row: 101, above: true }, null, 0)?.resting).toBe("202");
  });

  it("names the dense cluster it is part of, and how unusual that is once it is known", () => {
    const s1 = { name: "S1", side: "short", lo: 1_025, hi: 1_060, usd: 42e6, lift: 1.84 };
    const l1 = { ...s1, name: "L1", side: "long", lo: 900, hi: 1_000, lift: null };
    market.state = { bands: null, clusters: [s1, l1] } as unknown as StreamState;
    const told = (row: number, above: boolean) => describeRow(market, { row, above }, null, 0)?.facts;
    expect(told(103, true)).toEqual([
      ["cluster S1", "42 M"],
      ["of the usual there", "1.8 times"],
    ]);
    expect(told(102, true)).toEqual([]);
    expect(told(99, false)).toEqual([["cluster L1", "42 M"]]);
    expect(told(102, false)).toEqual([]);
  });

  it("waits for the answer about itself", () => {
    expect(describeRow(market, { row: 103, above: true }, answer(104), 0)?.venues).toBeNull();
    expect(describeRow(market, { row: 103, above: true }, null, 0)?.venues).toBeNull();
  });

  it("says so when nothing rests there", () => {
    expect(describeRow(market, { row: 90, above: false }, null, 0)).toMatchObject({
      title: "Bids at 90",
      resting: "",
    });
  });
});
