/** Trades and liquidations as they come: types 40 and 41 of the wire. */

import { amount, FrameError, list, map, numbers, type Streamed, whole } from "./frames.ts";

const KEY = 40;
const TRADE_FIELDS = 5;
const LIQUIDATION_FIELDS = 5;
/** More than a screen can scroll through is not kept. */
export const TAPE_KEPT = 512;
/** Sums are of the last so many seconds. */
export const SUMS_S = 60;

/** A trade, a sweep of several fills, or a liquidation. */
export interface Print {
  readonly tick: number;
  /** Lots of a trade; 0 for a liquidation, which is told in dollars. */
  readonly lots: number;
  /** Dollars of a liquidation; 0 for a trade. */
  readonly usd: number;
  /** Whether the taker bought: a liquidated short buys. */
  readonly bought: boolean;
  readonly liquidation: boolean;
  /** Place among the venues of the hello. */
  readonly venue: number;
  /** Server time, Unix ms. */
  readonly atMs: number;
  /** Fills of one sweep. */
  readonly fills: number;
}

/** Dollars of the last minute. */
export interface TapeSums {
  boughtUsd: number;
  soldUsd: number;
  /** Liquidated shorts and longs; a lower bound where a venue tells of one a second at most. */
  shortsUsd: number;
  longsUsd: number;
  /** Venues that liquidations came from. */
  venues: number;
}

export class TapeModel {
  /** Server time of the frame, Unix ms. */
  tMs = 0;
  /** Flags and age of the book beside it: a tape that fell silent is told from one that nobody feeds. */
  flags = 0;
  ageMs = 0;
  /** Smaller prints are not told for the time being; 0: all are. */
  floorUsd = 0;
  /** Oldest first, at most TAPE_KEPT. */
  readonly prints: Print[] = [];
  /** How many prints ever came: what is older than a count can be told by it. */
  seen = 0;
  /** The newest prints that came with the last frame, for those who tell of them at once. */
  fresh: readonly Print[] = [];
  readonly #seconds: { atS: number; bought: number; sold: number }[] = [];
  /** Server time from which on the sums told are exact. */
  #exactFromMs = 0;
  #synced = false;

  /** Takes the next frame; false when no key came before it. Throws FrameError for a broken one. */
  apply(frame: Streamed): boolean {
    const follows = this.#synced;
    this.#synced = false;
    if (frame.code === KEY) this.#replace(map(frame.parts[2]));
    else if (follows) this.#add(frame.parts);
    else return false;
    this.#synced = true;
    return true;
  }

  /** Sums over the minute before the server's time `tMs`; usdOf: the dollars of a print. */
  sums(tMs: number, usdOf: (print: Print) => number): TapeSums {
    const sums: TapeSums = { boughtUsd: 0, soldUsd: 0, shortsUsd: 0, longsUsd: 0, venues: 0 };
    const fromMs = tMs - SUMS_S * 1_000;
    for (const { atS, bought, sold } of this.#seconds) {
      if (atS * 1_000 < fromMs) continue;
      sums.boughtUsd += bought;
      sums.soldUsd += sold;
    }
    const venues = new Set<number>();
    for (const print of this.prints) {
      if (print.atMs < fromMs) continue;
      if (print.liquidation) {
        if (print.bought) sums.shortsUsd += print.usd;
        else sums.longsUsd += print.usd;
        venues.add(print.venue);
      } else if (print.atMs <= this.#exactFromMs) {
        // Before the first frame nothing told the sums: those of the prints shown are the best there is.
        if (print.bought) sums.boughtUsd += usdOf(print);
        else sums.soldUsd += usdOf(print);
      }
    }
    sums.venues = venues.size;
    return sums;
  }

  #replace(key: Record<string, unknown>): void {
    this.tMs = whole(key.t);
    this.floorUsd = amount(key.floor_usd);
    this.flags = whole(key.flags);
    this.ageMs = amount(key.age);
    const prints = readPrints(key.trades, key.liquidations, this.tMs);
    this.prints.length = 0;
    this.#seconds.length = 0;
    this.#keep(prints);
    this.#exactFromMs = this.tMs;
    // What was shown before this key is no news.
    this.fresh = [];
  }

  #add(parts: readonly unknown[]): void {
    this.tMs = whole(parts[2]);
    const prints = readPrints(parts[3], parts[4], this.tMs);
    this.floorUsd = amount(parts[5]);
    const [bought, sold] = list(parts[6]).map(amount);
    this.flags = whole(parts[7]);
    this.ageMs = amount(parts[8]);
    this.#keep(prints);
    this.#count(bought ?? 0, sold ?? 0);
    this.fresh = prints;
  }

  #keep(prints: readonly Print[]): void {
    this.prints.push(...prints);
    if (this.prints.length > TAPE_KEPT) this.prints.splice(0, this.prints.length - TAPE_KEPT);
    this.seen += prints.length;
  }

  #count(bought: number, sold: number): void {
    const atS = Math.floor(this.tMs / 1_000);
    let second = this.#seconds.at(-1);
    if (second?.atS !== atS) {
      second = { atS, bought: 0, sold: 0 };
      this.#seconds.push(second);
      while (this.#seconds.length > SUMS_S + 1) this.#seconds.shift();
    }
    second.bought += bought;
    second.sold += sold;
  }
}

/** Reads both kinds into one list, oldest first. */
function readPrints(trades: unknown, liquidations: unknown, tMs: number): Print[] {
  const prints: Print[] = [];
  const flat = numbers(trades, TRADE_FIELDS);
  for (let at = 0; at < flat.length; at += TRADE_FIELDS) {
    const [tick, packed, venue, age, fills] = flat.slice(at, at + TRADE_FIELDS) as Five;
    const side = packed % 2;
    prints.push({
      tick,
      lots: (packed - side) / 2,
      usd: 0,
      bought: side === 1,
      liquidation: false,
      venue,
      atMs: tMs - age,
      fills,
    });
  }
  const forced = numbers(liquidations, LIQUIDATION_FIELDS);
  for (let at = 0; at < forced.length; at += LIQUIDATION_FIELDS) {
    const [tick, usd, long, venue, age] = forced.slice(at, at + LIQUIDATION_FIELDS) as Five;
    if (long !== 0 && long !== 1) throw new FrameError(`expected a side of 0 or 1, got ${long}`);
    prints.push({
      tick,
      lots: 0,
      usd,
      bought: long === 0,
      liquidation: true,
      venue,
      atMs: tMs - age,
      fills: 1,
    });
  }
  return prints.sort((one, other) => one.atMs - other.atMs);
}

type Five = [number, number, number, number, number];
