/** What one place of the map says: the side, the dollars and how sure they are. */

import { BAND_USD } from "../draw/palette.ts";

export interface MapGrid {
  readonly firstMin: number;
  readonly stepMin: number;
  readonly columns: number;
  readonly rows: number;
  readonly low: number;
  readonly ratio: number;
  readonly long: Uint8Array;
  readonly short: Uint8Array;
}

export interface MapCell {
  readonly column: number;
  readonly row: number;
  readonly side: "long" | "short";
  readonly code: number;
  readonly usd: number;
}

export const rowOf = (grid: MapGrid, price: number): number =>
  Math.floor(Math.log(price / grid.low) / Math.log(grid.ratio));

export const columnOf = (grid: MapGrid, minute: number): number =>
  Math.floor((minute - grid.firstMin) / grid.stepMin);

/** Price of the middle of a row. */
export const rowPrice = (grid: MapGrid, row: number): number => grid.low * grid.ratio ** (row + 0.5);

/** Height of a row in basis points of its price. */
export const rowBp = (grid: MapGrid): number => (grid.ratio - 1) * 10_000;

/**
 * The brightest cell of a column within `reach` rows of a price: a finger is wider than a row, and what
 * it points at is the light under it. Null outside the map.
 */
export function cellNear(
  grid: MapGrid,
  minute: number,
  price: number,
  reach: number,
  shown: "both" | "long" | "short",
): MapCell | null {
  const column = columnOf(grid, minute);
  const middle = rowOf(grid, price);
  if (column < 0 || column >= grid.columns || middle < 0 || middle >= grid.rows) return null;
  let best: MapCell = { column, row: middle, side: "short", code: 0, usd: 0 };
  for (let away = 0; away <= reach; away++) {
    for (const row of away === 0 ? [middle] : [middle - away, middle + away]) {
      if (row < 0 || row >= grid.rows) continue;
      for (const side of ["short", "long"] as const) {
        if (shown !== "both" && shown !== side) continue;
        const code = grid[side][column * grid.rows + row] as number;
        if (code > best.code) best = { column, row, side, code, usd: BAND_USD[code] as number };
      }
    }
  }
  return best;
}

/** Amounts within this many codes of each other (about a half and its double) are the same light. */
const SAME_LIGHT = 12;

/** The first column from which on a cell's row has held its light without a break. */
export function litSince(grid: MapGrid, cell: MapCell): number {
  const least = Math.max(1, cell.code - SAME_LIGHT);
  let column = cell.column;
  while (column > 0 && (grid[cell.side][(column - 1) * grid.rows + cell.row] as number) >= least) column -= 1;
  return column;
}

/**
 * The prices that the map is about: what was traded, and the dense clusters as far as its rows reach.
 * Null without a candle.
 */
export function interestOf(
  candles: Float32Array,
  clusters: readonly { readonly lo: number; readonly hi: number }[],
  tick: number,
  rows: Pick<MapGrid, "low" | "ratio" | "rows">,
): { low: number; high: number } | null {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (let at = 0; at < candles.length; at += 4) {
    const top = candles[at + 1] as number;
    const bottom = candles[at + 2] as number;
    if (Number.isNaN(top) || !(bottom > 0)) continue;
    high = Math.max(high, top);
    low = Math.min(low, bottom);
  }
  if (high === 0) return null;
  for (const cluster of clusters) {
    low = Math.min(low, cluster.lo * tick);
    high = Math.max(high, cluster.hi * tick);
  }
  return { low: Math.max(low, rows.low), high: Math.min(high, rows.low * rows.ratio ** rows.rows) };
}
