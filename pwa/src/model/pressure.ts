/** Who pushes: the imbalance of recent takers, in standard deviations of a fair coin. */

const WINDOW_MS = 30_000;
const PRINTS_MAX = 4_096;
/** Fewer prints than this say nothing about anybody. */
const PRINTS_MIN = 10;

/**
 * Sum of signed sizes over the root of their summed squares: were each print's side a coin toss, this
 * would have mean 0 and variance 1, whatever the sizes are.
 */
export class Pressure {
  readonly #lots = new Float64Array(PRINTS_MAX);
  readonly #atMs = new Float64Array(PRINTS_MAX);
  #head = 0;
  #count = 0;

  add(lots: number, bought: boolean, atMs: number): void {
    if (this.#count === PRINTS_MAX) this.#drop();
    const at = (this.#head + this.#count) % PRINTS_MAX;
    this.#lots[at] = bought ? lots : -lots;
    this.#atMs[at] = atMs;
    this.#count += 1;
  }

  clear(): void {
    this.#head = 0;
    this.#count = 0;
  }

  /** Sigmas of the last half minute, positive where buyers push; null when too little traded. */
  sigma(nowMs: number): number | null {
    while (this.#count > 0 && (this.#atMs[this.#head] as number) < nowMs - WINDOW_MS) this.#drop();
    if (this.#count < PRINTS_MIN) return null;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < this.#count; i++) {
      const lots = this.#lots[(this.#head + i) % PRINTS_MAX] as number;
      sum += lots;
      squares += lots * lots;
    }
    return sum / Math.sqrt(squares);
  }

  #drop(): void {
    this.#head = (this.#head + 1) % PRINTS_MAX;
    this.#count -= 1;
  }
}
