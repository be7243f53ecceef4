// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { LadderFrame } from "../draw/ladder_scene.ts";
import type { ToPainter } from "./messages.ts";

/** What was told to each painter that was started, in its order. */
let started: FakeWorker[];
let told: unknown[];
let host: HTMLElement;
let makeStage: () => { show(frame: LadderFrame): void; hide(): void; end(): void };

class FakeWorker {
  readonly heard: ToPainter[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  constructor() {
    started.push(this);
  }
  terminate(): void {}
  postMessage(message: ToPainter): void {
    this.heard.push(structuredClone("canvases" in message ? { ...message, canvases: [] } : message));
  }
}

beforeEach(async () => {
  [started, told] = [[], []];
  vi.useFakeTimers();
  vi.resetModules();
  vi.stubGlobal("Worker", FakeWorker);
  Object.assign(HTMLCanvasElement.prototype, { transferControlToOffscreen: () => ({}) });
  host = document.createElement("div");
  const { Stage } = await import("./stage.ts");
  makeStage = () => new Stage("ladder", host, 2, (it) => told.push(it));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  window.earlyPainter = undefined;
});

const frame = (change: object): LadderFrame => ({ group: 10, live: true, ...change }) as LadderFrame;
const id = () => started[0]?.heard[0]?.id;

it("hands its canvases over, then all of the first frame and what changed with later ones", () => {
  const clusters = [{ id: 1 }];
  const stage = makeStage();
  stage.show(frame({ clusters }));
  stage.show(frame({ clusters, live: false }));
  stage.show(frame({ clusters: [...clusters], live: false }));
  expect(host.children).toHaveLength(2);
  expect(started).toHaveLength(1);
  expect(started[0]?.heard).toEqual([
    { id: id(), canvases: [] },
    { id: id(), change: { group: 10, live: true, clusters }, turn: 0 },
    { id: id(), change: { live: false }, turn: 0 },
    { id: id(), change: { clusters }, turn: 0 },
  ]);
});

it("hears what is told of its own picture until it ends", () => {
  const stage = makeStage();
  started[0]?.onmessage?.({ data: { id: (id() as number) + 1, told: "another's" } });
  started[0]?.onmessage?.({ data: { id: id(), told: "its own" } });
  stage.end();
  started[0]?.onmessage?.({ data: { id: id(), told: "too late" } });
  expect(told).toEqual(["its own"]);
  expect(started[0]?.heard.at(-1)).toEqual({ id: id(), end: true });
});

it("shows nothing before its first picture is painted, and nothing older than what it hid", () => {
  const stage = makeStage();
  const painted = (turn: number) => started[0]?.onmessage?.({ data: { id: id(), turn } });
  stage.show(frame({}));
  expect(host.dataset.painted).toBeUndefined();
  painted(0);
  expect(host.dataset.painted).toBe("");
  stage.hide();
  expect(host.dataset.painted).toBeUndefined();
  painted(0);
  expect(host.dataset.painted).toBeUndefined();
  stage.show(frame({ live: false }));
  expect(started[0]?.heard.at(-1)).toEqual({ id: id(), change: { live: false }, turn: 1 });
  painted(1);
  expect(host.dataset.painted).toBe("");
});

it("takes the painter that the page started first", () => {
  window.earlyPainter = new FakeWorker() as unknown as Worker;
  makeStage();
  expect(started).toHaveLength(1);
  expect(started[0]?.heard).toHaveLength(1);
});

it("begins anew with another painter where one could not be fetched", () => {
  const stage = makeStage();
  const [before] = host.children;
  stage.show(frame({}));
  started[0]?.onerror?.(new Event("error"));
  vi.advanceTimersByTime(1_000);
  stage.show(frame({ live: false }));
  expect(started).toHaveLength(2);
  expect(host.children).toHaveLength(2);
  expect(host.firstChild).not.toBe(before);
  expect(started[1]?.heard.slice(1)).toEqual([
    { id: id(), change: { group: 10, live: true }, turn: 0 },
    { id: id(), change: { live: false }, turn: 0 },
  ]);
});

it("waits between two tries, and keeps what changes meanwhile", () => {
  const stage = makeStage();
  started[0]?.onerror?.(new Event("error"));
  stage.show(frame({ group: 20 }));
  expect(started).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(started).toHaveLength(2);
  expect(started[1]?.heard.slice(1)).toEqual([{ id: id(), change: { group: 20, live: true }, turn: 0 }]);
});

it("says so where the browser cannot paint", async () => {
  vi.resetModules();
  Reflect.deleteProperty(HTMLCanvasElement.prototype, "transferControlToOffscreen");
  const { Stage } = await import("./stage.ts");
  const stage = new Stage("ladder", host, 2, () => {});
  stage.show(frame({}));
  stage.end();
  expect(host.textContent).toContain("cannot paint");
  expect(host.dataset.painted).toBe("");
  expect(started).toHaveLength(0);
});

it("keeps a painter in which a picture failed", () => {
  const stage = makeStage();
  started[0]?.onerror?.(new ErrorEvent("error", { message: "a bug" }));
  vi.advanceTimersByTime(10_000);
  stage.show(frame({}));
  expect(started).toHaveLength(1);
});
