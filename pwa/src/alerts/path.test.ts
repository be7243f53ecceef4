// @vitest-environment happy-dom

import { afterEach, describe, expect, it, vi } from "vitest";
import { type Point, play, readPath, stepsOf } from "./path.ts";

const path = (count: number): Point[] =>
  Array.from({ length: count }, (_, at) => ({ atMs: at * 60_000, price: 100 + at }));

afterEach(() => vi.useRealTimers());

describe("price since an alert", () => {
  it("is read, and made of any answer", () => {
    expect(readPath({ path: [[60_000, 100.5], [120_000, null], "x", [180_000, 99]] })).toEqual([
      { atMs: 60_000, price: 100.5 },
      { atMs: 180_000, price: 99 },
    ]);
    for (const told of [null, 3, [], {}, { path: 4 }]) expect(readPath(told)).toEqual([]);
  });

  it("has no more steps than a replay takes, and ends with the newest", () => {
    expect(stepsOf(path(40))).toHaveLength(40);
    const steps = stepsOf(path(1_440));
    expect(steps.length).toBeLessThanOrEqual(100);
    expect(steps.length).toBeGreaterThan(80);
    expect(steps.at(-1)).toEqual(path(1_440).at(-1));
  });

  it("is shown step by step, and ends once, also when it is stopped", () => {
    vi.useFakeTimers();
    const seen: number[] = [];
    const done = vi.fn();
    play(path(3), (it) => seen.push(it.price), done);
    vi.advanceTimersByTime(10_000);
    expect(seen).toEqual([100, 101, 102]);
    expect(done).toHaveBeenCalledOnce();
    const stop = play(path(3), (it) => seen.push(it.price), done);
    vi.advanceTimersByTime(90);
    stop();
    vi.advanceTimersByTime(10_000);
    expect(seen).toEqual([100, 101, 102, 100]);
    expect(done).toHaveBeenCalledTimes(2);
  });
});
