import { beforeEach, describe, expect, it } from "vitest";
import { Fling } from "./fling.ts";
import { Gestures } from "./gestures.ts";

let log: [string, number?][];
let gestures: Gestures;

beforeEach(() => {
  log = [];
  gestures = new Gestures({
    press: () => {},
    scroll: (pixels) => log.push(["scroll", pixels]),
    fling: (speed) => log.push(["fling", speed]),
    pinch: (direction) => log.push(["pinch", direction]),
    doubleTap: () => log.push(["doubleTap"]),
    swipe: (direction) => log.push(["swipe", direction]),
  });
  gestures.resize(390);
});

const tap = (x: number, y: number, ms: number) => {
  gestures.down(1, x, y, ms);
  gestures.up(1, ms + 40);
};

/** Drags one finger in steps of 10 ms. */
const drag = (from: [number, number], to: [number, number], steps: number) => {
  gestures.down(1, ...from, 0);
  for (let i = 1; i <= steps; i++) {
    const at = (axis: 0 | 1) => from[axis] + ((to[axis] - from[axis]) * i) / steps;
    gestures.move(1, at(0), at(1), i * 10);
  }
};

const total = (name: string) => log.filter(([it]) => it === name).reduce((sum, [, by]) => sum + (by ?? 0), 0);

describe("one finger", () => {
  it("scrolls by exactly the way it went, the slop included", () => {
    drag([200, 300], [205, 360], 12);
    expect(total("scroll")).toBe(60);
  });

  it("that trembles on the spot scrolls nothing", () => {
    drag([200, 300], [203, 306], 3);
    expect(log).toEqual([]);
  });

  it("that leaves while moving flings with its speed of late", () => {
    drag([200, 300], [200, 400], 20);
    gestures.up(1, 205);
    expect(log.at(-1)?.[0]).toBe("fling");
    expect(log.at(-1)?.[1]).toBeCloseTo(0.5);
  });

  it("that rested before it left flings nothing", () => {
    drag([200, 300], [200, 400], 20);
    gestures.up(1, 400);
    expect(log.some(([name]) => name === "fling")).toBe(false);
  });

  it("drawn sideways from an edge changes the symbol once", () => {
    drag([370, 300], [200, 305], 10);
    expect(log).toEqual([["swipe", 1]]);
    gestures.up(1, 200);
    drag([20, 300], [150, 300], 10);
    expect(log.at(-1)).toEqual(["swipe", -1]);
  });

  it("drawn sideways in the middle does nothing", () => {
    drag([200, 300], [60, 300], 10);
    expect(log).toEqual([]);
  });
});

describe("taps", () => {
  it("two in a row at one place are a double tap", () => {
    tap(100, 100, 0);
    tap(110, 105, 200);
    expect(log).toEqual([["doubleTap"]]);
  });

  it("far apart in time or place are two taps", () => {
    tap(100, 100, 0);
    tap(100, 100, 400);
    tap(200, 200, 500);
    expect(log).toEqual([]);
  });

  it("three in a row are one double tap and one tap", () => {
    tap(100, 100, 0);
    tap(100, 100, 150);
    tap(100, 100, 300);
    expect(log).toEqual([["doubleTap"]]);
  });
});

describe("two fingers", () => {
  beforeEach(() => {
    gestures.down(1, 150, 300, 0);
    gestures.down(2, 150, 400, 0);
  });

  it("drawn apart make rows finer, one step for each part of the way", () => {
    gestures.move(2, 150, 430, 10);
    expect(log).toEqual([]);
    gestures.move(2, 150, 436, 20);
    gestures.move(2, 150, 484, 30);
    expect(log).toEqual([
      ["pinch", -1],
      ["pinch", -1],
    ]);
  });

  it("drawn together make rows coarser", () => {
    gestures.move(2, 150, 373, 10);
    expect(log).toEqual([["pinch", 1]]);
  });

  it("do not scroll, nor does the one that is left", () => {
    gestures.move(2, 150, 410, 10);
    gestures.up(2, 20);
    gestures.move(1, 150, 200, 30);
    gestures.up(1, 40);
    expect(log).toEqual([]);
  });
});

describe("a fling", () => {
  it("goes on for speed times its decay and comes to rest", () => {
    const fling = new Fling();
    fling.start(1, 0);
    let way = 0;
    let ms = 0;
    for (;;) {
      ms += 16;
      const pixels = fling.step(ms);
      if (pixels === null) break;
      way += pixels;
    }
    expect(way).toBeGreaterThan(300);
    expect(way).toBeLessThan(325);
    expect(ms).toBeLessThan(2_000);
  });

  it("moves the same way whatever the frame rate", () => {
    const [smooth, rough] = [new Fling(), new Fling()];
    smooth.start(2, 0);
    rough.start(2, 0);
    let way = 0;
    for (let ms = 10; ms <= 300; ms += 10) way += smooth.step(ms) ?? 0;
    expect(rough.step(300)).toBeCloseTo(way, 6);
  });

  it("stops at once when it is stopped", () => {
    const fling = new Fling();
    fling.start(2, 0);
    fling.stop();
    expect(fling.step(10)).toBeNull();
  });
});
