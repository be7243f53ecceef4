import { beforeEach, describe, expect, it } from "vitest";
import { Fling } from "./fling.ts";
import { Gestures, LONG_PRESS_MS, type Pinch, type Zone } from "./gestures.ts";
import { Steps } from "./steps.ts";

let log: (readonly [string, ...unknown[]])[];
let pinches: Pinch[];
let gestures: Gestures;

const made = (sideways: "pan" | "swipe", zone: (x: number, y: number) => Zone = () => "body") =>
  new Gestures(
    {
      press: () => {},
      drag: (dx, dy) => log.push(["drag", dx, dy]),
      fling: (speedX, speedY) => log.push(["fling", speedX, speedY]),
      pinch: (pinch) => pinches.push(pinch),
      tap: (_x, _y, zone) => log.push(["tap", zone]),
      doubleTap: () => log.push(["doubleTap"]),
      inspect: (x, y) => log.push(["inspect", x, y]),
      inspected: () => log.push(["inspected"]),
      swipe: (direction) => log.push(["swipe", direction]),
    },
    { sideways, zone },
  );

beforeEach(() => {
  log = [];
  pinches = [];
  gestures = made("swipe");
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

const totalY = () => log.filter(([it]) => it === "drag").reduce((sum, [, , dy]) => sum + (dy as number), 0);

describe("one finger", () => {
  it("scrolls by exactly the way it went, the slop included", () => {
    drag([200, 300], [205, 360], 12);
    expect(totalY()).toBe(60);
  });

  it("that trembles on the spot scrolls nothing", () => {
    drag([200, 300], [203, 306], 3);
    expect(log).toEqual([]);
  });

  it("that leaves while moving flings with its speed of late", () => {
    drag([200, 300], [200, 400], 20);
    gestures.up(1, 205);
    expect(log.at(-1)?.[0]).toBe("fling");
    expect(log.at(-1)?.[2]).toBeCloseTo(0.5);
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
    expect(log).toEqual([["tap", "body"], ["doubleTap"]]);
  });

  it("far apart in time or place are two taps", () => {
    tap(100, 100, 0);
    tap(100, 100, 400);
    tap(200, 200, 500);
    expect(log.map(([name]) => name)).toEqual(["tap", "tap", "tap"]);
  });

  it("three in a row are one double tap and one tap", () => {
    tap(100, 100, 0);
    tap(100, 100, 150);
    tap(100, 100, 300);
    expect(log.map(([name]) => name)).toEqual(["tap", "doubleTap", "tap"]);
  });
});

describe("a picture with time along it", () => {
  beforeEach(() => {
    gestures = made("pan", (x) => (x > 340 ? "price" : "body"));
    gestures.resize(390);
  });

  it("pans both ways at once", () => {
    drag([200, 300], [100, 330], 10);
    const moved = [1, 2].map((at) => log.reduce((sum, event) => sum + (event[at] as number), 0));
    expect(moved).toEqual([-100, 30]);
  });

  it("tells where the finger went down", () => {
    tap(350, 100, 0);
    expect(log).toEqual([["tap", "price"]]);
  });
});

describe("a finger that rests", () => {
  it("inspects, follows the finger without being lifted, and ends when it leaves", () => {
    gestures.down(1, 100, 100, 0);
    expect(gestures.holdDueMs).toBe(LONG_PRESS_MS);
    gestures.hold(LONG_PRESS_MS);
    gestures.move(1, 130, 160, LONG_PRESS_MS + 20);
    gestures.up(1, LONG_PRESS_MS + 40);
    expect(log).toEqual([["inspect", 100, 100], ["inspect", 130, 160], ["inspected"]]);
  });

  it("does not inspect once it has moved, was lifted or a second one came", () => {
    drag([100, 100], [100, 130], 3);
    gestures.hold(1_000);
    gestures.up(1, 1_100);
    tap(300, 100, 2_000);
    gestures.hold(3_000);
    gestures.down(1, 100, 100, 4_000);
    gestures.down(2, 100, 200, 4_010);
    gestures.hold(5_000);
    expect(log.some(([name]) => name === "inspect")).toBe(false);
  });

  it("ends inspecting when a second finger comes or the screen takes the finger away", () => {
    gestures.down(1, 100, 100, 0);
    gestures.hold(LONG_PRESS_MS);
    gestures.down(2, 200, 200, 500);
    expect(log.at(-1)).toEqual(["inspected"]);
    gestures.cancel(1);
    gestures.cancel(2);
    gestures.down(3, 100, 100, 1_000);
    gestures.hold(1_000 + LONG_PRESS_MS);
    gestures.cancel(3);
    expect(log.filter(([name]) => name === "inspected")).toHaveLength(2);
  });
});

describe("two fingers", () => {
  beforeEach(() => {
    gestures.down(1, 150, 300, 0);
    gestures.down(2, 150, 400, 0);
  });
  const grown = () => pinches.reduce((whole, { ratio }) => whole * ratio, 1);

  it("drawn apart tell by how much, and the way they lie in", () => {
    gestures.move(2, 150, 430, 10);
    gestures.move(2, 150, 500, 20);
    expect(grown()).toBeCloseTo(2, 2);
    expect(pinches.map(({ axis }) => axis)).toEqual(["y", "y"]);
  });

  it("that turn to the side turn the axis", () => {
    gestures.move(2, 200, 310, 10);
    gestures.move(2, 300, 305, 20);
    expect(pinches.at(-1)?.axis).toBe("x");
  });

  it("that move together pan by the way of their middle", () => {
    gestures.move(1, 170, 320, 10);
    gestures.move(2, 170, 420, 10);
    const way = [pinches.reduce((sum, { dx }) => sum + dx, 0), pinches.reduce((sum, { dy }) => sum + dy, 0)];
    expect(way).toEqual([20, 20]);
    expect(grown()).toBeCloseTo(1, 6);
  });

  it("do not drag, nor does the one that is left", () => {
    gestures.move(2, 150, 410, 10);
    gestures.up(2, 20);
    gestures.move(1, 150, 200, 30);
    gestures.up(1, 40);
    expect(log).toEqual([]);
  });
});

describe("steps", () => {
  it("come once for each whole way, in both directions", () => {
    const steps = new Steps(10);
    expect([4, 4, 4, 30, -1, -11].map((way) => steps.add(way))).toEqual([0, 0, 1, 3, 0, -1]);
  });

  it("forget a way that was begun", () => {
    const steps = new Steps(10);
    steps.add(9);
    steps.reset();
    expect(steps.add(9)).toBe(0);
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
