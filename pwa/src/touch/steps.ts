/** Turns a continuous movement into steps that each take the same way. */

/** Collects ratios (a pinch) or lengths (a drag, a wheel) and tells the whole steps that are complete. */
export class Steps {
  readonly #size: number;
  #held = 0;

  /** `size`: the way of one step. */
  constructor(size: number) {
    this.#size = size;
  }

  reset(): void {
    this.#held = 0;
  }

  /** Whole steps that the way so far makes, signed; what is left counts for the next ones. */
  add(way: number): number {
    this.#held += way;
    const steps = Math.trunc(this.#held / this.#size);
    this.#held -= steps * this.#size;
    return steps;
  }
}
