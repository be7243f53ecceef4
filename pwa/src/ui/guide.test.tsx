// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, expect, it } from "vitest";
import type { Quote } from "../model/quotes.ts";
import type { StreamState } from "../model/state.ts";
import { store } from "../model/store.ts";
import { Guide } from "./guide.tsx";

const host = document.createElement("div");
const shown = () => {
  act(() => render(<Guide />, host));
  return host.textContent ?? "";
};
const regime = (name: string) => new Map([["BTCUSDT", { row: { regime: name } } as unknown as Quote]]);

beforeEach(() => {
  store.facts.value = { symbol: "BTCUSDT" } as NonNullable<typeof store.facts.value>;
  store.screen.value = "ladder";
  store.freshness.value = "fresh";
  store.quotes.value = new Map();
  store.lookAgain.value = null;
  store.hintsSeen.value = new Set();
  store.following.value = true;
  store.group.value = 10;
  store.lastRow.value = 1_000;
  store.range.value = { lo: 9_900, hi: 10_100 };
  store.state.value = { clusters: [{ side: "short", lo: 10_500, hi: 10_600 }] } as unknown as StreamState;
});

it("says nothing when nothing is to be said, nor over a stale picture", () => {
  expect(shown()).toBe("");
  store.quotes.value = regime("news");
  store.freshness.value = "stale";
  expect(shown()).toBe("");
});

it("puts the news before a thin map, and that before levels from another time", () => {
  store.lookAgain.value = { sinceMs: 3 * 3_600_000, movedPct: -2.34 };
  expect(shown()).toContain("Last looked 3 h ago, price −2.3 %");
  store.quotes.value = regime("sparse");
  expect(shown()).toContain("Sparse map");
  store.quotes.value = regime("news");
  expect(shown()).toContain("News override");
});

it("tells when rows and map speak of different time frames", () => {
  store.state.value = { clusters: [{ side: "long", lo: 9_000, hi: 9_100 }] } as unknown as StreamState;
  expect(shown()).toContain("Rows reach 1.00 %, the next dense cluster of the 24h map is 9.00 % away");
});

it("neither comes nor goes for another time frame while a finger moves the rows", () => {
  store.following.value = false;
  const clusters = [{ side: "long", lo: 9_000, hi: 9_100 }];
  store.state.value = { clusters } as unknown as StreamState;
  expect(shown()).toBe("");
  store.following.value = true;
  const told = shown();
  expect(told).toContain("Rows reach");
  store.following.value = false;
  store.range.value = { lo: 8_950, hi: 9_150 };
  expect(shown()).toBe(told);
  store.following.value = true;
  expect(shown()).toBe("");
});

it("is closed for good with a tap", () => {
  store.quotes.value = regime("sparse");
  shown();
  act(() => host.querySelector("button")?.click());
  expect(shown()).toBe("");
});
