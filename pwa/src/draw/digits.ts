/** Numbers in fixed cells: a digit never moves its neighbours, and never changes its own width. */

import type { Surface } from "./surface.ts";

export interface TextInk {
  readonly font: string;
  readonly colour: string;
}

type Measure = (font: string, text: string) => number;

/** Cell widths of one font in CSS pixels. */
export class Cells {
  readonly digit: number;
  readonly separator: number;
  readonly #font: string;
  readonly #measure: Measure;
  readonly #others = new Map<string, number>();

  constructor(font: string, measure: Measure) {
    this.#font = font;
    this.#measure = measure;
    this.digit = Math.max(...Array.from("0123456789", (digit) => measure(font, digit)));
    this.separator = this.digit / 2;
  }

  width(character: string): number {
    if (character >= "0" && character <= "9") return this.digit;
    if (character === "," || character === ".") return this.separator;
    if (character === "+" || character === "\u2212") return this.digit;
    let width = this.#others.get(character);
    if (width === undefined) {
      width = this.#measure(this.#font, character);
      this.#others.set(character, width);
    }
    return width;
  }

  total(text: string): number {
    let sum = 0;
    for (const character of text) sum += this.width(character);
    return sum;
  }
}

/** Draws numbers in cells on one canvas; cell widths are kept per font. */
export class Digits {
  readonly #surface: Surface;
  readonly #cells = new Map<string, Cells>();

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  cells(font: string): Cells {
    let cells = this.#cells.get(font);
    if (!cells) {
      cells = new Cells(font, (face, text) => {
        this.#surface.context.font = face;
        return this.#surface.context.measureText(text).width;
      });
      this.#cells.set(font, cells);
    }
    return cells;
  }

  /** Forgets the widths; to be called when a font has arrived late. */
  forget(): void {
    this.#cells.clear();
  }

  width(text: string, font: string): number {
    return this.cells(font).total(text);
  }

  /** Draws from `left`, with the digits' middle at `y`; returns where the text ends. */
  drawLeft(text: string, left: number, y: number, ink: TextInk): number {
    const { context } = this.#surface;
    const cells = this.cells(ink.font);
    const baseline = this.#surface.baseline(ink.font, y);
    context.font = ink.font;
    context.fillStyle = ink.colour;
    context.textAlign = "center";
    let x = left;
    for (const character of text) {
      const width = cells.width(character);
      context.fillText(character, x + width / 2, baseline);
      x += width;
    }
    return x;
  }

  /** Draws so that the last digit ends at `right`. */
  drawRight(text: string, right: number, y: number, ink: TextInk): void {
    this.drawLeft(text, right - this.width(text, ink.font), y, ink);
  }

  /** Draws centred; the first `dim` characters with the receding ink. */
  drawCentred(text: string, centre: number, y: number, ink: TextInk, dim: number, dimInk: TextInk): void {
    const head = text.slice(0, dim);
    const tail = text.slice(dim);
    const left = centre - (this.width(head, dimInk.font) + this.width(tail, ink.font)) / 2;
    const joint = head ? this.drawLeft(head, left, y, dimInk) : left;
    this.drawLeft(tail, joint, y, ink);
  }
}

/**
 * Length of the part that two prices share up to their last common thousands separator: the digits
 * that need not be read again. 0 when there is none.
 */
export function sharedPrefix(one: string, other: string): number {
  if (one.length !== other.length) return 0;
  let shared = 0;
  for (let i = 0; i < one.length && one[i] === other[i]; i++) {
    if (one[i] === ",") shared = i + 1;
  }
  return shared;
}
