// @vitest-environment happy-dom

import { expect, it } from "vitest";
import { DEFAULTS, loadPreferences, parsePreferences, savePreferences } from "./preferences.ts";

it("what was saved is read back", () => {
  const chosen = {
    ...DEFAULTS,
    symbol: "ETHUSDT",
    venue: "bybit",
    groups: { ETHUSDT: 10 },
    hand: "left" as const,
    layout: "left" as const,
    bars: "sum" as const,
    colours: "viridis" as const,
    saver: true,
    largeUsd: 1_000_000 as const,
    watchlist: ["ETHUSDT"],
  };
  savePreferences(localStorage, chosen);
  expect(loadPreferences(localStorage)).toEqual(chosen);
});

it("anything unreadable falls back to the defaults", () => {
  for (const text of [null, "", "{", "[]", "3", '{"groups":[1],"colours":"pink","symbol":4}'])
    expect(parsePreferences(text)).toEqual(DEFAULTS);
});

it("groupings that are no whole numbers are left out", () => {
  expect(parsePreferences('{"groups":{"A":5,"B":"5","C":0.5}}').groups).toEqual({ A: 5 });
});

it("a full store is no error", () => {
  const full = {
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  } as unknown as Storage;
  expect(() => savePreferences(full, { ...DEFAULTS })).not.toThrow();
});
