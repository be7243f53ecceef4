import { describe, expect, it } from "vitest";
import { rangeOf } from "../draw/pulse.ts";
import { changeOver, deltaAgrees, newest } from "../model/flow.ts";
import { FrameError, type Streamed } from "./frames.ts";
import { golden, told } from "./golden.ts";
import { PULSE_SERIES, PulseModel } from "./pulse_frames.ts";

const frame = (code: number, content: unknown): Streamed => ({
  type: "streamed",
  code,
  stream: 5,
  parts: [code, 5, content],
});
/** Bytes that begin at an odd place, as msgpack hands them out. */
const bin = (values: readonly number[]) => {
  const bytes = new Uint8Array(values.length * 4 + 1);
  bytes.set(new Uint8Array(Float32Array.from(values).buffer), 1);
  return bytes.subarray(1);
};
const key = (values: Partial<Record<string, readonly number[]>> = {}, columns = 3) =>
  frame(50, {
    t: 9_000,
    step_min: 2,
    first_min: 100,
    columns,
    ...Object.fromEntries(
      PULSE_SERIES.map((name) => [name, bin(values[name] ?? Array(columns).fill(Number.NaN))]),
    ),
    oi_venues: ["binance"],
    flow_venues: [],
    ratio_venues: [],
  });
const column = (minute: number, oi: number | null) =>
  frame(51, {
    t: 10_000,
    minute,
    ...Object.fromEntries(PULSE_SERIES.map((name) => [name, name === "oi_usd" ? oi : null])),
  });
const interest = (model: PulseModel) => [...model.data.series.oi_usd];

describe("the pulse", () => {
  it("reads golden frames as their values say", () => {
    const model = new PulseModel();
    const [first, ...later] = told("pulse") as {
      key: Record<string, unknown>;
      column: Record<string, number>;
    }[];
    const [key, ...columns] = golden("pulse");
    expect(model.apply(key as Streamed)).toBe(true);
    for (const name of PULSE_SERIES) {
      const known = [...model.data.series[name]].map((it) => (Number.isNaN(it) ? null : it));
      expect(known).toEqual(first?.key[name]);
    }
    columns.forEach((it, index) => {
      expect(model.apply(it)).toBe(true);
      expect(newest(model.data.series.oi_usd)?.value).toBe(later[index]?.column.oi_usd);
      expect(newest(model.data.series.cvd_usd)?.value).toBe(later[index]?.column.cvd_usd);
    });
  });

  it("reads floats from any byte, unknown ones included", () => {
    const model = new PulseModel();
    expect(model.apply(key({ oi_usd: [1, 2, 3] }))).toBe(true);
    expect(interest(model)).toEqual([1, 2, 3]);
    expect(newest(model.data.series.funding)).toBeNull();
    expect(model.data.oiVenues).toEqual(["binance"]);
  });

  it("replaces the newest column, follows it, and asks anew when one is missing", () => {
    const model = new PulseModel();
    model.apply(key({ oi_usd: [1, 2, 3] }));
    expect(model.apply(column(104, 4))).toBe(true);
    expect(interest(model)).toEqual([1, 2, 4]);
    expect(model.apply(column(106, null))).toBe(true);
    expect(interest(model)).toEqual([2, 4, Number.NaN]);
    expect(model.data.firstMin).toBe(102);
    expect(newest(model.data.series.oi_usd)).toEqual({ value: 4, column: 1 });
    expect(model.apply(column(112, 7))).toBe(false);
    expect(model.apply(column(108, 7))).toBe(false);
  });

  it("refuses what it cannot read", () => {
    expect(new PulseModel().apply(column(100, 1))).toBe(false);
    expect(() => new PulseModel().apply(key({ close: [1] }))).toThrow(FrameError);
    expect(() => new PulseModel().apply(frame(50, { columns: 1e9 }))).toThrow(FrameError);
  });

  it("tells change, and whether price and delta agree", () => {
    const many = (from: number, to: number) =>
      Array.from({ length: 40 }, (_, i) => from + ((to - from) * i) / 39);
    const model = new PulseModel();
    model.apply(key({ close: many(100, 90), cvd_usd: many(0, -5), oi_usd: many(10, 10) }, 40));
    expect(deltaAgrees(model, 39)).toBe(true);
    expect(deltaAgrees(model, 5)).toBeNull();
    expect(changeOver(model, "oi_usd", 39, 5)).toEqual({ from: 10, to: 10 });
    model.apply(key({ close: many(100, 90), cvd_usd: many(0, 5) }, 40));
    expect(deltaAgrees(model, 39)).toBe(false);
  });

  it("draws bars from zero and gives a flat line room", () => {
    const values = Float32Array.of(2, Number.NaN, 4);
    expect(rangeOf({ values, shape: "line" })).toEqual({ low: 2, high: 4 });
    expect(rangeOf({ values, shape: "bars" })).toEqual({ low: 0, high: 4 });
    expect(rangeOf({ values: Float32Array.of(5), shape: "line" })).toEqual({ low: 4.95, high: 5.05 });
    expect(rangeOf({ values: Float32Array.of(Number.NaN), shape: "line" })).toBeNull();
  });
});
