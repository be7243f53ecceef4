// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { change, factsOf, gapOf, readSince } from "./since.ts";

const told = (change: object = {}, after: object | null = {}) => ({
  before: 77_172.4,
  price: 77_214.6,
  live: true,
  age_ms: 40,
  after: after && { reached: "ahead", closest: 0.003, state: null, forced_usd: 4e5, oi: 0.0002, ...after },
  ...change,
});
const values = (answer: object, target: number | null = 77_480) =>
  factsOf(readSince(answer), target).map(({ name, value }) => `${name} ${value}`);

describe("what has come of an alert", () => {
  it("is told in four facts", () => {
    expect(values(told())).toEqual([
      "since then +0.05 %",
      "to the edge 0.34 %",
      "forced 400 k",
      "OI +0.02 %",
    ]);
  });

  it("says what the cluster went through instead of a distance that says nothing more", () => {
    expect(values(told({}, { reached: "touched" }))[1]).toBe("cluster touched");
    expect(values(told({}, { reached: "through" }))[1]).toBe("cluster passed");
    expect(values(told({}, { reached: "touched", state: "held" }))[1]).toBe("cluster held");
    expect(values(told({}, { state: "armed" }))[1]).toBe("to the edge 0.34 %");
    expect(values(told({}, { reached: null }))[1]).toBe("to the row 0.34 %");
  });

  it("shows no number that is not of now", () => {
    expect(values(told({ live: false }))).toEqual([
      "since then –",
      "to the edge –",
      "forced 400 k",
      "OI +0.02 %",
    ]);
    expect(values(told({}, null))).toEqual(["since then +0.05 %", "to the row 0.34 %", "forced –", "OI –"]);
    for (const nothing of [null, {}, [], told({ before: "x", price: null })])
      expect(factsOf(readSince(nothing), null)[0]?.value).toBe("–");
    expect(factsOf(null, 5).map((it) => it.value)).toEqual(["–", "–", "–", "–"]);
  });

  it("says what it leaves out", () => {
    expect(gapOf(readSince(told({}, { unwatched_ms: 7_200_000 })))).toContain("down for 2 h since");
    for (const nothing of [told(), told({}, null), null]) expect(gapOf(readSince(nothing))).toBe("");
  });

  it("has a way only where something moved", () => {
    expect([change(100, 101).way, change(100, 99).way, change(100, 100.001).way]).toEqual([1, -1, 0]);
  });
});
