// @vitest-environment happy-dom

import { beforeEach, describe, expect, it } from "vitest";
import { LadderModel, type SymbolFacts } from "../net/frames.ts";
import { Market } from "./market.ts";
import { restoreSnapshot, saveSnapshot } from "./snapshot.ts";
import type { StreamState } from "./state.ts";

const facts: SymbolFacts = {
  symbol: "BTCUSDT",
  base: "BTC",
  quote: "USDT",
  tick: [1, 1],
  lot: [1, 3],
  unit: "coin",
  venues: ["binance", "bybit"],
  groups: [1, 10],
  group: 10,
};

const LIVE = 1;
const STALE = 2;
const CROSSED = 8;

/** trades: flat [tick, lots * 2 + bought, age in ms]. */
const keyframe = (t: number, trades: number[] = [], flags = LIVE, bands = new Uint8Array(400).fill(9)) => ({
  type: "keyframe" as const,
  stream: 1,
  epoch: 1,
  seq: 1,
  key: {
    t,
    age: 40,
    flags,
    bid: 1004,
    ask: 1005,
    bids: [0, 5, 1, 6, 3, 7],
    asks: [0, 8, 2, 9],
    trades,
    first: 90,
    bands,
  },
});

let market: Market;
let ladder: LadderModel;

beforeEach(() => {
  market = new Market();
  ladder = new LadderModel(10, 50);
  market.show(facts, "all", ladder, null);
});

const take = (frame: ReturnType<typeof keyframe>, nowMs: number) => {
  ladder.apply(frame);
  market.took(nowMs);
};

describe("trades", () => {
  it("of a keyframe are counted once, however often they are repeated", () => {
    take(keyframe(10_000, [1005, 4 * 2 + 1, 300, 1004, 3 * 2, 100]), 0);
    take(keyframe(10_500, [1005, 4 * 2 + 1, 800, 1004, 3 * 2, 600, 1005, 2 * 2 + 1, 100]), 500);
    expect([market.volume.boughtLots(101), market.volume.soldLots(100)]).toEqual([6, 3]);
    expect(market.last).toEqual({ tick: 1005, bought: true });
  });

  it("tell the last price; without any, the best bid stands for it", () => {
    take(keyframe(10_000), 0);
    expect(market.priceTick()).toBe(1004);
    take(keyframe(10_100, [1006, 3, 20]), 100);
    expect(market.priceTick()).toBe(1006);
  });

  it("that came with a keyframe do not flash as if they were new", () => {
    take(keyframe(10_000, [1006, 3, 5_000]), 7_000);
    expect(market.lastAtMs).toBe(2_000);
  });

  it("of another venue's view are forgotten", () => {
    take(keyframe(10_000, [1006, 3, 20]), 0);
    market.show(facts, "bybit", new LadderModel(10, 50), null);
    expect([market.last, market.volume.boughtLots(101)]).toEqual([null, 0]);
  });
});

describe("age", () => {
  it("is the frame's own and the time since it came", () => {
    take(keyframe(10_000), 5_000);
    expect(market.ageMs(5_000)).toBe(40);
    expect(market.ageMs(8_000)).toBe(3_040);
  });

  it("makes the picture late, then stale", () => {
    take(keyframe(10_000), 0);
    expect([1_900, 2_100, 9_900, 10_100].map((ms) => market.freshness(ms))).toEqual([
      "fresh",
      "late",
      "late",
      "stale",
    ]);
  });

  it("does not make live what the server calls stale or not read yet", () => {
    take(keyframe(10_000, [], STALE), 0);
    expect(market.freshness(0)).toBe("stale");
    take(keyframe(10_000, [], 0), 0);
    expect(market.freshness(0)).toBe("stale");
  });
});

it("crossing venues are told for two seconds after the last crossing", () => {
  take(keyframe(10_000, [], LIVE | CROSSED), 1_000);
  take(keyframe(10_100), 1_100);
  expect([market.crossed(2_900), market.crossed(3_100)]).toEqual([true, false]);
});

describe("the kept picture", () => {
  const state = { t: 1, clusters: [], venues: [], bands: null, day: 1.5 } as unknown as StreamState;

  it("comes back whole, and as old as it is", () => {
    take(keyframe(10_000, [1005, 9, 300]), 1_000);
    market.state = state;
    saveSnapshot(localStorage, market, 3_000, 1_700_000_000_000);
    const again = new Market();
    expect(restoreSnapshot(localStorage, again, 50, 1_700_000_060_000)).toBe(true);
    const restored = again.ladder as LadderModel;
    expect(restored.bids.rows.slice(0, 3)).toEqual(ladder.bids.rows.slice(0, 3));
    expect(restored.asks.lots.slice(0, 2)).toEqual(ladder.asks.lots.slice(0, 2));
    expect([restored.firstBand, restored.bands[7], restored.bidTick, restored.group]).toEqual([
      90, 9, 1004, 10,
    ]);
    expect([again.facts, again.state, again.last]).toEqual([facts, state, { tick: 1005, bought: true }]);
    expect(again.ageMs(50)).toBe(60_000 + 2_040);
    expect(again.freshness(50)).toBe("stale");
  });

  it("is smaller than 32 kB with full sides and bands", () => {
    const full = Array.from({ length: 80 }, () => [1, 123_456]).flat();
    const frame = keyframe(10_000);
    take({ ...frame, key: { ...frame.key, bids: full, asks: full } }, 0);
    saveSnapshot(localStorage, market, 0, 0);
    expect((localStorage.getItem("leadline.snapshot") ?? "").length).toBeLessThan(32_768);
  });

  it("that cannot be read is left alone", () => {
    for (const text of ["{", "{}", '{"version":1,"group":10,"depth":5}']) {
      localStorage.setItem("leadline.snapshot", text);
      const again = new Market();
      expect(restoreSnapshot(localStorage, again, 0, 0)).toBe(false);
      expect(again.ladder).toBeNull();
    }
  });

  it("is not overwritten by an empty market", () => {
    localStorage.setItem("leadline.snapshot", "kept");
    saveSnapshot(localStorage, new Market(), 0, 0);
    expect(localStorage.getItem("leadline.snapshot")).toBe("kept");
  });
});
