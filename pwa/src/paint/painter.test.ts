import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ToPainter } from "./messages.ts";

const { painted, tell } = vi.hoisted(() => ({
  painted: [] as object[],
  tell: [] as ((told: unknown) => void)[],
}));
vi.mock("../draw/ladder_scene.ts", () => ({
  LadderScene: class {
    constructor(_canvases: unknown, told: (told: unknown) => void) {
      tell.push(told);
    }
    paint(frame: object): void {
      painted.push({ ...frame });
    }
  },
}));

let asked: FrameRequestCallback[];
const posted: unknown[] = [];

beforeEach(async () => {
  painted.length = tell.length = posted.length = 0;
  asked = [];
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => asked.push(callback));
  vi.stubGlobal("postMessage", (message: unknown) => posted.push(message));
  vi.resetModules();
  await import("./painter.ts");
});
afterEach(() => {
  vi.unstubAllGlobals();
  window.onmessage = null;
});

const hear = (data: ToPainter): void => window.onmessage?.call(window, { data } as MessageEvent);
function nextFrame(): void {
  for (const callback of asked.splice(0)) callback(0);
}

it("paints what came between two frames of the screen once, all of it", () => {
  hear({ id: 1, kind: "ladder", canvases: [] });
  hear({ id: 1, change: { group: 10, live: true } });
  hear({ id: 1, change: { live: false } });
  expect(asked).toHaveLength(1);
  expect(painted).toEqual([]);
  nextFrame();
  expect(painted).toEqual([{ group: 10, live: false }]);
  nextFrame();
  expect(painted).toHaveLength(1);
});

it("keeps pictures apart, and tells of each by its number", () => {
  hear({ id: 1, kind: "ladder", canvases: [] });
  hear({ id: 2, kind: "ladder", canvases: [] });
  hear({ id: 2, change: { group: 20 } });
  hear({ id: 1, change: { group: 10 } });
  nextFrame();
  expect(painted).toEqual([{ group: 20 }, { group: 10 }]);
  tell[1]?.("painted");
  expect(posted).toEqual([{ id: 2, told: "painted" }]);
});

it("paints no picture that has ended", () => {
  hear({ id: 1, kind: "ladder", canvases: [] });
  hear({ id: 1, change: { group: 10 } });
  hear({ id: 1, end: true });
  hear({ id: 1, change: { group: 20 } });
  nextFrame();
  expect(painted).toEqual([]);
});

it("goes on painting after a picture that failed", () => {
  hear({ id: 1, kind: "ladder", canvases: [] });
  hear({ id: 1, change: { group: 10 } });
  const push = vi.spyOn(painted, "push").mockImplementationOnce(() => {
    throw new Error("a bug");
  });
  expect(nextFrame).toThrow("a bug");
  push.mockRestore();
  hear({ id: 1, change: { group: 20 } });
  nextFrame();
  expect(painted).toEqual([{ group: 20 }]);
});
