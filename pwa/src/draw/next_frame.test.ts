import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { NextFrame } from "./next_frame.ts";

const FRAME_MS = 16;
let asked: Map<number, FrameRequestCallback>;
let clockMs: number;
let painted: number[];
let frame: NextFrame;

beforeEach(() => {
  [asked, clockMs, painted] = [new Map(), 0, []];
  let request = 0;
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => {
    asked.set(++request, callback);
    return request;
  });
  vi.stubGlobal("cancelAnimationFrame", (one: number) => asked.delete(one));
  vi.spyOn(performance, "now").mockImplementation(() => clockMs);
  frame = new NextFrame((nowMs) => painted.push(nowMs));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** The screen's frame of `atMs`, which the page gets to see `lateMs` afterwards. */
function come(atMs: number, lateMs = 0): void {
  clockMs = atMs + lateMs;
  const callbacks = [...asked.values()];
  asked.clear();
  for (const callback of callbacks) callback(atMs);
}

it("paints once, however often it is asked", () => {
  frame.ask();
  frame.ask();
  expect(frame.asked).toBe(true);
  come(FRAME_MS, 2);
  come(2 * FRAME_MS);
  expect(painted).toEqual([FRAME_MS]);
  expect(frame.asked).toBe(false);
});

it("paints again when the paint itself asks", () => {
  const moving: NextFrame = new NextFrame((nowMs) => {
    painted.push(nowMs);
    if (painted.length < 3) moving.ask();
  });
  moving.ask();
  for (let i = 1; i < 6; i++) come(i * FRAME_MS);
  expect(painted).toEqual([FRAME_MS, 2 * FRAME_MS, 3 * FRAME_MS]);
});

it("paints nothing when it is cancelled", () => {
  frame.ask();
  frame.cancel();
  expect(frame.asked).toBe(false);
  come(FRAME_MS);
  expect(painted).toEqual([]);
});

it("leaves a late frame out and paints the next", () => {
  frame.ask();
  come(FRAME_MS);
  frame.ask();
  come(2 * FRAME_MS, 12);
  expect(painted).toEqual([FRAME_MS]);
  expect(frame.asked).toBe(true);
  come(3 * FRAME_MS);
  expect(painted).toEqual([FRAME_MS, 3 * FRAME_MS]);
});

it("never leaves out two in a row, however late all of them are", () => {
  frame.ask();
  come(FRAME_MS);
  for (let i = 2; i <= 7; i++) {
    frame.ask();
    come(i * FRAME_MS, 30);
  }
  expect(painted).toEqual([1, 3, 5, 7].map((it) => it * FRAME_MS));
});

it("takes a browser that tells every frame late for what it is", () => {
  for (let i = 1; i <= 6; i++) {
    frame.ask();
    come(i * FRAME_MS, 14);
  }
  expect(painted).toHaveLength(6);
});
