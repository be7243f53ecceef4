/** How each row of the ladder looks, in numbers; parts whose numbers are as before need no paint. */

import type { ColumnUnit } from "../format.ts";
import type { LadderRows } from "../model/ladder_rows.ts";
import { holds, type RowRange } from "../model/state.ts";
import { BAND_USD, heatIndex } from "./palette.ts";
import type { Surface } from "./surface.ts";

const VOLUME_LONGEST = 15;
/** A level this many times the visible median is drawn as a wall. */
const WALL_FACTOR = 5;
const SLOTS_MAX = 256;

/** The parts of a row that are painted by themselves. */
export const PART = { volume: 1, book: 2, fuel: 4, spine: 8, all: 15 } as const;

/** Where the numbers of a look stand. */
export const LOOK = {
  /** 1 above the middle, 0 below. */
  above: 0,
  /** Lengths in CSS pixels, amounts in steps of what is printed; -1 where nothing rests. */
  bookBar: 1,
  bookAmount: 2,
  wall: 3,
  heat: 4,
  sureBar: 5,
  fuelBar: 6,
  fuelAmount: 7,
  sold: 8,
  bought: 9,
  /** Its sign is the aggressor's side, its size 1 plus the steps of flash that are left. */
  outline: 10,
  unit: 11,
  /** 1 where the book is not known in full: at least so much rests there. */
  partial: 12,
  /** How many characters of its price recede. */
  prefix: 13,
} as const;
const NUMBERS = 14;

/** What lengths are measured by: what a bar shows, its part that is sure, and what has traded. */
const SCALE = { whole: 0, sure: 1, volume: 2 } as const;

/** Which parts each number shows in. */
const SHOWS_IN = new Uint8Array(NUMBERS);
SHOWS_IN.set([PART.all, PART.book, PART.book, PART.book, PART.fuel | PART.spine], LOOK.above);
SHOWS_IN.set([PART.fuel, PART.fuel, PART.fuel, PART.volume, PART.volume], LOOK.sureBar);
SHOWS_IN.set([PART.spine, PART.all, PART.book, PART.spine], LOOK.outline);

export interface LookedAt {
  readonly rows: LadderRows;
  readonly unit: ColumnUnit;
  /** Dollars of a bar as long as its pane. */
  readonly barUsd: number;
  readonly volumeUsd: number;
  readonly heatTopUsd: number;
  /** The estimate over its lower bound. */
  readonly factor: number;
  readonly calibrated: boolean;
  /** The rows in which every order is known. */
  readonly known: RowRange;
}

/** The last trade's outline: its row (NaN for none) and its number in a look. */
export interface Outline {
  row: number;
  look: number;
}

export class RowLooks {
  /** Parts of each row that are to be painted. */
  readonly dirty = new Uint8Array(SLOTS_MAX);
  readonly #surface: Surface;
  readonly #numbers = new Float64Array(SLOTS_MAX * NUMBERS);
  readonly #look = new Float64Array(NUMBERS);
  readonly #heat = new Uint8Array(BAND_USD.length);
  #heatTopUsd = 0;
  /** Dollars of a bar as long as it may be, and how long that is. */
  readonly #wholeUsd = new Float64Array(3);
  readonly #longest = new Float64Array(3);
  #wallUsd = 0;
  #resolution = 1;
  /** The rows whose looks are kept. */
  #highest = 0;
  #count = 0;

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  /** No row looks like anything: all are to be painted. */
  forget(): void {
    this.#count = 0;
  }

  /** The first and the last row look like nothing: what of them lay outside the picture was not painted. */
  forgetEnds(): void {
    const end = this.#count * NUMBERS;
    this.#numbers.fill(Number.NaN, 0, NUMBERS);
    this.#numbers.fill(Number.NaN, Math.max(0, end - NUMBERS), end);
  }

  of(slot: number, number: number): number {
    return this.#numbers[slot * NUMBERS + number] as number;
  }

  /**
   * Works out how all rows look now and which parts differ from before; `side` is a pane's width, `prefix`
   * how many characters all prices share.
   */
  take(picture: LookedAt, boundary: number, side: number, outline: Outline, prefix: number): void {
    const { rows, heatTopUsd, known } = picture;
    this.#follow(rows.highest, rows.count);
    if (heatTopUsd !== this.#heatTopUsd) {
      this.#heatTopUsd = heatTopUsd;
      this.#heat.set(Uint8Array.from(BAND_USD, (usd) => heatIndex(usd, heatTopUsd)));
    }
    this.#measure(picture, side);
    this.#look[LOOK.prefix] = prefix;
    for (let slot = 0; slot < rows.count; slot++) {
      const row = rows.highest - slot;
      this.#work(rows, slot, row > boundary);
      this.#look[LOOK.outline] = row === outline.row ? outline.look : 0;
      this.#look[LOOK.partial] = holds(known, row) ? 0 : 1;
      this.dirty[slot] = this.#keep(slot);
    }
  }

  /** Brings the kept looks to the slots of their rows; rows that come in look like nothing yet. */
  #follow(highest: number, count: number): void {
    const by = highest - this.#highest;
    const from = Math.min(Math.max(by, 0), count);
    const to = Math.max(Math.min(this.#count + by, count), from);
    if (by !== 0) this.#numbers.copyWithin(from * NUMBERS, (from - by) * NUMBERS, (to - by) * NUMBERS);
    this.#numbers.fill(Number.NaN, 0, from * NUMBERS);
    this.#numbers.fill(Number.NaN, to * NUMBERS, count * NUMBERS);
    this.#highest = highest;
    this.#count = count;
  }

  /** What is the same for all rows: a fraction handed from call to call would be an object each time. */
  #measure({ rows, unit, barUsd, volumeUsd, factor, calibrated }: LookedAt, side: number): void {
    this.#wholeUsd.set([barUsd, barUsd * factor, volumeUsd]);
    this.#longest.set([side, side, VOLUME_LONGEST]);
    this.#wallUsd = WALL_FACTOR * rows.medianBook();
    this.#resolution = unit.factor / 10 ** unit.decimals;
    this.#look[LOOK.unit] = this.#resolution * (calibrated ? 1 : -1);
  }

  #work(rows: LadderRows, slot: number, above: boolean): void {
    const look = this.#look;
    const bookUsd = (above ? rows.askUsd[slot] : rows.bidUsd[slot]) as number;
    const bars = above ? rows.askBar : rows.bidBar;
    const book = bars[slot] as number;
    look[LOOK.above] = above ? 1 : 0;
    look[LOOK.bookAmount] = book > 0 ? Math.round(book / this.#resolution) : -1;
    look[LOOK.wall] = bookUsd > this.#wallUsd ? 1 : 0;
    look[LOOK.heat] = this.#heat[rows.fuelCode[slot] as number] as number;
    look[LOOK.fuelAmount] = Math.round((rows.fuelBar[slot] as number) / this.#resolution);
    this.#length(LOOK.bookBar, bars, slot, SCALE.whole);
    this.#length(LOOK.sureBar, rows.fuelBar, slot, SCALE.sure);
    this.#length(LOOK.fuelBar, rows.fuelBar, slot, SCALE.whole);
    this.#length(LOOK.sold, rows.soldUsd, slot, SCALE.volume);
    this.#length(LOOK.bought, rows.boughtUsd, slot, SCALE.volume);
  }

  #length(into: number, usd: Float64Array, slot: number, scale: number): void {
    const whole = this.#wholeUsd[scale] as number;
    const part = whole > 0 ? Math.min(1, (usd[slot] as number) / whole) : 0;
    this.#look[into] = this.#surface.snap(part * (this.#longest[scale] as number));
  }

  /** Keeps the look that was worked out; returns the parts that it changes. */
  #keep(slot: number): number {
    let changed = 0;
    for (let i = 0, at = slot * NUMBERS; i < NUMBERS; i++, at++) {
      // NaN, which stands for an unpainted row, differs from everything.
      if (this.#numbers[at] !== this.#look[i]) changed |= SHOWS_IN[i] as number;
      this.#numbers[at] = this.#look[i] as number;
    }
    return changed;
  }
}
