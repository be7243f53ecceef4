/** A picture longer than its pane: when it moves, what shows already is not painted again. */

import { pixelRatioOf, Surface } from "./surface.ts";

/**
 * Lies on sheets one below the other, of which two canvases hold those that are near. Each is longer than
 * the pane by a margin on either side, so that two always reach over all that is cut by the pane's edges.
 * Places on the roll are in CSS pixels, from a point that stays the same until it begins anew.
 */
export class Roll {
  /** Draws on the sheet that is open, from its own top. */
  readonly surface: Surface;
  /** The sheets that what shows lies on: one, or two that follow each other. */
  first = 0;
  last = 0;
  readonly #host: HTMLElement;
  readonly #canvases: readonly HTMLCanvasElement[];
  /** Which sheet each canvas holds. */
  readonly #held = [0, 1];
  readonly #near = [true, true];
  #paneHeight = 0;
  #margin = 0;
  #sheetHeight = 1;
  /** The place where sheet 0 begins. */
  #origin = 0;
  #moved = 0;

  constructor(host: HTMLElement) {
    this.#host = host;
    this.#canvases = this.#held.map(() => document.createElement("canvas"));
    host.replaceChildren(...this.#canvases);
    this.surface = new Surface(true, ...this.#canvases);
  }

  /** Takes the size of the pane; what is cut by its edges reaches no farther than `margin` beyond them. */
  resize(width: number, height: number, devicePixelRatio: number, margin: number): void {
    const pixel = 1 / pixelRatioOf(devicePixelRatio);
    // A pixel more on either side, for the sums of fractions.
    this.#margin = (Math.ceil(margin / pixel) + 1) * pixel;
    this.#paneHeight = height;
    this.#sheetHeight = (Math.ceil(height / pixel) + 2) * pixel + 2 * this.#margin;
    this.surface.resize(width, this.#sheetHeight, devicePixelRatio);
    for (const canvas of this.#canvases) canvas.style.height = `${this.#sheetHeight}px`;
  }

  /** Shows nothing until it begins. */
  hide(): void {
    this.#host.hidden = true;
  }

  /** Begins anew, with all that shows on one sheet; the pane's upper edge is at a place of the roll. */
  begin(paneTop: number): void {
    this.#host.hidden = false;
    this.#origin = paneTop - this.#margin - 1 / this.surface.pixelRatio;
    this.#held.fill(Number.NaN);
    this.moveTo(paneTop);
    this.open(0);
  }

  /** Moves the picture until the pane's upper edge is at a place of the roll. */
  moveTo(paneTop: number): void {
    const top = paneTop - this.#origin;
    this.first = Math.floor((top - this.#margin) / this.#sheetHeight);
    this.last = Math.floor((top + this.#paneHeight + this.#margin) / this.#sheetHeight);
    this.#show(this.first & 1, true);
    this.#show((this.first + 1) & 1, this.first !== this.last);
    const moved = this.surface.snap(-top);
    if (moved === this.#moved) return;
    this.#moved = moved;
    this.#host.style.transform = `translateY(${moved}px)`;
  }

  /** Draws on a sheet from now on; it takes the canvas of a sheet that is no longer near. */
  open(sheet: number): void {
    const index = sheet & 1;
    this.surface.turnTo(index);
    if (this.#held[index] === sheet) return;
    this.#held[index] = sheet;
    const canvas = this.#canvases[index] as HTMLCanvasElement;
    canvas.style.transform = `translateY(${sheet * this.#sheetHeight}px)`;
  }

  /** Takes a canvas that is not near out of the page: without a graphics process it is copied with each frame. */
  #show(index: number, near: boolean): void {
    if (near === this.#near[index]) return;
    this.#near[index] = near;
    (this.#canvases[index] as HTMLCanvasElement).hidden = !near;
  }

  /** Where a place of the roll is on a sheet, on whole pixels of the device. */
  onSheet(sheet: number, place: number): number {
    return this.surface.snap(place - this.#origin) - sheet * this.#sheetHeight;
  }

  /** Whether anything between two places on a sheet lies on it. */
  holds(top: number, bottom: number): boolean {
    return bottom > 0 && top < this.#sheetHeight;
  }
}
