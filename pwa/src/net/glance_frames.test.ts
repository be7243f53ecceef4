import { describe, expect, it } from "vitest";
import { FrameError, type Streamed } from "./frames.ts";
import { GlanceModel } from "./glance_frames.ts";
import { golden, told } from "./golden.ts";

const frame = (code: number, ...parts: unknown[]): Streamed => ({
  type: "streamed",
  code,
  stream: 3,
  parts: [code, 3, ...parts],
});
const above = [775_791, 42_000, 24_000, 71_000, 40, 11.5, "S1", "armed"];
const row = (last: number): unknown[] => [
  1,
  2,
  last,
  92,
  above,
  null,
  38,
  1,
  new Uint8Array(33),
  187,
  100,
  false,
];
const key = (...rows: unknown[]) => frame(20, { t: 5_000, simulated: true, rows });

describe("the watchlist", () => {
  it("reads golden frames as their values say", () => {
    const model = new GlanceModel();
    const seen = told("glance") as { t: number; rows: unknown[][] }[];
    const frames = golden("glance");
    expect(frames).toHaveLength(seen.length);
    frames.forEach((it, index) => {
      expect(model.apply(it)).toBe(true);
      const { t, rows } = seen[index] as (typeof seen)[number];
      expect(model.tMs).toBe(t);
      rows.forEach((fields, at) => {
        const row = model.rows[at];
        expect(row).toMatchObject({ live: fields[0] === 1, last: fields[2], bias: fields[6] });
        expect(row?.day).toBe(fields[3] === null ? null : (fields[3] as number) / 100);
        expect(row?.above?.peak ?? null).toBe(fields[4] && (fields[4] as unknown[])[0]);
        expect([...(row?.strip ?? [])]).toEqual(fields[8]);
        expect(row?.calibrated).toBe(fields[11]);
      });
    });
  });

  it("reads a row in the units of the app", () => {
    const model = new GlanceModel();
    expect(model.apply(key(row(772_700)))).toBe(true);
    expect(model.simulated).toBe(true);
    expect(model.rows[0]).toEqual({
      live: true,
      ageMs: 200,
      last: 772_700,
      day: 0.92,
      above: {
        peak: 775_791,
        usd: 42e6,
        lowUsd: 24e6,
        highUsd: 71e6,
        distanceBp: expect.closeTo(40, 1),
        etaMin: expect.closeTo(11.5, 1),
        name: "S1",
        state: "armed",
      },
      below: null,
      bias: 38,
      regime: "useful",
      strip: new Uint8Array(33),
      topCode: 187,
      funding: 0.0001,
      calibrated: false,
    });
  });

  it("changes only the fields that the mask names, and leaves other rows the objects they were", () => {
    const model = new GlanceModel();
    model.apply(key(row(100), row(200)));
    const [first] = model.rows;
    expect(model.apply(frame(21, 1_000, [1, 0b10_0000_0101, 2, 201, null]))).toBe(true);
    expect(model.tMs).toBe(6_000);
    expect(model.rows[0]).toBe(first);
    expect(model.rows[1]).toMatchObject({ live: false, last: 201, day: 0.92, topCode: null });
  });

  it("keeps distance and time true while price moves", () => {
    const model = new GlanceModel();
    model.apply(key(row(772_700)));
    model.apply(frame(21, 1_000, [0, 0b100, 774_245]));
    const cluster = model.rows[0]?.above;
    expect(cluster?.distanceBp).toBeCloseTo(20, 0);
    expect(cluster?.etaMin).toBeCloseTo(5.7, 1);
    model.apply(frame(21, 1_000, [0, 0b100, 776_000]));
    expect(model.rows[0]?.above?.distanceBp).toBe(0);
  });

  it("cannot follow without a key, nor after a broken frame", () => {
    const model = new GlanceModel();
    expect(model.apply(frame(21, 1_000, []))).toBe(false);
    model.apply(key(row(1)));
    expect(() => model.apply(frame(21, 1_000, [4, 1, 0]))).toThrow(FrameError);
    expect(model.apply(frame(21, 1_000, []))).toBe(false);
  });

  it.each([
    ["a row too short", key([1, 2, 3])],
    ["a strip of another length", key(row(1).with(8, new Uint8Array(32)))],
    ["a price in words", key(row(1).with(2, "77"))],
    ["a number for a yes", key(row(1).with(11, 1))],
    ["a cluster in words", key(row(1).with(4, ["x", 1, 1, 1, 1, null, "", ""]))],
    ["rows that are no list", frame(20, { t: 1, simulated: false, rows: 3 })],
  ])("refuses %s", (_, broken) => {
    expect(() => new GlanceModel().apply(broken)).toThrow(FrameError);
  });

  it("refuses a change that is cut short", () => {
    const model = new GlanceModel();
    model.apply(key(row(1)));
    expect(() => model.apply(frame(21, 1_000, [0, 0b111, 1]))).toThrow(FrameError);
  });
});
