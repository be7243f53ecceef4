/** The heat as a canvas of its own of a pixel a cell, which is stretched to where the camera sees it. */

import { type HeatMode, type HeatPixels, heatPixels, sumCode } from "./heat_pixels.ts";
import type { MapCamera, MapExtent } from "./map_camera.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** The top of the palette may drift so far before every cell is coloured again. */
const TOP_DRIFT = 0.03;

/** Band codes a cell, column after column, each from the lowest row up. */
export interface HeatGrid extends MapExtent {
  /** Another number for another map: of the same one only columns are added and grow. */
  readonly plane: number;
  readonly long: Uint8Array;
  readonly short: Uint8Array;
  readonly topUsd: number;
}

export class HeatBitmap {
  readonly #canvas = new OffscreenCanvas(1, 1);
  readonly #context: OffscreenCanvasRenderingContext2D;
  #pixels: HeatPixels | null = null;
  #palette: Palette | null = null;
  #mode: HeatMode = "both";
  #topUsd = 0;
  #extent: MapExtent | null = null;
  #plane = 0;
  #column: ImageData | null = null;

  constructor() {
    const context = this.#canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("expected a browser that can draw in two dimensions");
    this.#context = context;
  }

  /** Brings the picture to the grid: only new columns when nothing else changed. */
  update(grid: HeatGrid, palette: Palette, mode: HeatMode): void {
    const dressed = palette === this.#palette && mode === this.#mode;
    const sameTop = Math.abs(grid.topUsd - this.#topUsd) <= TOP_DRIFT * this.#topUsd;
    if (!dressed || !sameTop) {
      this.#pixels = heatPixels(palette, mode, grid.topUsd);
      [this.#palette, this.#mode, this.#topUsd] = [palette, mode, grid.topUsd];
    }
    const follows = dressed && sameTop && grid.plane === this.#plane;
    const shift = follows ? columnsAhead(this.#extent, grid) : null;
    this.#plane = grid.plane;
    if (shift === null) this.#paintAll(grid);
    else this.#append(grid, shift);
    const { firstMin, stepMin, columns, rows, low, ratio } = grid;
    this.#extent = { firstMin, stepMin, columns, rows, low, ratio };
  }

  /** Paints the heat where the camera sees it. */
  paint(context: Surface["context"], camera: MapCamera): void {
    const extent = this.#extent;
    if (!extent) return;
    const left = camera.x(extent.firstMin);
    const right = camera.x(extent.firstMin + extent.columns * extent.stepMin);
    const bottom = camera.y(extent.low);
    const top = camera.y(extent.low * extent.ratio ** extent.rows);
    context.drawImage(this.#canvas, left, top, right - left, bottom - top);
  }

  #paintAll(grid: HeatGrid): void {
    const { columns, rows } = grid;
    this.#canvas.width = columns;
    this.#canvas.height = rows;
    const image = this.#context.createImageData(columns, rows);
    const target = new Uint32Array(image.data.buffer);
    for (let column = 0; column < columns; column++) this.#colour(grid, column, target, column, columns);
    this.#context.putImageData(image, 0, 0);
  }

  #append(grid: HeatGrid, shift: number): void {
    if (shift > 0) {
      this.#context.globalCompositeOperation = "copy";
      this.#context.drawImage(this.#canvas, -shift, 0);
      this.#context.globalCompositeOperation = "source-over";
    }
    if (this.#column?.height !== grid.rows) this.#column = this.#context.createImageData(1, grid.rows);
    const target = new Uint32Array(this.#column.data.buffer);
    // The newest column held before was still growing: it is painted again too.
    const first = Math.max(0, grid.columns - 1 - shift);
    for (let column = first; column < grid.columns; column++) {
      this.#colour(grid, column, target, 0, 1);
      this.#context.putImageData(this.#column, column, 0);
    }
  }

  #colour(grid: HeatGrid, column: number, target: Uint32Array, at: number, stride: number): void {
    const { rows, long, short } = grid;
    const pixels = this.#pixels as HeatPixels;
    const mode = this.#mode;
    let index = column * rows;
    let place = at + (rows - 1) * stride;
    for (let row = 0; row < rows; row++, index++, place -= stride) {
      const longs = mode === "short" ? 0 : (long[index] as number);
      const shorts = mode === "long" ? 0 : (short[index] as number);
      const side = shorts >= longs ? pixels.short : pixels.long;
      const code = mode === "split" ? Math.max(longs, shorts) : sumCode(longs, shorts);
      target[place] = side[code] as number;
    }
  }
}

/** Columns that a grid is ahead of another of the same shape; null when they cannot be joined. */
export function columnsAhead(held: MapExtent | null, grid: MapExtent): number | null {
  if (
    !held ||
    held.stepMin !== grid.stepMin ||
    held.columns !== grid.columns ||
    held.rows !== grid.rows ||
    held.low !== grid.low ||
    held.ratio !== grid.ratio
  ) {
    return null;
  }
  const ahead = (grid.firstMin - held.firstMin) / grid.stepMin;
  return Number.isInteger(ahead) && ahead >= 0 && ahead < grid.columns ? ahead : null;
}
