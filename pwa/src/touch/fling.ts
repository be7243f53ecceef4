/** The picture goes on after the finger has left it, slowing down by itself. */

const DECAY_MS = 325;
const REST_PX_PER_MS = 0.02;
const FASTEST_PX_PER_MS = 6;

export class Fling {
  #speed = 0;
  #atMs = 0;

  /** Starts with a speed in pixels a millisecond. */
  start(speed: number, nowMs: number): void {
    this.#speed = Math.max(-FASTEST_PX_PER_MS, Math.min(FASTEST_PX_PER_MS, speed));
    this.#atMs = nowMs;
  }

  stop(): void {
    this.#speed = 0;
  }

  /** Pixels to move since the step before; null once at rest. */
  step(nowMs: number): number | null {
    if (Math.abs(this.#speed) < REST_PX_PER_MS) return null;
    const kept = Math.exp(-(nowMs - this.#atMs) / DECAY_MS);
    const pixels = this.#speed * DECAY_MS * (1 - kept);
    this.#speed *= kept;
    this.#atMs = nowMs;
    return pixels;
  }
}
