/** Large resting orders as this phone has seen them come and go; nothing before its first frame is known. */

import { stepValue } from "../format.ts";
import type { LadderModel, SymbolFacts } from "../net/frames.ts";
import { holds, knownRows, type RowRange, type StreamState } from "./state.ts";
import { rowOfTrade } from "./volume.ts";

/** A wall is so many times the median row, and at least so many dollars. */
const WALL_FACTOR = 6;
const WALL_LEAST_USD = 250_000;
/** What stands shorter is not worth a mark. */
const WALL_AFTER_MS = 1_500;
/** A wall that has fallen to this part is gone. */
const GONE_PART = 0.4;
/** Pulled: trades explain less than this part of what is missing. */
const TRADED_PART = 0.5;
const PULLED_SHOWN_MS = 20_000;
/** How often all levels are gone through: no mark needs to come or go sooner. */
const EVERY_MS = 1_000;
const PULLED_MAX = 12;

export interface Wall {
  readonly row: number;
  readonly side: "bid" | "ask";
  usd: number;
  /** When this phone first saw it, on the clock of `performance.now()`. */
  readonly sinceMs: number;
  /** The order was there in the first frame, or where not every order is known: it may be older. */
  readonly older: boolean;
}

export interface Pulled {
  readonly row: number;
  readonly side: "bid" | "ask";
  readonly usd: number;
  readonly atMs: number;
}

const NO_ROWS: RowRange = { lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY };

interface Tracked extends Wall {
  tradedUsd: number;
}

export class Walls {
  /** Walls that have stood long enough, largest first. */
  shown: readonly Wall[] = [];
  pulled: readonly Pulled[] = [];
  readonly #tracked = { bid: new Map<number, Tracked>(), ask: new Map<number, Tracked>() };
  #group = 0;
  #epoch = -1;
  #seq = -1;
  #sorted = new Float64Array(0);
  #observedMs = Number.NEGATIVE_INFINITY;
  /** No frame is missing since all levels were last gone through. */
  #follows = false;

  clear(): void {
    this.#tracked.bid.clear();
    this.#tracked.ask.clear();
    this.shown = [];
    this.pulled = [];
    this.#group = 0;
    this.#seq = -1;
    this.#observedMs = Number.NEGATIVE_INFINITY;
  }

  /** Takes the next frame of a ladder. After a gap nothing is called pulled: trades may be missing. */
  observe(ladder: LadderModel, facts: SymbolFacts, state: StreamState | null, nowMs: number): void {
    if (ladder.group !== this.#group) {
      this.clear();
      this.#group = ladder.group;
    }
    const first = this.#seq < 0;
    const follows = !first && ladder.epoch === this.#epoch && ladder.seq === this.#seq + 1;
    this.#epoch = ladder.epoch;
    this.#seq = ladder.seq;
    this.#follows &&= follows;
    if (follows && ladder.freshPrints > 0) this.#countTrades(ladder, facts);
    if (nowMs - this.#observedMs < EVERY_MS) return;
    this.#observedMs = nowMs;
    this.#observeAll(ladder, facts, first ? NO_ROWS : knownRows(state, ladder.group), nowMs);
    this.#follows = true;
  }

  #observeAll(ladder: LadderModel, facts: SymbolFacts, known: RowRange, nowMs: number): void {
    const usdOfLot = lotUsd(facts, ladder.group);
    const threshold = Math.max(WALL_LEAST_USD, WALL_FACTOR * this.#median(ladder, usdOfLot));
    const gone: Pulled[] = [];
    for (const side of ["bid", "ask"] as const) {
      this.#observeSide(side, ladder, usdOfLot, threshold, known, nowMs);
      gone.push(...this.#missing(side, ladder, usdOfLot, nowMs));
    }
    this.#publish(gone, nowMs);
  }

  #observeSide(
    side: "bid" | "ask",
    ladder: LadderModel,
    usdOfLot: (row: number) => number,
    threshold: number,
    known: RowRange,
    nowMs: number,
  ): void {
    const levels = side === "bid" ? ladder.bids : ladder.asks;
    const tracked = this.#tracked[side];
    for (let level = 0; level < levels.count; level++) {
      const row = levels.rows[level] as number;
      const usd = (levels.lots[level] as number) * usdOfLot(row);
      const held = tracked.get(row);
      if (held) {
        if (usd > held.usd) held.usd = usd;
      } else if (usd >= threshold) {
        tracked.set(row, { row, side, usd, sinceMs: nowMs, older: !holds(known, row), tradedUsd: 0 });
      }
    }
  }

  /** Ends walls that are gone; returns those that were taken away rather than traded. */
  #missing(
    side: "bid" | "ask",
    ladder: LadderModel,
    usdOfLot: (row: number) => number,
    nowMs: number,
  ): Pulled[] {
    const levels = side === "bid" ? ladder.bids : ladder.asks;
    const found: Pulled[] = [];
    for (const wall of this.#tracked[side].values()) {
      const { row } = wall;
      const usd = levels.lotsAt(row) * usdOfLot(row);
      if (usd > wall.usd * GONE_PART) continue;
      const last = levels.count > 0 ? (levels.rows[levels.count - 1] as number) : row;
      const beyond = side === "bid" ? row < last : row > last;
      this.#tracked[side].delete(row);
      // A row that left the ladder's depth may still be there.
      if (beyond || !this.#follows || nowMs - wall.sinceMs < WALL_AFTER_MS) continue;
      const missing = wall.usd - usd;
      if (wall.tradedUsd < missing * TRADED_PART) found.push({ row, side, usd: missing, atMs: nowMs });
    }
    return found;
  }

  #countTrades(ladder: LadderModel, facts: SymbolFacts): void {
    if (this.#tracked.bid.size === 0 && this.#tracked.ask.size === 0) return;
    const usdOfLot = lotUsd(facts, ladder.group);
    const { prints } = ladder;
    for (let back = ladder.freshPrints - 1; back >= 0; back--) {
      const at = prints.slot(back);
      const bought = prints.bought[at] === 1;
      const row = rowOfTrade(prints.ticks[at] as number, bought, ladder.group);
      const wall = this.#tracked[bought ? "ask" : "bid"].get(row);
      if (wall) wall.tradedUsd += (prints.lots[at] as number) * usdOfLot(row);
    }
  }

  #publish(gone: readonly Pulled[], nowMs: number): void {
    const shown: Wall[] = [];
    for (const side of ["bid", "ask"] as const) {
      for (const wall of this.#tracked[side].values()) {
        if (nowMs - wall.sinceMs >= WALL_AFTER_MS) shown.push(wall);
      }
    }
    this.shown = shown.sort((one, other) => other.usd - one.usd);
    const kept = this.pulled.filter((it) => nowMs - it.atMs < PULLED_SHOWN_MS);
    // The same list while nothing comes or goes: another one is painted anew.
    if (gone.length > 0 || kept.length < this.pulled.length)
      this.pulled = [...kept, ...gone].slice(-PULLED_MAX);
  }

  #median(ladder: LadderModel, usdOfLot: (row: number) => number): number {
    const count = ladder.bids.count + ladder.asks.count;
    if (count === 0) return 0;
    if (this.#sorted.length < count) this.#sorted = new Float64Array(2 * count);
    let at = 0;
    for (const side of [ladder.bids, ladder.asks]) {
      for (let level = 0; level < side.count; level++) {
        this.#sorted[at++] = (side.lots[level] as number) * usdOfLot(side.rows[level] as number);
      }
    }
    return this.#sorted.subarray(0, count).sort()[count >> 1] as number;
  }
}

/** Dollars of one lot in a row: a lot counts coins, or quote currency on inverse contracts. */
export function lotUsd(facts: SymbolFacts, group: number): (row: number) => number {
  const lot = stepValue(facts.lot);
  if (facts.unit === "quote") return () => lot;
  const perRow = lot * stepValue(facts.tick) * group;
  return (row) => row * perRow;
}
