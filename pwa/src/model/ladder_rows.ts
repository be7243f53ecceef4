/** The rows a picture shows, as dense arrays from the highest downwards. */

import { BAND_USD } from "../draw/palette.ts";
import type { LadderModel, LadderSide, SymbolFacts } from "../net/frames.ts";
import type { VolumeProfile } from "./volume.ts";
import { lotUsd } from "./walls.ts";

const ROWS_MAX = 256;

/** Amounts of each row: two of the book, estimated, two of volume; then the estimate's code, then sums. */
const ARRAYS = 6;
const SUMS = 3;
const NONE = new Float64Array(0);

/** The rows as they are handed to another thread. */
export interface PackedRows {
  readonly highest: number;
  readonly count: number;
  readonly summed: boolean;
  /** One array of the rows after the other. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

export class LadderRows {
  highest = 0;
  count = 0;
  /** Dollars resting; only one of the two is nonzero unless venues cross each other. */
  bidUsd = NONE;
  askUsd = NONE;
  /** Estimated liquidations: the wire's codes and what they stand for, dollars. */
  fuelCode = NONE;
  fuelUsd = NONE;
  boughtUsd = NONE;
  soldUsd = NONE;
  /** What the bars show: what is in the row itself, or the sum from price to there. */
  bidBar = NONE;
  askBar = NONE;
  fuelBar = NONE;
  #summed = false;
  /** All arrays lie in one, in which they travel: to make another with each frame costs a slow phone much. */
  #numbers = NONE;
  readonly #sorted = new Float64Array(ROWS_MAX);
  /** NaN until somebody asks. */
  #medianBook = Number.NaN;

  /** Takes the rows in view; with `sumFrom`, the row below price, bars are sums from there outwards. */
  fill(
    ladder: LadderModel,
    facts: SymbolFacts,
    volume: VolumeProfile,
    highest: number,
    lowest: number,
    sumFrom: number | null = null,
  ): void {
    this.#medianBook = Number.NaN;
    this.highest = highest;
    this.#lay(Math.min(ROWS_MAX, Math.max(0, highest - lowest + 1)), sumFrom !== null);
    const lotUsdOf = lotUsd(facts, ladder.group);
    this.#fillSide(this.bidUsd, ladder.bids, lotUsdOf);
    this.#fillSide(this.askUsd, ladder.asks, lotUsdOf);
    for (let slot = 0; slot < this.count; slot++) {
      const row = highest - slot;
      const usdOfOne = lotUsdOf(row);
      const code = ladder.bands[row - ladder.firstBand] ?? 0;
      this.fuelCode[slot] = code;
      this.fuelUsd[slot] = BAND_USD[code] as number;
      this.boughtUsd[slot] = volume.boughtLots(row) * usdOfOne;
      this.soldUsd[slot] = volume.soldLots(row) * usdOfOne;
    }
    if (sumFrom === null) return;
    this.#sumSide(this.bidBar, ladder.bids, -1, lotUsdOf);
    this.#sumSide(this.askBar, ladder.asks, 1, lotUsdOf);
    this.#sumFuel(ladder, sumFrom);
  }

  /** All of it; its numbers change with the next frame and are to be copied on their way. */
  packed(): PackedRows {
    return { highest: this.highest, count: this.count, summed: this.#summed, numbers: this.#numbers };
  }

  /** Takes what was packed. */
  take({ highest, count, summed, numbers }: PackedRows): void {
    this.#medianBook = Number.NaN;
    this.highest = highest;
    this.#lay(count, summed);
    this.#numbers.set(numbers);
  }

  /** Makes room for so many rows, where there was room for others. */
  #lay(count: number, summed: boolean): void {
    if (count === this.count && summed === this.#summed) return;
    this.count = count;
    this.#summed = summed;
    const numbers = new Float64Array((ARRAYS + (summed ? SUMS : 0)) * count);
    const array = (at: number) => numbers.subarray(at * count, (at + 1) * count);
    this.#numbers = numbers;
    this.bidUsd = array(0);
    this.askUsd = array(1);
    this.fuelUsd = array(2);
    this.boughtUsd = array(3);
    this.soldUsd = array(4);
    this.fuelCode = array(5);
    this.bidBar = summed ? array(6) : this.bidUsd;
    this.askBar = summed ? array(7) : this.askUsd;
    this.fuelBar = summed ? array(8) : this.fuelUsd;
  }

  /** The largest amount of any bar between two slots: book and fuel share one scale. */
  longestBar(): number {
    let longest = 0;
    for (let slot = 0; slot < this.count; slot++) {
      longest = Math.max(
        longest,
        this.bidBar[slot] as number,
        this.askBar[slot] as number,
        this.fuelBar[slot] as number,
      );
    }
    return longest;
  }

  longestVolume(): number {
    let longest = 0;
    for (let slot = 0; slot < this.count; slot++) {
      longest = Math.max(longest, this.boughtUsd[slot] as number, this.soldUsd[slot] as number);
    }
    return longest;
  }

  /** Median of what rests in the rows that hold anything; 0 when none does. */
  medianBook(): number {
    if (Number.isNaN(this.#medianBook)) this.#medianBook = this.#median(this.bidUsd, this.askUsd);
    return this.#medianBook;
  }

  /** Median of the numbers shown: what rests, or far from price what is estimated. */
  medianShown(): number {
    const resting = this.#summed ? this.#median(this.bidBar, this.askBar) : this.medianBook();
    return resting || this.#median(this.fuelBar, this.fuelBar);
  }

  /** Median over the rows of the larger of two amounts, rows without any left out. */
  #median(one: Float64Array, other: Float64Array): number {
    let found = 0;
    for (let slot = 0; slot < this.count; slot++) {
      const usd = Math.max(one[slot] as number, other[slot] as number);
      if (usd > 0) {
        this.#sorted[found] = usd;
        found += 1;
      }
    }
    if (found === 0) return 0;
    return this.#sorted.subarray(0, found).sort()[found >> 1] as number;
  }

  #fillSide(usd: Float64Array, side: LadderSide, lotUsdOf: (row: number) => number): void {
    usd.fill(0);
    for (let level = 0; level < side.count; level++) {
      const row = side.rows[level] as number;
      const slot = this.highest - row;
      if (slot >= 0 && slot < this.count) usd[slot] = (side.lots[level] as number) * lotUsdOf(row);
    }
  }

  /** A row without orders has the sum of those before it; beyond the last order known nothing is said. */
  #sumSide(sums: Float64Array, side: LadderSide, way: 1 | -1, lotUsdOf: (row: number) => number): void {
    sums.fill(0);
    const slotOf = (row: number): number => Math.min(Math.max(this.highest - row, 0), this.count);
    let total = 0;
    for (let level = 0; level < side.count; level++) {
      const row = side.rows[level] as number;
      total += (side.lots[level] as number) * lotUsdOf(row);
      const next = level + 1 < side.count ? (side.rows[level + 1] as number) : row + way;
      const [top, bottom] = way > 0 ? [next - 1, row] : [row, next + 1];
      sums.fill(total, slotOf(top), slotOf(bottom - 1));
    }
  }

  #sumFuel({ bands, firstBand }: LadderModel, sumFrom: number): void {
    const sums = this.fuelBar;
    sums.fill(0);
    const walk = (from: number, way: 1 | -1): void => {
      let total = 0;
      for (let band = from - firstBand; band >= 0 && band < bands.length; band += way) {
        total += BAND_USD[bands[band] as number] as number;
        const slot = this.highest - firstBand - band;
        if (slot >= 0 && slot < this.count) sums[slot] = total;
      }
    };
    walk(sumFrom + 1, 1);
    walk(sumFrom, -1);
  }
}
