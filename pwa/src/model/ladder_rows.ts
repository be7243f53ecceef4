/** The rows a picture shows, as dense arrays from the highest downwards. */

import { BAND_USD } from "../draw/palette.ts";
import type { LadderModel, LadderSide, SymbolFacts } from "../net/frames.ts";
import type { VolumeProfile } from "./volume.ts";
import { lotUsd } from "./walls.ts";

const ROWS_MAX = 256;

export class LadderRows {
  highest = 0;
  count = 0;
  /** Dollars resting; only one of the two is nonzero unless venues cross each other. */
  readonly bidUsd = new Float64Array(ROWS_MAX);
  readonly askUsd = new Float64Array(ROWS_MAX);
  /** Dollars of estimated liquidations. */
  readonly fuelUsd = new Float64Array(ROWS_MAX);
  readonly boughtUsd = new Float64Array(ROWS_MAX);
  readonly soldUsd = new Float64Array(ROWS_MAX);
  readonly #sorted = new Float64Array(ROWS_MAX * 2);

  fill(
    ladder: LadderModel,
    facts: SymbolFacts,
    volume: VolumeProfile,
    highest: number,
    lowest: number,
  ): void {
    this.highest = highest;
    this.count = Math.min(ROWS_MAX, Math.max(0, highest - lowest + 1));
    const lotUsdOf = lotUsd(facts, ladder.group);
    this.#fillSide(this.bidUsd, ladder.bids, lotUsdOf);
    this.#fillSide(this.askUsd, ladder.asks, lotUsdOf);
    for (let slot = 0; slot < this.count; slot++) {
      const row = highest - slot;
      const usdOfOne = lotUsdOf(row);
      this.fuelUsd[slot] = BAND_USD[ladder.bands[row - ladder.firstBand] ?? 0] as number;
      this.boughtUsd[slot] = volume.boughtLots(row) * usdOfOne;
      this.soldUsd[slot] = volume.soldLots(row) * usdOfOne;
    }
  }

  /** The largest amount of any bar between two slots: book and fuel share one scale. */
  longestBar(): number {
    let longest = 0;
    for (let slot = 0; slot < this.count; slot++) {
      longest = Math.max(
        longest,
        this.bidUsd[slot] as number,
        this.askUsd[slot] as number,
        this.fuelUsd[slot] as number,
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
    return this.#median(this.bidUsd, this.askUsd);
  }

  medianFuel(): number {
    return this.#median(this.fuelUsd, this.fuelUsd);
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
    usd.fill(0, 0, this.count);
    for (let level = 0; level < side.count; level++) {
      const row = side.rows[level] as number;
      const slot = this.highest - row;
      if (slot >= 0 && slot < this.count) usd[slot] = (side.lots[level] as number) * lotUsdOf(row);
    }
  }
}
