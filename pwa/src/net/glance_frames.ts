/** The watchlist as the server tells it: types 20 and 21 of the wire. */

import { amount, FrameError, list, map, type Streamed, whole } from "./frames.ts";

export const STRIP_CELLS = 33;
/** The strip shows so much either way of the last price. */
export const STRIP_REACH_PCT = 2;

const KEY = 20;
const FIELDS = 12;
const AGE_UNIT_MS = 100;
const THOUSAND = 1_000;

export type Regime = "unknown" | "useful" | "sparse" | "news";
const REGIMES: readonly Regime[] = ["unknown", "useful", "sparse", "news"];

export interface GlanceCluster {
  /** Ticks. */
  readonly peak: number;
  readonly usd: number;
  readonly lowUsd: number;
  readonly highUsd: number;
  readonly distanceBp: number;
  /** Minutes at the pace of late; null while price moves away. */
  readonly etaMin: number | null;
  readonly name: string;
  readonly state: string;
}

export interface GlanceRow {
  readonly live: boolean;
  /** Age of the book when the frame was made. */
  readonly ageMs: number;
  /** Ticks; 0 before there is a price. */
  readonly last: number;
  /** Change over a day in percent. */
  readonly day: number | null;
  readonly above: GlanceCluster | null;
  readonly below: GlanceCluster | null;
  /** -100..100: which side holds more fuel (positive: above); null when the interval does not decide. */
  readonly bias: number | null;
  readonly regime: Regime;
  /** Band codes over -2 %..+2 % about the last price. */
  readonly strip: Uint8Array;
  /** Band code of a cell of the strip at the top of the palette; null without an estimate. */
  readonly topCode: number | null;
  /** Part of one per interval. */
  readonly funding: number | null;
  /** Whether liquidations seen bear the estimate out; null without an estimate. */
  readonly calibrated: boolean | null;
}

const maybe = (value: unknown): number | null => (value === null ? null : amount(value));

/** Distance and time are as old as the cluster's last change: price has moved since. */
function clusterOf(value: unknown, last: number, side: 1 | -1): GlanceCluster | null {
  if (value === null) return null;
  const [peak, usd, low, high, told, eta, name, state] = list(value);
  const toldBp = amount(told);
  const minutes = maybe(eta);
  const distanceBp = last > 0 ? Math.max(0, side * (amount(peak) / last - 1) * 10_000) : toldBp;
  return {
    peak: amount(peak),
    usd: amount(usd) * THOUSAND,
    lowUsd: amount(low) * THOUSAND,
    highUsd: amount(high) * THOUSAND,
    distanceBp,
    etaMin: minutes === null || toldBp <= 0 ? minutes : (minutes * distanceBp) / toldBp,
    name: String(name ?? ""),
    state: String(state ?? ""),
  };
}

function rowOf(fields: readonly unknown[]): GlanceRow {
  if (fields.length !== FIELDS) throw new FrameError(`expected ${FIELDS} fields, got ${fields.length}`);
  const [state, age, last, day, above, below, bias, regime, strip, top, funding, calibrated] = fields;
  if (!(strip instanceof Uint8Array) || (strip.length !== 0 && strip.length !== STRIP_CELLS)) {
    throw new FrameError(`expected no band codes or ${STRIP_CELLS}`);
  }
  if (calibrated !== null && typeof calibrated !== "boolean") {
    throw new FrameError("expected a yes, a no or nothing for calibrated");
  }
  const dayBp = maybe(day);
  const fundingUnits = maybe(funding);
  return {
    live: whole(state) === 1,
    ageMs: amount(age) * AGE_UNIT_MS,
    last: whole(last),
    day: dayBp === null ? null : dayBp / 100,
    above: clusterOf(above, whole(last), 1),
    below: clusterOf(below, whole(last), -1),
    bias: maybe(bias),
    regime: REGIMES[whole(regime)] ?? "unknown",
    strip,
    topCode: maybe(top),
    funding: fundingUnits === null ? null : fundingUnits / 1e6,
    calibrated,
  };
}

export class GlanceModel {
  /** Server time of the frame, Unix ms. */
  tMs = 0;
  simulated = false;
  /** A row per symbol, in the order asked for; a row that changed is another object. */
  rows: readonly GlanceRow[] = [];
  #fields: unknown[][] = [];
  #synced = false;

  /** Takes the next frame; false when no key came before it. Throws FrameError for a broken one. */
  apply(frame: Streamed): boolean {
    const follows = this.#synced;
    this.#synced = false;
    if (frame.code === KEY) this.#replace(map(frame.parts[2]));
    else if (follows) this.#change(frame.parts[2], list(frame.parts[3]));
    else return false;
    this.#synced = true;
    return true;
  }

  #replace(key: Record<string, unknown>): void {
    this.tMs = whole(key.t);
    this.simulated = key.simulated === true;
    this.#fields = list(key.rows).map((row) => [...list(row)]);
    this.rows = this.#fields.map(rowOf);
  }

  #change(dt: unknown, changes: readonly unknown[]): void {
    this.tMs += whole(dt);
    const rows = [...this.rows];
    for (let at = 0; at < changes.length; ) {
      const index = whole(changes[at++]);
      const mask = whole(changes[at++]);
      const fields = this.#fields[index];
      if (!fields) throw new FrameError(`expected a row that is held, got ${index}`);
      for (let field = 0; field < FIELDS; field++) {
        if ((mask >> field) & 1) {
          if (at >= changes.length) throw new FrameError("the frame is cut short");
          fields[field] = changes[at++];
        }
      }
      rows[index] = rowOf(fields);
    }
    this.rows = rows;
  }
}
