import { expect, it } from "vitest";
import { signalWords } from "./signals.ts";

it("signals that stood out are told, the book's first", () => {
  const told = {
    imbalance_z: 1.83,
    thin: { bids: 0.02, asks: 0.46 },
    absorbed_s: { bids: 12, asks: 0 },
    oi_drop_30s: 0.0018,
    died_usd: { long: 0, short: 410_000 },
  };
  expect(signalWords(told)).toEqual([
    "asks 46 % thinner than usual",
    "bids absorb for 12 s",
    "buyers +1.8 σ",
    "OI −0.18 % in 30 s",
    "410 k of shorts liquidated in 2 min",
  ]);
  expect(signalWords({ ...told, imbalance_z: -2, thin: {}, absorbed_s: null, died_usd: 3 })).toEqual([
    "sellers −2.0 σ",
    "OI −0.18 % in 30 s",
  ]);
});

it("nothing stands out of nothing", () => {
  for (const told of [null, 3, [], {}, { thin: "x", imbalance_z: "y", oi_drop_30s: null }])
    expect(signalWords(told)).toEqual([]);
});
