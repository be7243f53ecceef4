// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ToPainter } from "./messages.ts";
import { serve } from "./serve.ts";

let painted: object[];
let tell: ((told: string) => void)[];
let asked: FrameRequestCallback[];
let posted: unknown[];

class FakeScene {
  readonly #again: (afterMs: number) => void;

  constructor(_canvases: unknown, told: (told: string) => void, again: (afterMs: number) => void) {
    tell.push(told);
    this.#again = again;
  }
  paint(frame: { bug?: boolean; fades?: boolean }): void {
    if (frame.bug) throw new Error("a bug");
    painted.push({ ...frame });
    if (frame.fades) this.#again(60);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  [painted, tell, asked, posted] = [[], [], [], []];
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => asked.push(callback));
  vi.stubGlobal("postMessage", (message: unknown) => posted.push(message));
  serve(FakeScene);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  window.onmessage = null;
});

const hear = (data: ToPainter): void => window.onmessage?.call(window, { data } as MessageEvent);
const begin = (id: number): void => hear({ id, canvases: [] });
const change = (id: number, changed: object, turn = 0): void => hear({ id, change: changed, turn });
function nextFrame(): void {
  for (const callback of asked.splice(0)) callback(0);
}

it("paints what came between two frames of the screen once, all of it", () => {
  begin(1);
  change(1, { group: 10, live: true });
  change(1, { live: false });
  expect(asked).toHaveLength(1);
  expect(painted).toEqual([]);
  nextFrame();
  expect(painted).toEqual([{ group: 10, live: false }]);
  nextFrame();
  expect(painted).toHaveLength(1);
});

it("keeps pictures apart, and tells of each by its number", () => {
  begin(1);
  begin(2);
  change(2, { group: 20 });
  change(1, { group: 10 });
  nextFrame();
  expect(painted).toEqual([{ group: 20 }, { group: 10 }]);
  posted = [];
  tell[1]?.("columns");
  expect(posted).toEqual([{ id: 2, told: "columns" }]);
});

it("tells when the first picture of a turn is painted", () => {
  begin(1);
  change(1, { group: 10 });
  expect(posted).toEqual([]);
  nextFrame();
  change(1, { group: 20 });
  nextFrame();
  expect(posted).toEqual([{ id: 1, turn: 0 }]);
  change(1, { group: 30 }, 1);
  change(1, { group: 40 }, 2);
  nextFrame();
  expect(posted).toEqual([
    { id: 1, turn: 0 },
    { id: 1, turn: 2 },
  ]);
});

it("paints a picture that fades again by itself, and not before its time while others of it come", () => {
  begin(1);
  change(1, { fades: true });
  nextFrame();
  vi.advanceTimersByTime(59);
  change(1, { group: 10 });
  nextFrame();
  vi.advanceTimersByTime(59);
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(1);
  nextFrame();
  expect(painted).toHaveLength(3);
  hear({ id: 1, end: true });
  vi.advanceTimersByTime(60);
  expect(asked).toEqual([]);
});

it("paints no picture that has ended", () => {
  begin(1);
  change(1, { group: 10 });
  hear({ id: 1, end: true });
  change(1, { group: 20 });
  nextFrame();
  expect(painted).toEqual([]);
});

it("goes on painting after a picture that failed, and does not call that painted", () => {
  begin(1);
  change(1, { bug: true });
  expect(nextFrame).toThrow("a bug");
  expect(posted).toEqual([]);
  change(1, { bug: false });
  nextFrame();
  expect(painted).toEqual([{ bug: false }]);
  expect(posted).toEqual([{ id: 1, turn: 0 }]);
});
