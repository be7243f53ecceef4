/** Tape and pulse of the market looked at last, kept so that a start without a server shows the past. */

import type { SymbolFacts } from "../net/frames.ts";
import { PULSE_SERIES, type PulseData, PulseModel } from "../net/pulse_frames.ts";
import { type Print, TapeModel } from "../net/tape_frames.ts";
import { flow } from "./flow.ts";
import { keep, readKept } from "./kept.ts";

const KEY = "leadline.flow";
const VERSION = 1;
/** A screenful and a little to scroll. */
const PRINTS = 80;

interface Kept {
  readonly version: typeof VERSION;
  readonly savedMs: number;
  readonly symbol: string;
  readonly venue: string;
  readonly venues: readonly string[];
  /** The steps that the prints are in. */
  readonly steps: string;
  /** Since the last frame came, when it was saved. */
  readonly elapsedMs: number;
  readonly tape: { readonly tMs: number; readonly ageMs: number; readonly prints: readonly Print[] };
  readonly pulse:
    | (Omit<PulseData, "series"> & { readonly series: Readonly<Record<string, readonly (number | null)[]>> })
    | null;
}

const stepsOf = (facts: SymbolFacts): string => [facts.tick, facts.lot].join();

/** Writes down what is held of this market; does nothing while there is no tape of it. */
export function saveFlow(storage: Storage, facts: SymbolFacts | null, nowMs: number, wallMs: number): void {
  const { tape, pulse } = flow;
  if (!facts || tape?.symbol !== facts.symbol) return;
  const { data } = pulse?.symbol === facts.symbol ? pulse.model : { data: null };
  const rounded = (values: Float32Array): (number | null)[] =>
    Array.from(values, (it) => (Number.isNaN(it) ? null : Number(it.toPrecision(6))));
  const kept: Kept = {
    version: VERSION,
    savedMs: wallMs,
    symbol: tape.symbol,
    venue: tape.venue,
    venues: flow.venues,
    steps: stepsOf(facts),
    elapsedMs: nowMs - tape.atMs,
    tape: { tMs: tape.model.tMs, ageMs: tape.model.ageMs, prints: tape.model.prints.slice(-PRINTS) },
    pulse: data && {
      ...data,
      series: Object.fromEntries(PULSE_SERIES.map((name) => [name, rounded(data.series[name])])),
    },
  };
  keep(storage, KEY, kept);
}

/** Puts back what was kept of this market and venue; tells whether there was anything. */
export function restoreFlow(
  storage: Storage,
  facts: SymbolFacts,
  venue: string,
  nowMs: number,
  wallMs: number,
): boolean {
  try {
    const read = readKept<Kept>(storage, KEY, VERSION);
    if (read?.symbol !== facts.symbol || read.venue !== venue) return false;
    if (read.steps !== stepsOf(facts)) return false;
    const atMs = nowMs - read.elapsedMs - Math.max(0, wallMs - read.savedMs);
    const tape = new TapeModel();
    tape.tMs = read.tape.tMs;
    tape.ageMs = read.tape.ageMs;
    tape.prints.push(...read.tape.prints);
    flow.venues = read.venues;
    flow.tape = { symbol: read.symbol, venue, model: tape, atMs };
    if (read.pulse) {
      const pulse = new PulseModel();
      const series = Object.fromEntries(
        PULSE_SERIES.map((name) => [
          name,
          Float32Array.from(read.pulse?.series[name] ?? [], (it) => it ?? Number.NaN),
        ]),
      ) as unknown as PulseData["series"];
      pulse.data = { ...read.pulse, series };
      pulse.version = 1;
      flow.pulse = { symbol: read.symbol, venue: "all", model: pulse, atMs };
    }
    return true;
  } catch {
    [flow.tape, flow.pulse] = [null, null];
    return false;
  }
}
