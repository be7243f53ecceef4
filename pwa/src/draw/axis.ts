/** One direction of a picture: which stretch of values lies along which pixels. */

export interface AxisLimits {
  /** The values there are; the picture never leaves them by more than `slack` of what it shows. */
  readonly from: number;
  readonly to: number;
  /** Least and most that the picture may show at once. */
  readonly least: number;
  readonly most: number;
  readonly slack: number;
}

/** Maps values [from, to) to pixels [0, size); a flipped axis has its values grow towards pixel 0. */
export class Axis {
  from = 0;
  to = 1;
  size = 1;
  readonly #flipped: boolean;
  #limits: AxisLimits | null = null;

  constructor(flipped: boolean) {
    this.#flipped = flipped;
  }

  get span(): number {
    return this.to - this.from;
  }

  limit(limits: AxisLimits): void {
    this.#limits = limits;
    this.#settle(this.from, this.to);
  }

  show(from: number, to: number): void {
    this.#settle(from, to);
  }

  pixel(value: number): number {
    const part = (value - this.from) / this.span;
    return (this.#flipped ? 1 - part : part) * this.size;
  }

  value(pixel: number): number {
    const part = pixel / this.size;
    return this.from + (this.#flipped ? 1 - part : part) * this.span;
  }

  /** Moves the picture with the finger. */
  pan(pixels: number): void {
    const way = ((this.#flipped ? pixels : -pixels) / this.size) * this.span;
    this.#settle(this.from + way, this.to + way);
  }

  /** Makes everything `ratio` times as large; the value at the pixel stays under it. */
  zoom(ratio: number, pixel: number): void {
    const limits = this.#limits;
    const wanted = this.span / ratio;
    const span = limits ? Math.min(Math.max(wanted, limits.least), limits.most) : wanted;
    const held = this.value(pixel);
    const from = held - (held - this.from) * (span / this.span);
    this.#settle(from, from + span);
  }

  #settle(from: number, to: number): void {
    const limits = this.#limits;
    if (!limits) {
      [this.from, this.to] = [from, to];
      return;
    }
    const span = Math.min(Math.max(to - from, limits.least), limits.most);
    const slack = limits.slack * span;
    const lowest = limits.from - slack;
    const highest = limits.to + slack - span;
    this.from =
      highest < lowest ? (limits.from + limits.to - span) / 2 : Math.min(Math.max(from, lowest), highest);
    this.to = this.from + span;
  }
}
