/** What a row of the ladder is made of, in words: who rests there, what is estimated, what was seen. */

import { BAND_USD } from "../draw/palette.ts";
import { decimalsOf, duration, fixed, price, usd, usdInterval } from "../format.ts";
import type { RowFacts } from "../net/frames.ts";
import type { MapData } from "../net/map_frames.ts";
import { strings } from "../strings.ts";
import { venueName } from "../ui/names.ts";
import { liftOf } from "./cluster_fate.ts";
import type { Market } from "./market.ts";
import { type Cluster, holds, knownRows } from "./state.ts";
import { lotUsd } from "./walls.ts";

export interface VenuePart {
  readonly name: string;
  readonly usd: number;
  readonly text: string;
  /** Of the largest venue's, 0..1. */
  readonly part: number;
  readonly live: boolean;
}

export interface RowCard {
  readonly title: string;
  readonly side: "bid" | "ask";
  /** Printed dollars that rest there; empty when nothing does. */
  readonly resting: string;
  /** Name and value of each further fact. */
  readonly facts: readonly (readonly [string, string])[];
  /** Null while the server has not answered. */
  readonly venues: readonly VenuePart[] | null;
  /** Canvas pixels of the heat over time, a pixel a column, and over which time. */
  readonly history: { readonly pixels: Uint32Array<ArrayBuffer>; readonly text: string } | null;
  /** The corner away from the finger. */
  readonly corner: string;
}

/** A row of the ladder in view: a bid at or above its price, an ask at or below it. */
export interface LadderRow {
  readonly row: number;
  readonly above: boolean;
}

/** Prices in ticks that a row stands for. */
export function ticksOf({ row, above }: LadderRow, group: number): { low: number; high: number } {
  return above
    ? { low: (row - 1) * group, high: row * group }
    : { low: row * group, high: (row + 1) * group };
}

/** Everything of the card but its history and its corner; null while there is no ladder. */
export function describeRow(
  market: Market,
  at: LadderRow,
  answer: RowFacts | null,
  nowMs: number,
): Omit<RowCard, "history" | "corner"> | null {
  const { ladder, facts } = market;
  if (!ladder || !facts) return null;
  const usdOfLot = lotUsd(facts, ladder.group)(at.row);
  const levels = at.above ? ladder.asks : ladder.bids;
  const level = levels.rows.subarray(0, levels.count).indexOf(at.row);
  const resting = level < 0 ? 0 : (levels.lots[level] as number) * usdOfLot;
  const whole = holds(knownRows(market.state, ladder.group), at.row);
  const told = answer?.symbol === facts.symbol && answer.group === ladder.group && answer.row === at.row;
  const decimals = decimalsOf(facts.tick, ladder.group);
  const name = at.above ? strings.rowAsksAt : strings.rowBidsAt;
  return {
    title: `${name} ${price(at.row * ladder.group, facts.tick, decimals)}`,
    side: at.above ? "ask" : "bid",
    resting: resting > 0 ? amountText(resting, whole) : "",
    facts: factsOf(market, at, usdOfLot, nowMs),
    venues: told ? venuesOf(answer, at.above, usdOfLot) : null,
  };
}

function factsOf(market: Market, at: LadderRow, usdOfLot: number, nowMs: number): [string, string][] {
  const { ladder, state, volume, walls } = market;
  const rows: [string, string][] = [];
  const fuel = BAND_USD[ladder?.bands[at.row - ladder.firstBand] ?? 0] as number;
  if (fuel > 0 && state?.bands) {
    const { factor, calibrated } = state.bands;
    const interval = usdInterval(fuel / factor, fuel * factor, fuel);
    const side = at.above ? strings.rowShorts : strings.rowLongs;
    rows.push([side, `${usd(fuel)} (${interval})${calibrated ? "" : ` ${strings.uncalibrated}`}`]);
  }
  const cluster = clusterAt(market, at);
  if (cluster) {
    rows.push([strings.mapCluster(cluster.name), usd(cluster.usd)]);
    const lift = liftOf(cluster);
    if (lift) rows.push([strings.mapLift, lift]);
  }
  const [bought, sold] = [volume.boughtLots(at.row) * usdOfLot, volume.soldLots(at.row) * usdOfLot];
  if (bought > 0) rows.push([strings.rowBought, usd(bought)]);
  if (sold > 0) rows.push([strings.rowSold, usd(sold)]);
  const side = at.above ? "ask" : "bid";
  const wall = walls.shown.find((it) => it.row === at.row && it.side === side);
  if (wall) {
    const age = duration(nowMs - wall.sinceMs);
    rows.push([strings.rowWall, wall.older ? strings.rowSeenLonger(age) : strings.rowSeen(age)]);
  }
  for (const pulled of walls.pulled.filter((it) => it.row === at.row && it.side === side)) {
    rows.push([strings.rowPulledName, strings.rowPulled(usd(pulled.usd), duration(nowMs - pulled.atMs))]);
  }
  return rows;
}

/** The dense cluster that a row is part of: of the rows its prices round to, as its bracket has it. */
function clusterAt({ ladder, state }: Market, { row, above }: LadderRow): Cluster | undefined {
  if (!ladder) return undefined;
  const { group } = ladder;
  return state?.clusters.find(
    ({ side, lo, hi }) =>
      (side === "short") === above && Math.round(lo / group) <= row && row <= Math.round(hi / group),
  );
}

/** Printed dollars; where not every order is known, there are at least so many. */
function amountText(amount: number, whole: boolean): string {
  if (whole) return usd(amount);
  return amount > 0 ? strings.fromUsd(usd(amount)) : strings.rowTooFar;
}

/** Venues with the most first; those that hold nothing are left out unless that is not known. */
function venuesOf(answer: RowFacts, above: boolean, usdOfLot: number): VenuePart[] {
  const parts = answer.venues.map((it) => ({
    name: venueName(it.venue),
    live: it.state === "live",
    whole: it.whole,
    usd: (above ? it.ask : it.bid) * usdOfLot,
    state: strings.venueState[it.state] ?? it.state,
  }));
  const most = Math.max(...parts.map((it) => it.usd), 0);
  return parts
    .filter((it) => it.usd > 0 || !it.whole)
    .sort((one, other) => other.usd - one.usd)
    .map(({ name, live, whole, usd: amount, state }) => ({
      name,
      live,
      usd: amount,
      text: live ? amountText(amount, whole) : state,
      part: most > 0 ? amount / most : 0,
    }));
}

/**
 * Dollars estimated between two prices in each column of a map, both sides together. A price range that
 * covers part of a map's row counts that part of it.
 */
export function heatBetween(map: MapData, low: number, high: number): Float64Array {
  const logRow = Math.log(map.ratio);
  const [from, to] = [Math.log(low / map.low) / logRow, Math.log(high / map.low) / logRow];
  const sums = new Float64Array(map.columns);
  const first = Math.max(0, Math.floor(from));
  const last = Math.min(map.rows - 1, Math.ceil(to) - 1);
  for (let row = first; row <= last; row++) {
    const part = Math.min(to, row + 1) - Math.max(from, row);
    for (let column = 0; column < map.columns; column++) {
      const at = column * map.rows + row;
      const both =
        (BAND_USD[map.long[at] as number] as number) + (BAND_USD[map.short[at] as number] as number);
      sums[column] = (sums[column] as number) + part * both;
    }
  }
  return sums;
}

/** The time a map covers: "24 h", "3 d". */
export function spanText(map: MapData): string {
  const hours = (map.columns * map.stepMin) / 60;
  return hours <= 48 ? `${fixed(hours, 0)} h` : `${fixed(hours / 24, 0)} d`;
}
