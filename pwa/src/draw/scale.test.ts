import { expect, it } from "vitest";
import { bookPane, columnsOf, fuelPane } from "./columns.ts";
import { BarScale, roundUp } from "./scale.ts";

it("scales are round numbers", () => {
  expect([6.7e6, 8e6, 8.1e6, 0.031, 999].map(roundUp)).toEqual([8e6, 8e6, 1e7, 0.04, 1000]);
});

it("a scale stays while the longest bar is between half and all of it", () => {
  const scale = new BarScale();
  expect(scale.update(6.5e6)).toBe(true);
  expect(scale.usd).toBe(8e6);
  expect([8e6, 5e6, 4e6].map((usd) => scale.update(usd))).toEqual([false, false, false]);
  expect(scale.update(8.1e6)).toBe(true);
  expect(scale.usd).toBe(1e7);
  expect(scale.update(4.9e6)).toBe(true);
  expect(scale.usd).toBe(6e6);
});

it("an empty picture keeps the scale", () => {
  const scale = new BarScale();
  scale.update(1e6);
  expect(scale.update(0)).toBe(false);
  expect(scale.usd).toBe(1.5e6);
});

it("columns share the width as on a phone of 390 pixels", () => {
  expect(columnsOf(390, 50)).toEqual({
    volumeEnd: 36,
    spineStart: 156,
    spineEnd: 240,
    gutterStart: 360,
    width: 390,
    side: 120,
    layout: "middle",
  });
});

it("a price at the left has orders beside it and estimates beyond them, on both sides of price", () => {
  const columns = columnsOf(390, 50, "left");
  expect([columns.spineStart, columns.spineEnd]).toEqual([36, 120]);
  for (const above of [true, false]) {
    expect(bookPane(columns, above)).toEqual({ zero: 120, far: 240 });
    expect(fuelPane(columns, above)).toEqual({ zero: 240, far: 360 });
  }
});

it("a price in the middle has orders at one side and estimates at the other", () => {
  const columns = columnsOf(390, 50);
  expect(bookPane(columns, true)).toEqual({ zero: 240, far: 360 });
  expect(bookPane(columns, false)).toEqual({ zero: 156, far: 36 });
  expect(fuelPane(columns, true)).toEqual(bookPane(columns, false));
  expect(fuelPane(columns, false)).toEqual(bookPane(columns, true));
});

it("a long price widens the spine at the cost of both sides", () => {
  const { spineStart, spineEnd, gutterStart } = columnsOf(390, 100);
  expect(spineEnd - spineStart).toBe(120);
  expect(spineStart - 36).toBe(gutterStart - spineEnd);
});
