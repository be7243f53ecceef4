import { expect, it } from "vitest";
import { Pressure } from "./pressure.ts";

it("is the signed sum over the root of the squares", () => {
  const pressure = new Pressure();
  for (let i = 0; i < 16; i++) pressure.add(2, i % 4 !== 0, 1_000);
  expect(pressure.sigma(1_000)).toBeCloseTo((12 * 2 - 4 * 2) / Math.sqrt(16 * 4));
});

it("is negative while sellers push", () => {
  const pressure = new Pressure();
  for (let i = 0; i < 25; i++) pressure.add(1, false, 0);
  expect(pressure.sigma(0)).toBe(-5);
});

it("says nothing after too few prints", () => {
  const pressure = new Pressure();
  for (let i = 0; i < 9; i++) pressure.add(1, true, 0);
  expect(pressure.sigma(0)).toBeNull();
});

it("forgets prints older than half a minute", () => {
  const pressure = new Pressure();
  for (let i = 0; i < 12; i++) pressure.add(100, true, 0);
  for (let i = 0; i < 16; i++) pressure.add(1, false, 20_000);
  expect(pressure.sigma(30_000)).toBeGreaterThan(0);
  expect(pressure.sigma(30_001)).toBe(-4);
});
