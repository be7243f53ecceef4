// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Cluster } from "../model/state.ts";
import type { Wall } from "../model/walls.ts";
import { Camera } from "./camera.ts";
import { columnsOf } from "./columns.ts";
import { chipNote, chipPlace, MarksPainter, type MarksPicture, spanOf, whaleChip } from "./marks.ts";
import { PLAIN, paletteOf } from "./palette.ts";
import { Surface } from "./surface.ts";

let camera: Camera;
beforeEach(() => {
  camera = new Camera();
  camera.resize(510, 20, 30);
  camera.follow(7742, 0, false);
  camera.recentre(0, false);
});

const cluster = (side: Cluster["side"], lo: number, hi: number) =>
  ({ side, lo: lo * 10, hi: hi * 10 }) as Cluster;
const place = (side: Cluster["side"], lo: number, hi: number) =>
  chipPlace(spanOf(cluster(side, lo, hi), camera, 10), camera);

it("a cluster spans the rows its prices round to", () => {
  const span = spanOf({ side: "short", lo: 77478, hi: 77563 } as Cluster, camera, 10);
  expect(span.top).toBe(camera.top(7756));
  expect(span.bottom).toBe(camera.top(7748) + 20);
  expect(span.near).toBe(span.bottom);
});

it("the chip takes two rows between the cluster and price", () => {
  expect(place("short", 7748, 7756)).toEqual({ top: camera.top(7747), rows: 2 });
  expect(place("long", 7730, 7736)).toEqual({ top: camera.top(7738), rows: 2 });
});

it("the chip takes one row when only one is free, none when price is at the edge", () => {
  expect(place("short", 7744, 7746)).toEqual({ top: camera.top(7743), rows: 1 });
  expect(place("short", 7743, 7746)).toBeNull();
  expect(place("long", 7738, 7741)).toEqual({ top: camera.top(7742), rows: 1 });
  expect(place("long", 7738, 7742)).toBeNull();
});

it("a cluster whose near edge is outside the picture has no chip", () => {
  camera.scrollBy(400);
  expect(place("short", 7743, 7790)).toBeNull();
});

it("the chip tells the state with its odds once they are known, else the distance", () => {
  const at = (change: Partial<Cluster>) =>
    chipNote({ ...cluster("short", 7748, 7756), distance_pct: 0.4, eta_min: 12, ...change }, true);
  expect(at({})).toBe("0.40 % · ≈ 12 min");
  expect(at({ cascade: { state: "armed", odds: 0.54, n: 320 } })).toBe("ARMED · P 54 %");
  expect(at({ cascade: { state: "approach", odds: null, n: 12 } })).toBe("APPROACH · 0.40 %");
});

describe("a whale's chip", () => {
  const NUMBER = 46;

  it("stands behind its bar with its age, at the latest where the side ends", () => {
    expect(whaleChip(28, 70, 180)).toEqual({ away: 70, width: 66, aged: true });
    expect(whaleChip(50, 10, 180)).toEqual({ away: NUMBER, width: 85, aged: true });
    expect(whaleChip(28, 180, 180)).toEqual({ away: 114, width: 66, aged: true });
  });

  it("covers no digit of the row's number on any side that holds both", () => {
    for (let side = NUMBER + 32; side < 220; side++) {
      for (const [ageWidth, bar] of [
        [20, 0],
        [60, side / 2],
        [90, side],
      ] as const) {
        const { away, width } = whaleChip(ageWidth, bar, side);
        expect(away).toBeGreaterThanOrEqual(NUMBER);
        expect(away + width).toBeLessThanOrEqual(side);
      }
    }
  });

  it("leaves out the age in a narrow pane, and tells it again with one pixel more", () => {
    expect(whaleChip(28, 90, NUMBER + 65)).toEqual({ away: 79, width: 32, aged: false });
    expect(whaleChip(28, 90, NUMBER + 66)).toMatchObject({ width: 66, aged: true });
  });
});

describe("the ages of walls", () => {
  const picture: MarksPicture = {
    clusters: [],
    own: [],
    walls: [{ row: 7744, side: "ask", usd: 2e6, sinceMs: 0, older: false }],
    pulled: [],
    now: null,
    inspected: null,
    group: 10,
    unit: { name: "M", factor: 1e6, decimals: 2, fromUsd: 0 },
    barUsd: 4e6,
    live: true,
    secondMs: 0,
  };
  const columns = columnsOf(430, 64);
  let calls: string[];
  /** Widths of characters that are not 7. */
  let digits: Record<string, number>;
  let painter: MarksPainter;
  const paint = (seconds: number, other: Partial<MarksPicture> = {}, laid = columns): string[] => {
    calls = [];
    painter.paint({ ...picture, secondMs: Math.floor(seconds) * 1_000, ...other }, camera, laid);
    return calls;
  };
  const everything = expect.arrayContaining(["clear", "chip"]);

  beforeEach(() => {
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation((() => ({
      measureText: (text: string) => ({
        width: Array.from(text).reduce((sum, it) => sum + (digits[it] ?? 7), 0),
        actualBoundingBoxAscent: 9,
      }),
      clearRect: () => calls.push("clear"),
      roundRect: () => calls.push("chip"),
      fillRect: () => calls.push("cover"),
      fillText: (text: string) => calls.push(text),
      strokeRect: () => {},
      setTransform: () => {},
      beginPath: () => {},
      moveTo: () => {},
      lineTo: () => {},
      bezierCurveTo: () => {},
      fill: () => {},
    })) as never);
    calls = [];
    digits = {};
    const surface = new Surface(document.createElement("canvas"), false);
    surface.resize(390, 510, 3);
    painter = new MarksPainter(surface, paletteOf(PLAIN));
  });
  afterEach(() => vi.restoreAllMocks());

  it("are printed into their chips, once a second and nothing else", () => {
    expect(paint(12)).toEqual(["clear", "chip", "12 s"]);
    expect(paint(12.1)).toEqual([]);
    expect(paint(13)).toEqual(["cover", "13 s"]);
    expect(paint(13.1)).toEqual([]);
    expect(paint(14)).toEqual(["cover", "14 s"]);
  });

  it("have everything painted where a longer one needs a larger chip", () => {
    paint(99);
    expect(paint(100)).toEqual(["clear", "chip", "100 s"]);
    expect(paint(101)).toEqual(["cover", "101 s"]);
  });

  it("have everything painted where a shorter one finds room again", () => {
    const narrow = columnsOf(390, 80);
    expect(paint(118, {}, narrow)).toEqual(["clear", "chip"]);
    expect(paint(119, {}, narrow)).toEqual([]);
    expect(paint(120, {}, narrow)).toEqual(["clear", "chip", "2 m"]);
  });

  it("have everything painted where one as long is wider than its chip", () => {
    paint(110);
    digits = { "2": 9 };
    expect(paint(112)).toEqual(["clear", "chip", "112 s"]);
    expect(paint(112.2)).toEqual([]);
  });

  it("have everything painted while something lies over the chips", () => {
    paint(20);
    expect(paint(21, { inspected: 7744 })).toEqual(everything);
    expect(paint(22, { inspected: 7744 })).toEqual(everything);
    expect(paint(22)).toEqual(everything);
    expect(paint(23)).toEqual(["cover", "23 s"]);
  });

  it("go with a wall that has grown", () => {
    const [wall] = picture.walls as [Wall];
    paint(30);
    expect(paint(30, { walls: [{ ...wall, usd: 3e6 }] })).toEqual(everything);
  });

  it("are told for as long as they stand, minutes once a minute", () => {
    paint(125);
    expect(paint(126)).toEqual([]);
    expect(paint(155)).toEqual(["cover", "3 m"]);
  });
});
