import { beforeEach, describe, expect, it } from "vitest";
import { LadderModel, type SymbolFacts } from "../net/frames.ts";
import type { StreamState } from "./state.ts";
import { Walls } from "./walls.ts";

const facts: SymbolFacts = {
  symbol: "BTCUSDT",
  base: "BTC",
  quote: "USDT",
  tick: [1, 0],
  lot: [1, 0],
  venues: ["binance"],
  groups: [1],
  group: 1,
  unit: "coin",
};
const BID = 1000;
const DEPTH = 20;
/** Lots of a plain row; a wall of 1000 lots at about 1000 dollars is a million. */
const PLAIN = 50;
const WALL = 1000;

let walls: Walls;
let ladder: LadderModel;
let nowMs: number;
let state: StreamState | null;

/** Shows bids downwards from 1000 and asks upwards from 1001, with some rows changed. */
function show(
  bids: Record<number, number> = {},
  options: { seq?: number; sold?: [number, number] } = {},
): void {
  nowMs += 1_000;
  const side = (best: number, outwards: 1 | -1, changed: Record<number, number>) =>
    Array.from({ length: DEPTH }, (_, level) => [
      level === 0 ? 0 : 1,
      changed[best + outwards * level] ?? PLAIN,
    ]).flat();
  const seq = options.seq ?? ladder.seq + 1;
  ladder.apply({
    type: "keyframe",
    stream: 1,
    epoch: 1,
    seq,
    key: {
      t: nowMs,
      age: 0,
      flags: 1,
      bid: BID,
      ask: BID + 1,
      bids: side(BID, -1, bids),
      asks: side(BID + 1, 1, {}),
      trades: options.sold ? [options.sold[0], options.sold[1] * 2, 0] : [],
      first: 0,
      bands: new Uint8Array(0),
    },
  });
  // A keyframe's trades are old ones; here they stand for those of a delta.
  ladder.freshPrints = options.sold ? 1 : 0;
  walls.observe(ladder, facts, state, nowMs);
}

beforeEach(() => {
  walls = new Walls();
  ladder = new LadderModel(1, DEPTH);
  nowMs = 0;
  state = null;
});

const rows = () => walls.shown.map(({ row }) => row);
const pulled = () => walls.pulled.map(({ row }) => row);

describe("a wall", () => {
  it("is shown once it has stood for a while", () => {
    show();
    show({ 990: WALL });
    expect(rows()).toEqual([]);
    show({ 990: WALL });
    show({ 990: WALL });
    expect(rows()).toEqual([990]);
    expect(walls.shown[0]).toMatchObject({ side: "bid", usd: 990 * WALL, older: false });
  });

  it("that was there in the first frame may be older", () => {
    show({ 990: WALL });
    show({ 990: WALL });
    show({ 990: WALL });
    expect(walls.shown[0]?.older).toBe(true);
  });

  it("that comes where not every order is known may be older", () => {
    state = { known: { low: 991, high: 1_020 } } as StreamState;
    show();
    for (let i = 0; i < 3; i++) show({ 990: WALL, 991: WALL });
    expect(walls.shown.map(({ row, older }) => [row, older])).toEqual([
      [991, false],
      [990, true],
    ]);
  });

  it("is not a plain row, however deep the book", () => {
    for (let i = 0; i < 4; i++) show();
    expect(rows()).toEqual([]);
  });
});

describe("a wall that goes", () => {
  beforeEach(() => {
    for (let i = 0; i < 4; i++) show({ 990: WALL });
  });

  it("without trades was pulled, and the mark goes after a while", () => {
    show();
    expect(pulled()).toEqual([990]);
    expect(walls.pulled[0]?.usd).toBeCloseTo(990 * (WALL - PLAIN));
    const list = walls.pulled;
    for (let i = 0; i < 3; i++) show();
    expect(walls.pulled).toBe(list);
    for (let i = 0; i < 20; i++) show();
    expect(pulled()).toEqual([]);
  });

  it("by trades was not pulled", () => {
    show({}, { sold: [990, WALL - PLAIN] });
    expect(pulled()).toEqual([]);
    expect(rows()).toEqual([]);
  });

  it("across a gap is not called pulled: its trades may be missing", () => {
    show({}, { seq: ladder.seq + 7 });
    expect(pulled()).toEqual([]);
  });

  it("in part stays until most of it is gone", () => {
    show({ 990: WALL * 0.6 });
    expect(rows()).toEqual([990]);
    show({ 990: WALL * 0.3 });
    expect(pulled()).toEqual([990]);
  });
});
