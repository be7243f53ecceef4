// @vitest-environment happy-dom

import { beforeEach, expect, it, vi } from "vitest";
import { LadderRows } from "../model/ladder_rows.ts";
import { LOOK, type LookedAt, type Outline, PART, RowLooks } from "./ladder_look.ts";
import { Surface } from "./surface.ts";

const NO_OUTLINE: Outline = { row: Number.NaN, look: 0 };
const BOUNDARY = 50;
const SIDE = 120;

let looks: RowLooks;
beforeEach(() => {
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({ setTransform: () => {} } as never);
  looks = new RowLooks(new Surface(document.createElement("canvas"), true));
});

/** Rows of which each has a size of its own, from the highest down to the lowest. */
function between(highest: number, lowest: number, grown: Record<number, number> = {}): LookedAt {
  const rows = new LadderRows();
  const count = highest - lowest + 1;
  rows.take({ highest, count, summed: false, numbers: new Float64Array(6 * count) });
  for (let slot = 0; slot < rows.count; slot++) {
    const row = highest - slot;
    const usd = (grown[row] ?? row) * 1_000;
    (row > BOUNDARY ? rows.askUsd : rows.bidUsd)[slot] = usd;
  }
  return {
    rows,
    unit: { name: "K", factor: 1_000, decimals: 0, fromUsd: 0 },
    barUsd: 1e6,
    volumeUsd: 1,
    heatTopUsd: 1,
    factor: 1,
    calibrated: true,
    known: { lowest: 0, highest: 1_000 },
  };
}

/** The rows that are to be painted, and which parts of them. */
function dirty(picture: LookedAt, prefix = 0): Record<number, number> {
  looks.take(picture, BOUNDARY, SIDE, NO_OUTLINE, prefix);
  const { highest, count } = picture.rows;
  const parts = Array.from(looks.dirty.subarray(0, count), (it, slot) => [highest - slot, it] as const);
  return Object.fromEntries(parts.filter(([, it]) => it !== 0));
}

const all = (...rows: number[]): Record<number, number> =>
  Object.fromEntries(rows.map((row) => [row, PART.all]));

it("has every row painted at first, and none that looks as before", () => {
  expect(dirty(between(52, 49))).toEqual(all(52, 51, 50, 49));
  expect(dirty(between(52, 49))).toEqual({});
});

it.each([
  { name: "up", to: [54, 51], come: [54, 53] },
  { name: "down", to: [50, 47], come: [48, 47] },
  { name: "by more rows than show", to: [152, 149], come: [152, 151, 150, 149] },
  { name: "down by as many", to: [48, 45], come: [48, 47, 46, 45] },
  { name: "nowhere, while one more row comes in below", to: [52, 48], come: [48] },
  { name: "nowhere, while fewer rows show", to: [52, 51], come: [] },
  { name: "up, while fewer rows show", to: [53, 52], come: [53] },
])("has only rows painted that came in when the picture moves $name", ({ to, come }) => {
  dirty(between(52, 49));
  const [highest = 0, lowest = 0] = to;
  expect(dirty(between(highest, lowest))).toEqual(all(...come));
  for (let row = lowest; row <= highest; row++)
    expect(looks.of(highest - row, LOOK.bookAmount), String(row)).toBe(row);
});

it("paints a row again that left and came back", () => {
  dirty(between(52, 49));
  dirty(between(53, 50));
  expect(dirty(between(52, 49))).toEqual(all(49));
});

it("sees what changes in the same moment as the picture moves", () => {
  dirty(between(52, 49));
  expect(dirty(between(53, 50, { 51: 500 }))).toEqual({ ...all(53), 51: PART.book });
});

it("has all prices printed again when they share more or fewer characters", () => {
  dirty(between(52, 49), 3);
  const { spine } = PART;
  expect(dirty(between(52, 49), 0)).toEqual({ 52: spine, 51: spine, 50: spine, 49: spine });
});

it("forgets all rows", () => {
  dirty(between(52, 49));
  looks.forget();
  expect(dirty(between(52, 49))).toEqual(all(52, 51, 50, 49));
});
