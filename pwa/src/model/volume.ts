/** Volume at price: what was bought and sold in each row over the last minutes. */

const KEPT_MS = 8 * 60_000;
const PRINTS_MAX = 16_384;

/** A bought trade belongs to the row of the asks it took, a sold one to the row of the bids. */
export const rowOfTrade = (tick: number, bought: boolean, group: number): number =>
  bought ? Math.ceil(tick / group) : Math.floor(tick / group);

/** A ladder's prints tell the trades of so many ticks as one: a tenth of a row where that is whole. */
const grainOf = (group: number): number => (group % 10 === 0 ? group / 10 : 1);

const greatestDivisor = (one: number, other: number): number =>
  other === 0 ? one : greatestDivisor(other, one % other);

/** A bounded window of trades, summed by row; sums are whole lots and so exact. */
export class VolumeProfile {
  readonly #ticks = new Float64Array(PRINTS_MAX);
  /** Lots, negative where the taker sold. */
  readonly #lots = new Float64Array(PRINTS_MAX);
  readonly #atMs = new Float64Array(PRINTS_MAX);
  #head = 0;
  #count = 0;
  #group = 1;
  /** Rows of whole multiples of so many ticks can be told apart by what is kept. */
  #grain = 1;
  readonly #bought = new Map<number, number>();
  readonly #sold = new Map<number, number>();

  add(tick: number, lots: number, bought: boolean, atMs: number): void {
    if (this.#count === PRINTS_MAX) this.#dropOldest();
    const at = (this.#head + this.#count) % PRINTS_MAX;
    this.#ticks[at] = tick;
    this.#lots[at] = bought ? lots : -lots;
    this.#atMs[at] = atMs;
    this.#count += 1;
    this.#sum(at, 1);
  }

  /** Forgets what is older than the window. */
  expire(nowMs: number): void {
    while (this.#count > 0 && (this.#atMs[this.#head] as number) < nowMs - KEPT_MS) this.#dropOldest();
  }

  /** Sums by other rows; starts anew when they are too fine for what is kept. */
  regroup(group: number): void {
    if (group === this.#group) return;
    const starts = group % this.#grain !== 0;
    this.#group = group;
    if (starts) this.clear();
    else this.#grain *= grainOf(group) / greatestDivisor(this.#grain, grainOf(group));
    this.#bought.clear();
    this.#sold.clear();
    for (let i = 0; i < this.#count; i++) this.#sum((this.#head + i) % PRINTS_MAX, 1);
  }

  clear(): void {
    this.#head = 0;
    this.#count = 0;
    this.#grain = grainOf(this.#group);
    this.#bought.clear();
    this.#sold.clear();
  }

  boughtLots(row: number): number {
    return this.#bought.get(row) ?? 0;
  }

  soldLots(row: number): number {
    return this.#sold.get(row) ?? 0;
  }

  #dropOldest(): void {
    this.#sum(this.#head, -1);
    this.#head = (this.#head + 1) % PRINTS_MAX;
    this.#count -= 1;
  }

  #sum(at: number, sign: 1 | -1): void {
    const lots = this.#lots[at] as number;
    const sums = lots > 0 ? this.#bought : this.#sold;
    const row = rowOfTrade(this.#ticks[at] as number, lots > 0, this.#group);
    const total = (sums.get(row) ?? 0) + sign * Math.abs(lots);
    if (total > 0) sums.set(row, total);
    else sums.delete(row);
  }
}
