import { describe, expect, it } from "vitest";
import { bucketMinutes, joinCandles } from "./candles.ts";
import { columnsAhead } from "./heat_bitmap.ts";
import { CodeRanks, codeOf, heatPixels, sumCode, withLuminance } from "./heat_pixels.ts";
import { placeLabels } from "./labels.ts";
import { MapCamera } from "./map_camera.ts";
import { BAND_USD, contrast, PLAIN, paletteOf, parseHex } from "./palette.ts";
import { knownBars, profileBars } from "./profile.ts";
import { roundValues, timeMarks } from "./ticks.ts";

describe("codes", () => {
  it("of two amounts together stand for their sum within one step", () => {
    for (let one = 60; one < 256; one += 7) {
      for (let other = 60; other < 256; other += 11) {
        const usd = (BAND_USD[one] as number) + (BAND_USD[other] as number);
        expect(Math.abs(sumCode(one, other) - Math.min(255, codeOf(usd)))).toBeLessThanOrEqual(1);
      }
    }
  });

  it("of nothing and something are the something", () => {
    expect([sumCode(0, 91), sumCode(91, 0), sumCode(0, 0)]).toEqual([91, 91, 0]);
  });

  it("codeOf is the inverse of the table", () => {
    for (let code = 0; code < 256; code++) expect(codeOf(BAND_USD[code] as number)).toBe(code);
  });

  it("rank by how many lit cells hold less", () => {
    const ranks = new CodeRanks();
    expect(ranks.percentile(9)).toBeNull();
    ranks.count(Uint8Array.from([0, 0, 10, 20, 30, 0]), Uint8Array.from([0, 0, 0, 0, 0, 40]));
    expect(ranks.percentile(5)).toBe(0);
    expect(ranks.percentile(20)).toBe(37.5);
    expect(ranks.percentile(200)).toBe(100);
  });
});

describe("heat", () => {
  it("an empty cell is the ground, in every mode", () => {
    const palette = paletteOf(PLAIN);
    for (const mode of ["both", "split"] as const) {
      expect(heatPixels(palette, mode, 1e6).short[0]).toBe(0xff130e0b);
    }
  });

  it("of the two sides differs in hue and not in lightness", () => {
    const luminance = (hex: string) => withLuminance(parseHex(hex), 0.3);
    expect(contrast(luminance("#26a69a"), luminance("#ef5350"))).toBeLessThan(1.05);
  });
});

describe("the bitmap", () => {
  const held = { firstMin: 100, stepMin: 2, columns: 50, rows: 10, low: 1, ratio: 1.01 };

  it("takes new columns alone when only time went on", () => {
    expect(columnsAhead(held, { ...held, firstMin: 104 })).toBe(2);
    expect(columnsAhead(held, held)).toBe(0);
  });

  it("is painted anew when it was empty, went back, left a gap or has other rows", () => {
    expect(columnsAhead(null, held)).toBeNull();
    expect(columnsAhead(held, { ...held, firstMin: 98 })).toBeNull();
    expect(columnsAhead(held, { ...held, firstMin: 300 })).toBeNull();
    expect(columnsAhead(held, { ...held, low: 1.01 })).toBeNull();
    expect(columnsAhead(held, { ...held, firstMin: 101 })).toBeNull();
  });
});

describe("the profile", () => {
  const camera = new MapCamera();
  camera.resize(300, 600);
  camera.price.show(Math.log(100), Math.log(100 * 1.001 ** 50));
  // Twelve pixels a row: three bars.
  const book = { rows: 50, low: 100, ratio: 1.001, bids: new Uint8Array(50), asks: new Uint8Array(50) };

  it("has a bar for each row that holds anything", () => {
    const codes = new Uint8Array(50);
    [codes[0], codes[49]] = [90, 91];
    const bars = profileBars(codes, { ...book, known: null }, camera);
    const held = [...bars.entries()].filter(([, usd]) => usd > 0);
    expect(held).toEqual([
      [1, BAND_USD[91]],
      [148, BAND_USD[90]],
    ]);
  });

  it("tells the bars of which every order is known, those of rows cut by the border not among them", () => {
    const barsOf = (first: number, end: number) => knownBars({ ...book, known: [first, end] }, camera);
    expect(barsOf(10, 40)).toEqual([30, 120]);
    expect(barsOf(20, 20)).toEqual([90, 90]);
    const [from, to] = knownBars({ ...book, known: null }, camera);
    expect([from < 0, to > 150]).toEqual([true, true]);
    camera.price.show(Math.log(100), Math.log(100 * 1.001 ** 51));
    const [top, bottom] = barsOf(10, 40);
    // Rows are no whole bars now.
    const y = (row: number) => camera.price.pixel(Math.log(100) + row * Math.log(1.001));
    expect(top * 4).toBeGreaterThanOrEqual(y(40));
    expect(bottom * 4).toBeLessThanOrEqual(y(10));
    camera.price.show(Math.log(100), Math.log(100 * 1.001 ** 50));
  });
});

describe("candles", () => {
  it("are wide enough to see and made of whole columns", () => {
    expect(bucketMinutes(2, 300 / 1440)).toBe(30);
    expect(bucketMinutes(1, 300 / 720)).toBe(15);
    expect(bucketMinutes(15, 300 / (7 * 1440))).toBe(240);
    expect(bucketMinutes(5, 6)).toBe(5);
  });

  it("join columns of their bucket and skip empty ones", () => {
    const columns = [
      [10, 12, 9, 11],
      [11, 15, 11, 14],
      [Number.NaN, Number.NaN, Number.NaN, Number.NaN],
      [14, 14, 8, 9],
      [9, 10, 9, 10],
    ];
    const candles = Float32Array.from(columns.flat());
    const joined = joinCandles({ firstMin: 100, stepMin: 5, columns: 5, candles }, 10);
    expect(Array.from(joined)).toEqual([100, 10, 15, 9, 14, 110, 14, 14, 8, 9, 120, 9, 10, 9, 10]);
  });
});

describe("axes", () => {
  it("have round values that are at most as many as there is room for", () => {
    expect(roundValues(76_120, 77_980, 5)).toEqual([76_500, 77_000, 77_500]);
    expect(roundValues(0.11, 0.149, 4).map((value) => value.toFixed(2))).toEqual([
      "0.11",
      "0.12",
      "0.13",
      "0.14",
    ]);
    expect(roundValues(5, 5, 4)).toEqual([]);
  });

  it("have marks at round local times, midnight among them", () => {
    const marks = timeMarks(0, 1440, 6, 60);
    expect(marks.map(({ minute }) => minute)).toEqual([180, 420, 660, 900, 1140, 1380]);
    expect(marks.filter(({ midnight }) => midnight).map(({ minute }) => minute)).toEqual([1380]);
  });
});

describe("labels", () => {
  const label = (item: string, y: number, rank: number, fixed = false) => ({ item, y, rank, fixed });

  it("stand where they belong when there is room", () => {
    const placed = placeLabels([label("a", 40, 1), label("b", 90, 2)], 200, 21);
    expect(placed.map(({ y }) => y).sort((a, b) => a - b)).toEqual([40, 90]);
  });

  it("give way to fixed ones and to those of higher rank, and stay inside", () => {
    const placed = placeLabels(
      [label("low", 52, 1), label("high", 50, 2), label("last", 45, 0, true), label("edge", 197, 1)],
      200,
      20,
    );
    const at = Object.fromEntries(placed.map(({ item, y }) => [item, y]));
    expect(at.last).toBe(45);
    expect(at.high).toBe(65);
    expect(at.low).toBe(25);
    expect(at.edge).toBe(190);
  });

  it("never lie closer than the gap, and those far from their place are left out", () => {
    const many = Array.from({ length: 12 }, (_, i) => label(String(i), 100 + i, i));
    const ys = placeLabels(many, 200, 21)
      .map(({ y }) => y)
      .sort((a, b) => a - b);
    expect(ys.length).toBeLessThan(8);
    for (let i = 1; i < ys.length; i++) {
      expect((ys[i] as number) - (ys[i - 1] as number)).toBeGreaterThanOrEqual(21 - 1e-6);
    }
  });
});
