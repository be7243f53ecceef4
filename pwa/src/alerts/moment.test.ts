import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { LadderModel } from "../net/frames.ts";
import { encode } from "../net/msgpack.ts";
import { readMoment } from "./moment.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../shared/wire/golden");
const bytes = (name: string) => new Uint8Array(readFileSync(resolve(GOLDEN, name)));
const { group, depth, frames } = JSON.parse(readFileSync(resolve(GOLDEN, "stream.json"), "utf8"));

/** The first frame of the golden ladder, which is a keyframe. */
function keyframe(): Uint8Array {
  const raw = bytes("stream.bin");
  return raw.subarray(4, 4 + new DataView(raw.buffer).getUint32(0, true));
}

const moment = (change: object = {}) =>
  encode({
    at: 1_795_413_600_000,
    price: 77_270,
    target: 77_480.5,
    key: { symbol: "BTCUSDT", venue: "all", group, depth },
    facts: { symbol: "BTCUSDT", base: "BTC", tick: [1, 1], lot: [1, 3], unit: "coin", venues: ["binance"] },
    ladder: keyframe(),
    state: bytes("state.bin"),
    signals: {},
    ...change,
  });

describe("the moment of an alert", () => {
  it("is the book that the server saw", () => {
    const { atMs, target, market } = readMoment(moment(), 0);
    expect([atMs, target, market.facts?.base, market.venue]).toEqual([
      1_795_413_600_000,
      77_480.5,
      "BTC",
      "all",
    ]);
    expect(market.ladder).toBeInstanceOf(LadderModel);
    expect(market.ladder?.bidTick).toBe(frames[0].bid);
    expect(market.state).not.toBeNull();
  });

  it("does not age", () => {
    const { market } = readMoment(moment(), 0);
    expect(market.freshness(9e9)).toBe(market.freshness(0));
  });

  it("may be about no row", () => {
    expect(readMoment(moment({ target: null }), 0).target).toBeNull();
  });

  it("is refused when it is none", () => {
    for (const broken of [
      new Uint8Array(),
      encode({}),
      moment({ ladder: null }),
      moment({ ladder: bytes("state.bin") }),
      moment({ state: keyframe() }),
    ])
      expect(() => readMoment(broken, 0)).toThrow();
  });
});
