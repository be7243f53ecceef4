/** Open interest, funding, flow and the long/short ratio over time: types 50 and 51 of the wire. */

import { amount, FrameError, list, map, type Streamed, text, whole } from "./frames.ts";

const KEY = 50;
const COLUMNS_MAX = 4_096;
const BYTES = 4;

export const PULSE_SERIES = [
  "oi_usd",
  "funding",
  "cvd_usd",
  "buy_usd",
  "sell_usd",
  "long_ratio",
  "close",
] as const;
export type PulseSeries = (typeof PULSE_SERIES)[number];

/** Columns side by side, NaN where unknown. */
export interface PulseData {
  stepMin: number;
  /** Unix minute at which the first column begins. */
  firstMin: number;
  columns: number;
  readonly series: { readonly [S in PulseSeries]: Float32Array };
  /** The venues that the sums are over. */
  oiVenues: readonly string[];
  flowVenues: readonly string[];
  ratioVenues: readonly string[];
}

const none = (): PulseData["series"] =>
  Object.fromEntries(
    PULSE_SERIES.map((name) => [name, new Float32Array(0)]),
  ) as unknown as PulseData["series"];

export class PulseModel {
  /** Server time of the frame, Unix ms. */
  tMs = 0;
  /** Rises with every change. */
  version = 0;
  data: PulseData = {
    stepMin: 1,
    firstMin: 0,
    columns: 0,
    series: none(),
    oiVenues: [],
    flowVenues: [],
    ratioVenues: [],
  };
  #synced = false;

  /** Takes the next frame; false when no key came before it. Throws FrameError for a broken one. */
  apply(frame: Streamed): boolean {
    const follows = this.#synced;
    this.#synced = false;
    const content = map(frame.parts[2]);
    if (frame.code === KEY) this.#replace(content);
    else if (!follows || !this.#column(content)) return false;
    this.tMs = whole(content.t);
    this.version += 1;
    this.#synced = true;
    return true;
  }

  #replace(key: Record<string, unknown>): void {
    const columns = whole(key.columns);
    const stepMin = whole(key.step_min);
    if (columns < 0 || columns > COLUMNS_MAX || stepMin < 1) {
      throw new FrameError(`expected at most ${COLUMNS_MAX} columns, got ${columns}`);
    }
    const series = Object.fromEntries(
      PULSE_SERIES.map((name) => [name, floats(key[name], columns)]),
    ) as unknown as PulseData["series"];
    this.data = {
      stepMin,
      firstMin: whole(key.first_min),
      columns,
      series,
      oiVenues: names(key.oi_venues),
      flowVenues: names(key.flow_venues),
      ratioVenues: names(key.ratio_venues),
    };
  }

  /** Replaces the newest column or follows it; false when columns in between are missing. */
  #column(column: Record<string, unknown>): boolean {
    const { data } = this;
    const index = (whole(column.minute) - data.firstMin) / data.stepMin;
    if (!Number.isInteger(index) || index < 0 || index > data.columns || data.columns === 0) return false;
    const follows = index === data.columns;
    for (const name of PULSE_SERIES) {
      const values = data.series[name];
      // The range stays as wide as it is: the first column leaves.
      if (follows) values.copyWithin(0, 1);
      values[follows ? data.columns - 1 : index] = column[name] === null ? Number.NaN : amount(column[name]);
    }
    if (follows) data.firstMin += data.stepMin;
    return true;
  }
}

/** A bin may begin at any byte: only a copy can be read as floats. */
function floats(value: unknown, columns: number): Float32Array {
  if (!(value instanceof Uint8Array) || value.length !== columns * BYTES) {
    throw new FrameError(`expected ${columns} numbers of ${BYTES} bytes`);
  }
  return new Float32Array(value.slice().buffer);
}

const names = (value: unknown): readonly string[] => list(value ?? []).map(text);
