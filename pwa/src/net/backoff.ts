/** Waiting times between attempts: exponential with full jitter, never giving up. */

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

export class Backoff {
  #attempts = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds until the next attempt. */
  next(): number {
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#attempts, 10));
    this.#attempts += 1;
    return this.#random() * ceiling;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
