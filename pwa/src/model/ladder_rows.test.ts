import { expect, it } from "vitest";
import { BAND_ROWS, LadderModel, type SymbolFacts } from "../net/frames.ts";
import { LadderRows } from "./ladder_rows.ts";
import { VolumeProfile } from "./volume.ts";

const facts: SymbolFacts = {
  symbol: "BTCUSDT",
  base: "BTC",
  quote: "USDT",
  tick: [1, 1],
  lot: [1, 3],
  unit: "coin",
  venues: ["binance"],
  groups: [1, 10, 100],
  group: 100,
};

const bands = new Uint8Array(BAND_ROWS);
bands.set([0, 1, 200]);
const ladder = new LadderModel(100, 50);
ladder.apply({
  type: "keyframe",
  stream: 1,
  epoch: 1,
  seq: 1,
  key: {
    t: 0,
    age: 0,
    flags: 1,
    bid: 774228,
    ask: 774229,
    bids: [0, 1000, 2, 3000, 40, 9000],
    asks: [0, 2000, 1, 500],
    trades: [],
    first: 7741,
    bands,
  },
});

const filled = () => {
  const rows = new LadderRows();
  const volume = new VolumeProfile();
  volume.regroup(100);
  volume.add(774229, 100, true, 0);
  rows.fill(ladder, facts, volume, 7744, 7740);
  return rows;
};

it("turns lots into dollars at the row's price", () => {
  const rows = filled();
  expect(rows.count).toBe(5);
  expect([...rows.askUsd.subarray(0, 5)]).toEqual(
    [0.5 * 77440, 2 * 77430, 0, 0, 0].map((it) => expect.closeTo(it)),
  );
  expect([...rows.bidUsd.subarray(0, 5)]).toEqual(
    [0, 0, 77420, 0, 3 * 77400].map((it) => expect.closeTo(it)),
  );
  expect(rows.boughtUsd[1]).toBeCloseTo(0.1 * 77430);
});

it("lots that count quote currency are dollars already", () => {
  const rows = new LadderRows();
  rows.fill(ladder, { ...facts, unit: "quote", lot: [100, 0] }, new VolumeProfile(), 7744, 7740);
  expect(rows.askUsd[1]).toBe(200_000);
});

it("reads the band of each row and nothing outside the bands", () => {
  const fuel = [...filled().fuelUsd.subarray(0, 5)];
  expect(fuel[0]).toBe(0);
  expect(fuel[1]).toBeCloseTo(100 * (1.06 ** 200 - 1));
  expect(fuel[2]).toBeCloseTo(6);
  expect(fuel.slice(3)).toEqual([0, 0]);
});

it("clears what an earlier picture left behind", () => {
  const rows = filled();
  rows.fill(new LadderModel(100, 50), facts, new VolumeProfile(), 7744, 7740);
  expect(rows.longestVolume()).toBe(0);
  expect(rows.medianBook()).toBe(0);
});

it("knows the longest bar and the median of what rests", () => {
  const rows = filled();
  expect(rows.longestBar()).toBeCloseTo(100 * (1.06 ** 200 - 1));
  expect(rows.medianBook()).toBeCloseTo(2 * 77430);
});

it("sums from price outwards, over empty rows, and says nothing beyond the last order", () => {
  const rows = new LadderRows();
  rows.fill(ladder, facts, new VolumeProfile(), 7746, 7738, 7742);
  const shown = (bars: Float64Array) => [...bars.subarray(0, rows.count)].map((it) => Math.round(it));
  const [first, second] = [2 * 77430, 0.5 * 77440];
  expect(shown(rows.askBar)).toEqual([0, 0, first + second, first, 0, 0, 0, 0, 0]);
  const [best, last] = [1 * 77420, 3 * 77400];
  const both = best + last;
  expect(shown(rows.bidBar)).toEqual([0, 0, 0, 0, best, best, both, both, both]);
  // The rows themselves stay known: walls are judged by them.
  expect(rows.bidUsd[5]).toBe(0);
});

it("sums estimates away from price on each side of it, those outside the picture too", () => {
  const rows = new LadderRows();
  const held = new Uint8Array(BAND_ROWS);
  held.fill(10, 0, 6);
  const banded = new LadderModel(100, 50);
  banded.bands.set(held);
  banded.firstBand = 7740;
  rows.fill(banded, facts, new VolumeProfile(), 7745, 7744, 7742);
  const one = 100 * (1.06 ** 10 - 1);
  expect([...rows.fuelBar.subarray(0, 2)]).toEqual([3 * one, 2 * one].map((it) => expect.closeTo(it)));
  rows.fill(banded, facts, new VolumeProfile(), 7742, 7740, 7742);
  expect([...rows.fuelBar.subarray(0, 3)]).toEqual([one, 2 * one, 3 * one].map((it) => expect.closeTo(it)));
});

it("arrives as it was packed, plain or summed, over other rows", () => {
  const arrived = new LadderRows();
  for (const sumFrom of [null, 7742, null]) {
    const rows = filled();
    rows.fill(ladder, facts, new VolumeProfile(), 7746 - (sumFrom ?? 0) / 7742, 7738, sumFrom);
    arrived.take(structuredClone(rows.packed()));
    expect(arrived).toMatchObject({ highest: rows.highest, count: rows.count });
    for (const name of ["bidUsd", "askUsd", "fuelCode", "fuelUsd", "boughtUsd", "soldUsd"] as const)
      expect(arrived[name]).toEqual(rows[name]);
    for (const name of ["bidBar", "askBar", "fuelBar"] as const) expect(arrived[name]).toEqual(rows[name]);
    expect(arrived.medianBook()).toBe(rows.medianBook());
    expect(arrived.medianShown()).toBe(rows.medianShown());
  }
});
