/** Paints the parts of a row beside its price: volume, what rests, what would be forced. */

import { fixed } from "../format.ts";
import { along, bookPane, type Columns, fuelPane, leftOf, type Pane } from "./columns.ts";
import type { TextInk } from "./digits.ts";
import type { Glyphs } from "./glyphs.ts";
import { makeHatch } from "./hatch.ts";
import { LOOK, type LookedAt, PART, type RowLooks } from "./ladder_look.ts";
import { INK, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const BAR_INSET = 3;
export const BOOK_GAP = 6;
const VOLUME_BAR = 8;
const BOOK_ALPHA = 0.42;
const WALL_ALPHA = 0.75;
/** What is known in part is fainter by so much, and its number ends in a sign. */
const PARTIAL_FADE = 0.6;
const AT_LEAST = "+";
const VOLUME_ALPHA = 0.58;
const FUEL_SOLID_ALPHA = 0.95;
const FUEL_DOUBT_ALPHA = 0.42;
const WASH_ALPHA_MAX = 0.35;
const WASH_FROM_INDEX = 12;
/** Heat index from which the fuel's number is printed in warm ink. */
const WARM_FROM_INDEX = 128;
/** The colour of estimated sums. */
const SUM_INDEX = 150;
/** An estimate below this part of its unit is not printed. */
const LEAST_PRINTED = 0.3;
const RULE = "rgb(255 255 255 / 0.03)";
const RULE_OF_TEN = "rgb(255 255 255 / 0.1)";

const inkOf = (colour: string): TextInk => ({ font: FONTS.size, colour });
const SIZE = inkOf(INK.primary);
const NO_SIZE = inkOf(INK.tertiary);
const ESTIMATE = inkOf(INK.secondary);
const WARM = inkOf(INK.warm);

export interface PanesPicture extends LookedAt {
  /** Bars and numbers are sums from price to their row. */
  readonly summed: boolean;
}

/** A row and where it is, in CSS pixels on whole pixels of the device. */
export interface RowPlace {
  slot: number;
  row: number;
  top: number;
  bottom: number;
}

export class PanesPainter {
  palette: Palette;
  readonly #surface: Surface;
  readonly #glyphs: Glyphs;
  readonly #looks: RowLooks;
  readonly #texts = new AmountTexts();
  #hatch: CanvasPattern | null = null;
  /** Fading heat by its index, negative towards the left: of the columns and colours in use. */
  readonly #washes = new Map<number, CanvasGradient>();

  constructor(surface: Surface, glyphs: Glyphs, looks: RowLooks, palette: Palette) {
    this.#surface = surface;
    this.#glyphs = glyphs;
    this.#looks = looks;
    this.palette = palette;
  }

  forget(): void {
    this.#hatch = null;
    this.#washes.clear();
  }

  /** Paints grounds and bars of some parts of a row; bars alone where the ground is bare already. */
  paint(picture: PanesPicture, columns: Columns, place: RowPlace, parts: number, bare: boolean): void {
    const above = this.#looks.of(place.slot, LOOK.above) === 1;
    if ((parts & PART.volume) !== 0) {
      if (!bare) this.#ground(0, columns.volumeEnd, place);
      this.#paintVolume(place, columns);
      this.#rule(0, columns.volumeEnd, place);
    }
    if ((parts & PART.fuel) !== 0) {
      const fuel = fuelPane(columns, above);
      const left = leftOf(fuel);
      const right = endOf(fuel, columns);
      if (!bare) this.#ground(left, right, place);
      this.#paintFuel(picture, place, fuel);
      this.#rule(left, right, place);
    }
    if ((parts & PART.book) !== 0) {
      const book = bookPane(columns, above);
      const left = leftOf(book);
      const right = endOf(book, columns);
      if (!bare) this.#ground(left, right, place);
      this.#paintBook(place, above, book);
      this.#rule(left, right, place);
    }
  }

  /** Prints the numbers of some parts of a row; call the surface's `inPoints` after the last. */
  print(picture: PanesPicture, columns: Columns, place: RowPlace, parts: number): void {
    const looks = this.#looks;
    const { slot } = place;
    const { decimals } = picture.unit;
    const above = looks.of(slot, LOOK.above) === 1;
    if ((parts & PART.fuel) !== 0 && this.#isLit(picture, slot)) {
      const amount = looks.of(slot, LOOK.fuelAmount);
      const pane = fuelPane(columns, above);
      const ink = looks.of(slot, LOOK.heat) >= WARM_FROM_INDEX ? WARM : ESTIMATE;
      if (amount * 10 ** -decimals >= LEAST_PRINTED) {
        this.#number(this.#texts.of(amount, decimals), pane.far, pane.far < pane.zero, place, columns, ink);
      }
    }
    const amount = looks.of(slot, LOOK.bookAmount);
    if ((parts & PART.book) === 0 || amount < 0) return;
    const pane = bookPane(columns, above);
    const partial = looks.of(slot, LOOK.partial) === 1;
    const ink = amount === 0 ? NO_SIZE : partial ? ESTIMATE : SIZE;
    const text = this.#texts.of(amount, decimals);
    this.#number(partial ? text + AT_LEAST : text, pane.zero, pane.far > pane.zero, place, columns, ink);
  }

  /** The ground under a part of a row; nothing that is painted on it reaches beyond it. */
  #ground(left: number, right: number, { top, bottom }: RowPlace): void {
    const { context } = this.#surface;
    context.fillStyle = this.palette.ground.bg;
    context.fillRect(left, top, right - left, bottom - top);
  }

  #rule(left: number, right: number, { row, bottom }: RowPlace): void {
    const { context } = this.#surface;
    const line = this.#surface.hairline(0.5);
    context.fillStyle = row % 10 === 0 ? RULE_OF_TEN : RULE;
    context.fillRect(left, bottom - line, right - left, line);
  }

  #paintVolume({ slot, top, bottom }: RowPlace, columns: Columns): void {
    const { context } = this.#surface;
    const centre = columns.volumeEnd / 2;
    const y = this.#surface.snap((top + bottom - VOLUME_BAR) / 2);
    const gap = this.#surface.hairline(0.5);
    const sold = this.#looks.of(slot, LOOK.sold);
    const bought = this.#looks.of(slot, LOOK.bought);
    if (sold === 0 && bought === 0) return;
    context.globalAlpha = VOLUME_ALPHA;
    context.fillStyle = this.palette.side.sellFill;
    context.fillRect(centre - gap - sold, y, sold, VOLUME_BAR);
    context.fillStyle = this.palette.side.buyFill;
    context.fillRect(centre + gap, y, bought, VOLUME_BAR);
    context.globalAlpha = 1;
  }

  /** Whether the estimate of a row shows at all; a sum has no heat of its own, its row may be dark. */
  #isLit(picture: PanesPicture, slot: number): boolean {
    return this.#looks.of(slot, LOOK.heat) > 0 || (picture.summed && this.#looks.of(slot, LOOK.fuelBar) > 0);
  }

  #paintFuel(picture: PanesPicture, { slot, top, bottom }: RowPlace, pane: Pane): void {
    if (!this.#isLit(picture, slot)) return;
    const { context } = this.#surface;
    const heat = this.#looks.of(slot, LOOK.heat);
    const sure = this.#looks.of(slot, LOOK.sureBar);
    const whole = this.#looks.of(slot, LOOK.fuelBar);
    if (heat >= WASH_FROM_INDEX) this.#paintWash(heat, top, bottom, pane);
    const y = top + BAR_INSET;
    const height = bottom - top - 2 * BAR_INSET;
    const colour = this.palette.heat[picture.summed ? SUM_INDEX : heat] as string;
    context.fillStyle = colour;
    context.globalAlpha = FUEL_DOUBT_ALPHA;
    context.fillRect(along(pane, 0, whole), y, whole, height);
    context.globalAlpha = FUEL_SOLID_ALPHA;
    context.fillRect(along(pane, 0, sure), y, sure, height);
    context.globalAlpha = 1;
    if (picture.calibrated) return;
    this.#hatch ??= makeHatch(this.#surface, this.palette);
    context.fillStyle = this.#hatch ?? colour;
    context.fillRect(along(pane, 0, whole), y, whole, height);
  }

  #paintWash(heat: number, top: number, bottom: number, pane: Pane): void {
    const { context } = this.#surface;
    const { zero, far } = pane;
    const key = far > zero ? heat : -heat;
    let wash = this.#washes.get(key);
    if (!wash) {
      const colour = this.palette.heat[heat] as string;
      wash = context.createLinearGradient(zero, 0, far, 0);
      wash.addColorStop(0, colour);
      wash.addColorStop(1, colour.replace(")", " / 0)"));
      this.#washes.set(key, wash);
    }
    context.globalAlpha = (WASH_ALPHA_MAX * heat) / 255;
    context.fillStyle = wash;
    context.fillRect(leftOf(pane), top, Math.abs(far - zero), bottom - top);
    context.globalAlpha = 1;
  }

  #paintBook({ slot, top, bottom }: RowPlace, above: boolean, pane: Pane): void {
    if (this.#looks.of(slot, LOOK.bookAmount) < 0) return;
    const { context } = this.#surface;
    const { side } = this.palette;
    const length = Math.max(this.#looks.of(slot, LOOK.bookBar), this.#surface.hairline(0.5));
    const alpha = this.#looks.of(slot, LOOK.wall) === 1 ? WALL_ALPHA : BOOK_ALPHA;
    context.globalAlpha = this.#looks.of(slot, LOOK.partial) === 1 ? alpha * PARTIAL_FADE : alpha;
    context.fillStyle = above ? side.sellFill : side.buyFill;
    context.fillRect(along(pane, 0, length), top + BAR_INSET, length, bottom - top - 2 * BAR_INSET);
    context.globalAlpha = 1;
  }

  /** A number at an edge: right of it, or left of it; left out where it would have to be cut. */
  #number(text: string, edge: number, right: boolean, place: RowPlace, columns: Columns, ink: TextInk): void {
    const width = this.#glyphs.width(text, ink);
    if (BOOK_GAP + width > columns.side) return;
    const left = right ? edge + BOOK_GAP : edge - BOOK_GAP - width;
    this.#glyphs.left(text, left, (place.top + place.bottom) / 2, ink);
  }
}

/** Where a pane's part of a row ends: the gutter belongs to the pane before it. */
function endOf(pane: Pane, columns: Columns): number {
  const right = Math.max(pane.zero, pane.far);
  return right === columns.gutterStart ? columns.width : right;
}

/** Amounts that are printed over and over are put into words once. */
class AmountTexts {
  static readonly #KEPT = 4_096;
  readonly #texts: string[][] = [];

  of(amount: number, decimals: number): string {
    this.#texts[decimals] ??= [];
    const texts = this.#texts[decimals] as string[];
    const kept = texts[amount];
    if (kept !== undefined) return kept;
    const text = fixed(amount / 10 ** decimals, decimals);
    if (amount < AmountTexts.#KEPT) texts[amount] = text;
    return text;
  }
}
