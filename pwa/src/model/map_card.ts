/** The card at the map's crosshair, in words. */

import type { CodeRanks } from "../draw/heat_pixels.ts";
import { timeText } from "../draw/ticks.ts";
import { decimalsOf, fixed, stepValue, usd, usdInterval } from "../format.ts";
import type { SymbolFacts } from "../net/frames.ts";
import type { MapData } from "../net/map_frames.ts";
import { strings } from "../strings.ts";
import { venueName } from "../ui/names.ts";
import { fateOf, liftOf } from "./cluster_fate.ts";
import { litSince, type MapCell, rowPrice } from "./map_cell.ts";
import type { MapCard } from "./map_state.ts";

const VENUES_NAMED = 3;
const MINUTE_MS = 60_000;

/** Decimals of prices on the axis: whole ticks, but never more than about five digits. */
export function axisDecimals(price: number, facts: SymbolFacts): number {
  const whole = Math.max(1, Math.floor(Math.log10(Math.max(price, 1e-12))) + 1);
  return Math.min(decimalsOf(facts.tick), Math.max(0, 5 - whole));
}

/** Everything that a cell says. `corner`: where the card lies, away from the finger. */
export function describeCell(
  data: MapData,
  facts: SymbolFacts,
  cell: MapCell,
  ranks: CodeRanks,
  corner: string,
): MapCard {
  const price = rowPrice(data, cell.row);
  return {
    side: cell.side,
    price: fixed(price, axisDecimals(price, facts)),
    usd: usd(cell.usd),
    interval: usdInterval(cell.usd / data.factor, cell.usd * data.factor, cell.usd),
    calibrated: data.calibrated,
    empty: cell.code === 0,
    facts: [...timeOf(data, cell), ...amountsOf(data, facts, cell, ranks, price), ...sourceOf(data)],
    corner,
  };
}

/** In a sentence a number stays with its unit. */
const held = (text: string): string => text.replaceAll(" ", "\u00a0");

function timeOf(data: MapData, cell: MapCell): [string, string][] {
  const minute = data.firstMin + cell.column * data.stepMin;
  return [[strings.mapTime, `${timeText(minute)}–${timeText(minute + data.stepMin)}`]];
}

function amountsOf(
  data: MapData,
  facts: SymbolFacts,
  cell: MapCell,
  ranks: CodeRanks,
  price: number,
): [string, string][] {
  if (cell.code === 0) return [];
  const rows: [string, string][] = [];
  const rank = ranks.percentile(cell.code);
  if (rank !== null) rows.push([strings.mapRank, `p${Math.floor(rank)}`]);
  if (data.oiUsd) {
    rows.push([strings.mapOfInterest, strings.percent(fixed((100 * cell.usd) / data.oiUsd, 2))]);
  }
  const since = litSince(data, cell);
  const began = timeText(data.firstMin + since * data.stepMin);
  rows.push([strings.mapSince, since === 0 ? strings.mapSinceBefore(began) : began]);
  const tick = stepValue(facts.tick);
  const cluster = data.clusters.find(
    (it) => it.side === cell.side && it.lo * tick <= price && price <= it.hi * tick,
  );
  if (cluster) {
    rows.push([strings.mapCluster(cluster.name), usd(cluster.usd)]);
    const lift = liftOf(cluster);
    if (lift) rows.push([strings.mapLift, lift]);
    const fate = fateOf(cluster);
    if (fate) rows.push([strings.mapFate, fate]);
  }
  if (data.moves) {
    const { since, [cell.side]: side } = data.moves;
    const way = strings.mapMoved(fixed(Math.abs(side.bp), 0), side.bp > 0);
    const ledger = strings.mapLedger(
      held(usd(side.opened)),
      held(usd(side.closed)),
      held(usd(side.triggered)),
    );
    rows.push([strings.mapMoves(cell.side, timeText(since / MINUTE_MS)), `${way}, ${ledger}`]);
  }
  return rows;
}

function sourceOf(data: MapData): [string, string][] {
  const rows: [string, string][] = [
    [strings.mapExact, `${fixed(100 * data.exact, 0)} / ${fixed(100 * (1 - data.exact), 0)} %`],
  ];
  const named = [...data.venues].sort((one, other) => other.share - one.share).slice(0, VENUES_NAMED);
  if (named.length > 0) {
    const text = named
      .map(({ venue, share }) => held(`${venueName(venue)} ${fixed(100 * share, 0)}`))
      .join(" · ");
    rows.push([strings.mapVenues, `${text} %`]);
  }
  const apart = Object.entries(data.standing).map(
    ([venue, how]) => `${venueName(venue)} ${strings.standing[how]}`,
  );
  if (apart.length > 0) rows.push([strings.estimateOf, apart.join(" · ")]);
  return rows;
}
