/** A paint with the next frame of the screen, once however often it is asked for. */

/** A quarter of a frame of most screens. */
const LATE_MS = 4;
/** What is usual may grow by so much with each frame. */
const FORGOTTEN_MS = 0.1;

export class NextFrame {
  readonly #paint: (nowMs: number) => void;
  #request = 0;
  #leftOut = false;
  /** Between the time that browsers give a frame and its begin there is always some, here more, there less. */
  #usualMs = Number.POSITIVE_INFINITY;

  constructor(paint: (nowMs: number) => void) {
    this.#paint = paint;
  }

  get asked(): boolean {
    return this.#request !== 0;
  }

  ask(): void {
    this.#request ||= requestAnimationFrame((nowMs) => this.#came(nowMs));
  }

  cancel(): void {
    cancelAnimationFrame(this.#request);
    this.#request = 0;
  }

  /**
   * A frame that begins late is left out, never two in a row: painted, it would be shown with the one after
   * it and make that late as well. A slow phone so moves evenly, and its screen keeps up with the page.
   */
  #came(nowMs: number): void {
    this.#request = 0;
    const sinceMs = performance.now() - nowMs;
    this.#usualMs = Math.min(sinceMs, this.#usualMs + FORGOTTEN_MS);
    this.#leftOut = !this.#leftOut && sinceMs - this.#usualMs > LATE_MS;
    if (this.#leftOut) this.ask();
    else this.#paint(nowMs);
  }
}
