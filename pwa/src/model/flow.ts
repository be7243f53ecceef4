/** What the Flow screen shows: the tape and the pulse of the market in view, and what the user chose for them. */

import { signal } from "@preact/signals";
import { FLAG_FRESHNESS, FRESHNESS_LIVE, type SymbolFacts } from "../net/frames.ts";
import type { PulseModel, PulseSeries } from "../net/pulse_frames.ts";
import type { Print, TapeModel, TapeSums } from "../net/tape_frames.ts";
import { type Freshness, freshnessOf } from "./freshness.ts";
import { lotUsd } from "./walls.ts";

/** Which prints are listed: all, those from the user's threshold on, or liquidations. */
export type TapeFilter = "all" | "large" | "forced";
export const TAPE_FILTERS: readonly TapeFilter[] = ["all", "large", "forced"];

/** A stream's model with the market it is of and the time its last frame came. */
export interface Held<M> {
  readonly symbol: string;
  /** "all" or a venue's name; the pulse knows no single venues. */
  readonly venue: string;
  readonly model: M;
  /** On the clock of `performance.now()`. */
  readonly atMs: number;
}

export const flow = {
  tape: null as Held<TapeModel> | null,
  pulse: null as Held<PulseModel> | null,
  /** The server's venues, whose places the prints name. */
  venues: [] as readonly string[],
};

/** What the elements of the screen show. */
export const flowState = {
  sums: signal<TapeSums | null>(null),
  floorUsd: signal(0),
  /** Whether the tape is fed; that it is silent says nothing. Nothing is stale while there is none. */
  freshness: signal<Freshness>("fresh"),
  hasTape: signal(false),
  hasPulse: signal(false),
  filter: signal<TapeFilter>("all"),
  /** Whether large prints are heard; the browser wants a tap before any sound. */
  sound: signal(false),
  /** Prints that the user has scrolled away from, 0 while the newest is shown. */
  scrolled: signal(false),
};

/** The server's time now, as far as frames and the time since tell. */
export const serverNowMs = (held: Held<{ readonly tMs: number }>, nowMs: number): number =>
  held.model.tMs + Math.max(0, nowMs - held.atMs);

export function tapeFreshness({ model, atMs }: Held<TapeModel>, nowMs: number): Freshness {
  const live = (model.flags & FLAG_FRESHNESS) === FRESHNESS_LIVE;
  return freshnessOf(model.ageMs + Math.max(0, nowMs - atMs), !live);
}

/** Dollars of a print. */
export function printUsd(facts: SymbolFacts): (print: Print) => number {
  const usdOfLot = lotUsd(facts, 1);
  return (print) => (print.liquidation ? print.usd : print.lots * usdOfLot(print.tick));
}

/** Whether a print is listed under a filter. */
export function listed(print: Print, usd: number, filter: TapeFilter, thresholdUsd: number): boolean {
  if (filter === "forced") return print.liquidation;
  return filter === "all" || usd >= thresholdUsd;
}

/** The newest value that is known and its column; null when none is. */
export function newest(values: Float32Array): { readonly value: number; readonly column: number } | null {
  for (let column = values.length - 1; column >= 0; column--) {
    const value = values[column] as number;
    if (!Number.isNaN(value)) return { value, column };
  }
  return null;
}

/** Change over `minutes` up to a column, in units of the series; null where either end is unknown. */
export function changeOver(
  model: PulseModel,
  name: PulseSeries,
  column: number,
  minutes: number,
): { readonly from: number; readonly to: number } | null {
  const { series, stepMin } = model.data;
  const values = series[name];
  const to = values[column];
  const from = values[column - Math.max(1, Math.round(minutes / stepMin))];
  if (to === undefined || from === undefined || Number.isNaN(to) || Number.isNaN(from)) return null;
  return { from, to };
}

/** Whether price and cumulative delta went the same way over the last hour; null when nothing tells. */
export function deltaAgrees(model: PulseModel, column: number): boolean | null {
  const price = changeOver(model, "close", column, 60);
  const delta = changeOver(model, "cvd_usd", column, 60);
  if (!price || !delta || price.to === price.from || delta.to === delta.from) return null;
  return price.to > price.from === delta.to > delta.from;
}
