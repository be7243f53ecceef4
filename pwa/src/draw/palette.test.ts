import { describe, expect, it } from "vitest";
import {
  BAND_USD,
  contrast,
  heatColour,
  heatIndex,
  heatOf,
  INK,
  PLAIN,
  paletteOf,
  parseHex,
  usdOfHeat,
} from "./palette.ts";

const inferno = paletteOf(PLAIN);
const rgb = (text: string) => (text.match(/\d+/g) ?? []).map(Number) as [number, number, number];
const lightness = (text: string) => {
  const [red, green, blue] = rgb(text);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

describe("the heat table", () => {
  it("starts at the ground itself and ends at the palette's top", () => {
    expect(rgb(inferno.heat[0] as string)).toEqual([11, 14, 19]);
    expect(rgb(inferno.heat[255] as string)).toEqual([250, 255, 168]);
  });

  it("is made once for the same names", () => {
    expect(paletteOf({ ...PLAIN })).toBe(inferno);
    expect(paletteOf({ ...PLAIN, side: "cvd" })).not.toBe(inferno);
  });

  it("melts into true black when the ground is black", () => {
    expect(rgb(paletteOf({ ...PLAIN, ground: "black" }).heat[0] as string)).toEqual([0, 0, 0]);
  });

  it.each(["inferno", "cividis"] as const)("%s never gets darker as the value grows", (name) => {
    const { heat } = paletteOf({ ...PLAIN, heat: name, ground: "black" });
    const steps = heat.slice(1).map((colour, index) => lightness(colour) - lightness(heat[index] as string));
    expect(Math.min(...steps)).toBeGreaterThan(-0.6); // rounding to whole channels
  });

  it("is the pure stop from the end of the fade on", () => {
    expect(heatColour(["#000000", "#ffffff"], parseHex("#0b0e13"), 0.5)).toEqual([128, 128, 128]);
  });

  it.each(["inferno", "cividis"] as const)("%s carries ink of a contrast of at least 4", (name) => {
    const { heat, ink } = paletteOf({ ...PLAIN, heat: name });
    const worst = Math.min(...heat.map((colour, i) => contrast(rgb(colour), parseHex(ink[i] as string))));
    expect(worst).toBeGreaterThan(4);
    expect(new Set(ink)).toEqual(new Set([INK.onHeat, INK.onLight]));
  });
});

describe("heat of dollars", () => {
  it("is 0 for nothing, 1 for the top and above, and grows in between", () => {
    expect(heatOf(0, 8e6)).toBe(0);
    expect(heatOf(8e6, 8e6)).toBe(1);
    expect(heatOf(1e9, 8e6)).toBe(1);
    expect(heatOf(1e6, 8e6)).toBeLessThan(heatOf(2e6, 8e6));
    expect(heatIndex(0, 8e6)).toBe(0);
    expect(heatIndex(8e6, 8e6)).toBe(255);
  });

  it("leaves an ordinary cell dark and keeps the bright third for the densest", () => {
    // Quartiles, 90th and 99th percentile of the cells of a week's map, as recorded, over the palette's top.
    const [quarter, middle, threeQuarters, dense, top] = [0.26, 0.42, 0.62, 0.81, 1.02].map((part) =>
      heatOf(part * 8e6, 8e6),
    ) as [number, number, number, number, number];
    expect(quarter).toBeLessThan(0.15);
    expect(middle).toBeLessThan(0.3);
    expect(threeQuarters).toBeLessThan(0.5);
    expect(dense).toBeGreaterThan(0.7);
    expect(top).toBe(1);
  });

  it("usdOfHeat is its inverse", () => {
    for (const v of [0, 0.1, 0.5, 0.9, 1]) expect(heatOf(usdOfHeat(v, 4e6), 4e6)).toBeCloseTo(v, 9);
  });

  it("is 0 while the scale is unknown", () => {
    expect(heatOf(1e6, 0)).toBe(0);
  });
});

it("band codes grow by 6 % a step from nothing", () => {
  expect(BAND_USD[0]).toBe(0);
  expect(BAND_USD[1]).toBeCloseTo(6);
  expect(BAND_USD[100]).toBeCloseTo(100 * (1.06 ** 100 - 1));
});
