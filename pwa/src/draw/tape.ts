/** The tape's rows: side, venue, price, a bar, the amount, how many fills, how long ago; the newest on top. */

import type { Print } from "../net/tape_frames.ts";
import { Digits, type TextInk } from "./digits.ts";
import { INK, type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

/** What makes a row tall and bold. */
export type SizeClass = "small" | "large" | "whale";

export const ROW_HEIGHTS: { readonly [S in SizeClass]: number } = { small: 21, large: 24, whale: 28 };
const HAIRLINE = "rgb(255 255 255 / 0.03)";
const EDGE = 5;
const LEFT = 12;
const ARROW = 9;
const BAR_INSET = 5;
const BAR_ALPHA = 0.62;
const WHALE_WASH = 0.24;
const FORCED_WASH = 0.34;
/** The part of the width over which the wash of a liquidation fades. */
const FORCED_REACH = 0.6;
/** A narrower pane does not tell of how many fills a print is. */
const FILLS_FROM = 350;
const WORD_ROOM = 58;

/** A print in words, as it is drawn. */
export interface TapeRow {
  readonly print: Print;
  readonly size: SizeClass;
  readonly usd: number;
  readonly venue: string;
  readonly price: string;
  /** "whale", "short liq.", or nothing. */
  readonly word: string;
  readonly amount: string;
  readonly fills: string;
}

export class TapePainter {
  readonly #surface: Surface;
  readonly #digits: Digits;
  #wash: { readonly width: number; readonly gradient: CanvasGradient } | null = null;
  palette: Palette;

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.#digits = new Digits(surface);
    this.palette = palette;
  }

  forgetFonts(): void {
    this.#surface.forgetFonts();
    this.#digits.forget();
  }

  /** Paints rows from the top; ages and bars: their words, and the dollars of a bar of full length. */
  paint(rows: readonly TapeRow[], ageOf: (row: TapeRow) => string, barUsd: number): void {
    const { context, width, height } = this.#surface;
    context.fillStyle = this.palette.ground.bg;
    context.fillRect(0, 0, width, height);
    let top = 0;
    for (const row of rows) {
      if (top >= height) break;
      this.#row(row, top, ageOf(row), barUsd);
      top += ROW_HEIGHTS[row.size];
    }
  }

  #row(row: TapeRow, top: number, age: string, barUsd: number): void {
    const { context, width } = this.#surface;
    const { print, size } = row;
    const height = ROW_HEIGHTS[size];
    const middle = top + height / 2;
    const { side } = this.palette;
    const fill = print.bought ? side.buyFill : side.sellFill;
    const text = print.bought ? side.buyText : side.sellText;
    this.#ground(row, top, height, fill);
    this.#arrow(print.bought, middle, text);
    const strong = size !== "small" || print.liquidation;
    const face = strong ? FONTS.tapeStrong : FONTS.tape;
    const ink: TextInk = { font: face, colour: INK.primary };
    const columns = columnsOf(width);
    this.#label(row.venue, columns.venue, middle, FONTS.axis, INK.secondary);
    this.#digits.drawRight(row.price, columns.price, middle, ink);
    if (row.word) {
      const colour = print.liquidation ? INK.forced : INK.primary;
      this.#label(row.word, columns.word, middle, FONTS.markWord, colour);
    }
    const length = Math.min(1, barUsd > 0 ? row.usd / barUsd : 0) * columns.barMax;
    context.fillStyle = withAlpha(fill, BAR_ALPHA);
    const right = columns.bar;
    context.fillRect(right - length, top + BAR_INSET, length, height - 2 * BAR_INSET);
    this.#digits.drawRight(row.amount, columns.amount, middle, ink);
    const note: TextInk = { font: FONTS.axis, colour: INK.secondary };
    if (row.fills && columns.fills !== null) this.#digits.drawLeft(row.fills, columns.fills, middle, note);
    this.#digits.drawRight(age, columns.age, middle, note);
  }

  #ground({ print, size }: TapeRow, top: number, height: number, fill: string): void {
    const { context, width } = this.#surface;
    if (print.liquidation) {
      context.fillStyle = this.#forcedWash();
      context.fillRect(0, top, width * FORCED_REACH, height);
      context.fillStyle = INK.forced;
      context.fillRect(0, top, EDGE / 2, height);
    } else if (size === "whale") {
      context.fillStyle = withAlpha(fill, WHALE_WASH);
      context.fillRect(0, top, width, height);
      context.fillStyle = fill;
      context.fillRect(0, top, EDGE / 2, height);
    }
    context.fillStyle = HAIRLINE;
    context.fillRect(0, top + height - this.#surface.hairline(), width, this.#surface.hairline());
  }

  #forcedWash(): CanvasGradient {
    const { context, width } = this.#surface;
    if (this.#wash?.width !== width) {
      const gradient = context.createLinearGradient(0, 0, width * FORCED_REACH, 0);
      gradient.addColorStop(0, withAlpha(INK.forced, FORCED_WASH));
      gradient.addColorStop(1, withAlpha(INK.forced, 0));
      this.#wash = { width, gradient };
    }
    return this.#wash.gradient;
  }

  #arrow(up: boolean, middle: number, colour: string): void {
    const { context } = this.#surface;
    const [near, far] = up ? [middle + 4, middle - 4] : [middle - 4, middle + 4];
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(LEFT, near);
    context.lineTo(LEFT + ARROW, near);
    context.lineTo(LEFT + ARROW / 2, far);
    context.fill();
  }

  #label(text: string, left: number, middle: number, font: string, colour: string): void {
    const { context } = this.#surface;
    context.font = font;
    context.fillStyle = colour;
    context.textAlign = "left";
    context.fillText(text, left, this.#surface.baseline(font, middle));
  }
}

/** Where the columns stand in a pane of some width. */
function columnsOf(width: number) {
  const age = width - LEFT + 2;
  const roomy = width >= FILLS_FROM;
  const amount = age - (roomy ? 78 : 42);
  const price = Math.min(136, width * 0.385);
  const word = price + 9;
  const bar = amount - 58;
  return {
    venue: LEFT + ARROW + 9,
    price,
    word,
    bar,
    // Bars of all rows share a scale, and none runs under a word.
    barMax: Math.max(12, Math.min(64, bar - word - WORD_ROOM)),
    amount,
    fills: roomy ? amount + 8 : null,
    age,
  };
}
