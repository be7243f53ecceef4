import { beforeEach, describe, expect, it } from "vitest";
import { Axis } from "./axis.ts";
import { MapCamera, type MapExtent } from "./map_camera.ts";

describe("an axis", () => {
  it("value is the inverse of pixel, flipped or not", () => {
    for (const flipped of [false, true]) {
      const axis = new Axis(flipped);
      axis.size = 300;
      axis.show(10, 40);
      for (const pixel of [0, 17, 150, 299]) expect(axis.pixel(axis.value(pixel))).toBeCloseTo(pixel, 9);
    }
  });

  it("keeps the value under the fingers while it zooms", () => {
    const axis = new Axis(true);
    axis.size = 500;
    axis.show(0, 100);
    const held = axis.value(120);
    axis.zoom(2.5, 120);
    expect(axis.value(120)).toBeCloseTo(held, 9);
    expect(axis.span).toBeCloseTo(40, 9);
  });

  it("moves with the finger in both senses", () => {
    const [plain, flipped] = [new Axis(false), new Axis(true)];
    for (const axis of [plain, flipped]) {
      axis.size = 100;
      axis.show(0, 100);
      const held = axis.value(50);
      axis.pan(10);
      expect(axis.value(60)).toBeCloseTo(held, 9);
    }
  });

  it("stays within its limits however it is pushed", () => {
    const axis = new Axis(false);
    axis.size = 100;
    axis.limit({ from: 0, to: 1000, least: 50, most: 1000, slack: 0 });
    axis.show(900, 1100);
    expect([axis.from, axis.to]).toEqual([800, 1000]);
    axis.zoom(1e6, 50);
    expect(axis.span).toBeCloseTo(50, 9);
    axis.zoom(1e-9, 50);
    expect([axis.from, axis.to]).toEqual([0, 1000]);
    axis.pan(1e9);
    expect(axis.from).toBe(0);
  });
});

describe("the map's camera", () => {
  const extent: MapExtent = {
    firstMin: 1000,
    stepMin: 2,
    columns: 720,
    rows: 400,
    low: 70_000,
    ratio: 1.0005,
  };
  let camera: MapCamera;
  beforeEach(() => {
    camera = new MapCamera();
    camera.resize(306, 500);
    camera.cover(extent);
    camera.fit(extent, { low: 75_000, high: 79_000 }, 0, false);
  });

  it("fits all of the time and the prices of interest", () => {
    expect(camera.x(1000)).toBeCloseTo(0, 6);
    expect(camera.x(1000 + 720 * 2)).toBeCloseTo(306, 6);
    expect(camera.y(79_000)).toBeGreaterThan(0);
    expect(camera.y(75_000)).toBeLessThan(500);
    expect(camera.y(79_000)).toBeLessThan(camera.y(75_000));
  });

  it("shows no rows that the map does not have", () => {
    const high = extent.low * extent.ratio ** extent.rows;
    camera.fit(extent, { low: extent.low, high }, 0, false);
    expect(camera.y(extent.low)).toBeCloseTo(500, 6);
    expect(camera.y(high)).toBeCloseTo(0, 6);
  });

  it("follows the newest column while it shows it, and stays where the user went", () => {
    camera.cover({ ...extent, firstMin: 1002 });
    expect(camera.x(1002 + 720 * 2)).toBeCloseTo(306, 6);
    camera.zoomTime(4, 306);
    camera.cover({ ...extent, firstMin: 1004 });
    expect(camera.x(1004 + 720 * 2)).toBeCloseTo(306, 6);
    camera.pan(100, 0);
    const before = camera.minuteAt(0);
    camera.cover({ ...extent, firstMin: 1006 });
    expect(camera.minuteAt(0)).toBeCloseTo(before, 6);
  });

  it("knows that the user has moved it until it is fitted again", () => {
    expect(camera.fitted).toBe(true);
    camera.zoomPrice(2, 200);
    expect(camera.fitted).toBe(false);
    camera.fit(extent, { low: 75_000, high: 79_000 }, 0, true);
    expect(camera.fitted).toBe(true);
    expect(camera.step(100)).toBe(true);
    expect(camera.step(1_000)).toBe(true);
    expect(camera.step(1_010)).toBe(false);
    expect(camera.y(79_000)).toBeGreaterThan(0);
  });

  it("equal ratios of price are equally high", () => {
    const way = camera.y(76_000) - camera.y(76_000 * 1.01);
    expect(camera.y(77_000) - camera.y(77_000 * 1.01)).toBeCloseTo(way, 6);
  });
});
