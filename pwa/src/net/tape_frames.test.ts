import { describe, expect, it } from "vitest";
import { FrameError, type Streamed } from "./frames.ts";
import { golden, told } from "./golden.ts";
import { type Print, TAPE_KEPT, TapeModel } from "./tape_frames.ts";

const frame = (code: number, ...parts: unknown[]): Streamed => ({
  type: "streamed",
  code,
  stream: 9,
  parts: [code, 9, ...parts, ...(code === 41 ? [1, 80] : [])],
});
const T = 1_000_000;
/** A trade a lot large, so that its dollars are its lots. */
const trade = (tick: number, lots: number, bought: boolean, age: number, fills = 1) => [
  tick,
  lots * 2 + Number(bought),
  1,
  age,
  fills,
];
const key = (trades: unknown[], liquidations: unknown[] = []) =>
  frame(40, {
    t: T,
    trades: trades.flat(),
    liquidations: liquidations.flat(),
    floor_usd: 0,
    sums: [0, 0],
    flags: 1,
    age: 80,
  });
const usdOf = (print: Print) => (print.liquidation ? print.usd : print.lots);
const began = (...frames: Streamed[]) => {
  const model = new TapeModel();
  for (const it of frames) expect(model.apply(it)).toBe(true);
  return model;
};

describe("the tape", () => {
  it("reads golden frames as their values say", () => {
    const model = new TapeModel();
    const [first, ...later] = told("tape") as {
      key: Record<string, number & number[]>;
      trades: number[];
      liquidations: number[];
      floor_usd: number;
      age: number;
      flags: number;
      t: number;
    }[];
    const [key, ...frames] = golden("tape");
    expect(model.apply(key as Streamed)).toBe(true);
    const flat = (prints: readonly Print[], tMs: number) => ({
      trades: prints
        .filter((it) => !it.liquidation)
        .flatMap((it) => [it.tick, it.lots * 2 + Number(it.bought), it.venue, tMs - it.atMs, it.fills]),
      liquidations: prints
        .filter((it) => it.liquidation)
        .flatMap((it) => [it.tick, it.usd, Number(!it.bought), it.venue, tMs - it.atMs]),
    });
    const { trades, liquidations, t } = (first as { key: Record<string, number & number[]> }).key;
    expect(flat(model.prints, t as number)).toEqual({ trades, liquidations });
    frames.forEach((it, index) => {
      expect(model.apply(it)).toBe(true);
      const { t, trades, liquidations, floor_usd, flags, age } = later[index] as (typeof later)[number];
      expect(flat(model.fresh, t)).toEqual({ trades, liquidations });
      expect([model.tMs, model.floorUsd, model.flags, model.ageMs]).toEqual([t, floor_usd, flags, age]);
    });
  });

  it("puts trades and liquidations into one order of time; a liquidated short buys", () => {
    const model = began(
      key([trade(100, 5, true, 900, 7), trade(101, 6, false, 100)], [[99, 2_000, 0, 2, 500]]),
    );
    expect(model.prints.map((it) => [it.tick, it.bought, it.liquidation, it.atMs, it.fills])).toEqual([
      [100, true, false, T - 900, 7],
      [99, true, true, T - 500, 1],
      [101, false, false, T - 100, 1],
    ]);
    expect(model.fresh).toEqual([]);
  });

  it("adds what comes and tells what is new", () => {
    const model = began(
      key([trade(100, 5, true, 900)]),
      frame(41, T + 250, trade(102, 3, false, 50), [], 50_000, [10, 20]),
    );
    expect(model.fresh.map((it) => it.tick)).toEqual([102]);
    expect(model.prints).toHaveLength(2);
    expect(model.floorUsd).toBe(50_000);
    expect(model.tMs).toBe(T + 250);
  });

  it("keeps sums exact although small prints are left out", () => {
    const model = began(
      key([trade(100, 500, true, 30_000), trade(100, 300, false, 70_000)]),
      frame(41, T + 1_000, [], [], 50_000, [1_000, 200]),
      frame(41, T + 2_000, trade(100, 60_000, true, 0), [[99, 7_000, 1, 0, 0]].flat(), 50_000, [60_100, 0]),
    );
    expect(model.sums(T + 2_000, usdOf)).toEqual({
      boughtUsd: 500 + 1_000 + 60_100,
      soldUsd: 200,
      shortsUsd: 0,
      longsUsd: 7_000,
      venues: 1,
    });
    expect(model.sums(T + 62_500, usdOf).boughtUsd).toBe(0);
  });

  it("is bounded", () => {
    const model = began(key([]));
    for (let i = 0; i < 2 * TAPE_KEPT; i++) {
      model.apply(frame(41, T + 1_000 * i, trade(i, 1, true, 0), [], 0, [1, 0]));
    }
    expect(model.prints).toHaveLength(TAPE_KEPT);
    expect(model.prints.at(-1)?.tick).toBe(2 * TAPE_KEPT - 1);
    expect(model.sums(model.tMs, usdOf).boughtUsd).toBeLessThanOrEqual(61);
  });

  it("cannot follow without a key, and refuses what it cannot read", () => {
    const model = new TapeModel();
    expect(model.apply(frame(41, T, [], [], 0, [0, 0]))).toBe(false);
    expect(() => model.apply(key([[1, 2, 3]]))).toThrow(FrameError);
    expect(() => model.apply(key([], [[99, 1, 2, 0, 0]]))).toThrow(FrameError);
    expect(() => began(key([])).apply(frame(41, T, [1], [], 0, [0, 0]))).toThrow(FrameError);
  });
});
