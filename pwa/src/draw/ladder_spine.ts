/** Paints the price column of the ladder: heat, price, and the outline of the last trade. */

import { price } from "../format.ts";
import type { SymbolFacts } from "../net/frames.ts";
import type { Columns } from "./columns.ts";
import type { TextInk } from "./digits.ts";
import { FLASH_STEPS } from "./flash.ts";
import type { Glyphs } from "./glyphs.ts";
import { LOOK, type RowLooks } from "./ladder_look.ts";
import type { RowPlace } from "./ladder_panes.ts";
import { INK, type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const PREFIX_ALPHA = 0.66;
const OUTLINE = 1.5;
const OUTLINE_INSET = 1;
const OUTLINE_CORNER = 2;
const FLASH_ALPHA = 0.5;
/** Prices kept as texts: many more than a picture has. */
const TEXTS_MAX = 2_000;

/** The inks of a price and of the digits it shares with its neighbours. */
interface PriceInk {
  readonly own: TextInk;
  readonly shared: TextInk;
}

const priceInk = (colour: string): PriceInk => ({
  own: { font: FONTS.price, colour },
  shared: { font: FONTS.pricePrefix, colour: withAlpha(colour, PREFIX_ALPHA) },
});
const ON_HEAT = priceInk(INK.onHeat);
const ON_LIGHT = priceInk(INK.onLight);

export class SpinePainter {
  palette: Palette;
  readonly #surface: Surface;
  readonly #glyphs: Glyphs;
  readonly #looks: RowLooks;
  /** Printed prices by row, of one symbol and grouping. */
  readonly #texts = new Map<number, string>();
  #facts: SymbolFacts | null = null;
  #group = 0;
  #decimals = 0;

  constructor(surface: Surface, glyphs: Glyphs, looks: RowLooks, palette: Palette) {
    this.#surface = surface;
    this.#glyphs = glyphs;
    this.#looks = looks;
    this.palette = palette;
  }

  /** Rows are of this symbol and grouping from now on. */
  dress(facts: SymbolFacts, group: number, decimals: number): void {
    if (facts === this.#facts && group === this.#group && decimals === this.#decimals) return;
    [this.#facts, this.#group, this.#decimals] = [facts, group, decimals];
    this.#texts.clear();
  }

  text(row: number): string {
    let text = this.#texts.get(row);
    if (text === undefined) {
      text = this.#facts ? price(row * this.#group, this.#facts.tick, this.#decimals) : "";
      if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
      this.#texts.set(row, text);
    }
    return text;
  }

  /** Paints a row's ground and outline. */
  paint({ spineStart, spineEnd }: Columns, { slot, top, bottom }: RowPlace): void {
    const { context } = this.#surface;
    const outline = this.#looks.of(slot, LOOK.outline);
    context.fillStyle = this.palette.heat[this.#looks.of(slot, LOOK.heat)] as string;
    context.fillRect(spineStart, top, spineEnd - spineStart, bottom - top);
    if (outline === 0) return;
    const { side } = this.palette;
    const [left, width] = [spineStart + OUTLINE_INSET, spineEnd - spineStart - 2 * OUTLINE_INSET];
    const [upper, height] = [top + OUTLINE_INSET, bottom - top - 2 * OUTLINE_INSET];
    const flash = (Math.abs(outline) - 1) / FLASH_STEPS;
    if (flash > 0) {
      context.globalAlpha = flash * FLASH_ALPHA;
      context.fillStyle = outline > 0 ? side.buyFill : side.sellFill;
      context.fillRect(left, upper, width, height);
      context.globalAlpha = 1;
    }
    context.fillStyle = outline > 0 ? side.buyText : side.sellText;
    this.#paintFrame(left, upper, width, height);
  }

  /** Four lines, and a dot in each corner that has it look round: a path costs three times as much. */
  #paintFrame(left: number, top: number, width: number, height: number): void {
    const { context } = this.#surface;
    const line = this.#surface.hairline(OUTLINE);
    const [right, bottom] = [left + width - line, top + height - line];
    const inset = OUTLINE_CORNER - line;
    for (const y of [top, bottom])
      context.fillRect(left + OUTLINE_CORNER, y, width - 2 * OUTLINE_CORNER, line);
    for (const x of [left, right])
      context.fillRect(x, top + OUTLINE_CORNER, line, height - 2 * OUTLINE_CORNER);
    for (const x of [left + inset, right - inset])
      for (const y of [top + inset, bottom - inset]) context.fillRect(x, y, line, line);
  }

  /** Prints a row's price, what all share of it receding; call the surface's `inPoints` after the last. */
  print({ spineStart, spineEnd }: Columns, { slot, row, top, bottom }: RowPlace): void {
    const prefix = this.#looks.of(slot, LOOK.prefix);
    const colour = this.palette.ink[this.#looks.of(slot, LOOK.heat)];
    const { own, shared } = colour === INK.onLight ? ON_LIGHT : ON_HEAT;
    const text = this.text(row);
    const head = text.slice(0, prefix);
    const tail = text.slice(prefix);
    const width = this.#glyphs.width(head, shared) + this.#glyphs.width(tail, own);
    const middle = (top + bottom) / 2;
    const joint = this.#glyphs.left(head, (spineStart + spineEnd - width) / 2, middle, shared);
    this.#glyphs.left(tail, joint, middle, own);
  }
}
