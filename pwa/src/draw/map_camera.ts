/** The map's one camera: heat, candles, profile and axes all ask it where things are. */

import { Axis } from "./axis.ts";

const MOVE_MS = 220;
/** Fewest columns and rows that fill the picture. */
const LEAST_COLUMNS = 16;
const LEAST_ROWS = 16;
/** How far the picture may go beyond the data, in parts of what it shows. */
const PRICE_SLACK = 0.25;
/** The part of the rows about the price that a fitted picture shows at least. */
const FIT_MARGIN = 0.12;

/** What a map covers: minutes since 1970 along time, rows of a constant price ratio upwards. */
export interface MapExtent {
  readonly firstMin: number;
  readonly stepMin: number;
  readonly columns: number;
  readonly rows: number;
  /** Price of the lower edge of row 0. */
  readonly low: number;
  readonly ratio: number;
}

export interface PriceSpan {
  readonly low: number;
  readonly high: number;
}

/** What a camera shows: minutes since 1970, and natural logarithms of prices. */
export interface MapPlace {
  readonly fromMin: number;
  readonly toMin: number;
  readonly fromLog: number;
  readonly toLog: number;
}

const ease = (part: number): number => 1 - (1 - part) ** 3;

/** Price is held as its natural logarithm: equal ratios are equally high. */
export class MapCamera {
  readonly time = new Axis(false);
  readonly price = new Axis(true);
  /** True until the user pans or zooms: a fitted picture fits again when data comes. */
  fitted = true;
  #end = 0;
  #move: { readonly from: MapPlace; readonly to: MapPlace; readonly startMs: number } | null = null;

  resize(width: number, height: number): void {
    this.time.size = Math.max(1, width);
    this.price.size = Math.max(1, height);
  }

  /** What another camera is to show the same by. */
  get place(): MapPlace {
    const { time, price } = this;
    return { fromMin: time.from, toMin: time.to, fromLog: price.from, toLog: price.to };
  }

  /** Shows what another camera shows. */
  take({ fromMin, toMin, fromLog, toLog }: MapPlace): void {
    this.time.show(fromMin, toMin);
    this.price.show(fromLog, toLog);
  }

  /** Takes what the map covers now; a picture that showed the newest column goes on showing it. */
  cover(extent: MapExtent): void {
    const { firstMin, stepMin, columns, rows, low, ratio } = extent;
    const end = firstMin + columns * stepMin;
    const way = this.#end > 0 && this.time.to >= this.#end - stepMin / 2 ? end - this.#end : 0;
    this.#end = end;
    const fromLog = Math.log(low);
    const logRow = Math.log(ratio);
    const [from, to] = [this.time.from + way, this.time.to + way];
    this.time.limit({
      from: firstMin,
      to: end,
      least: LEAST_COLUMNS * stepMin,
      most: columns * stepMin,
      slack: 0,
    });
    this.time.show(from, to);
    this.price.limit({
      from: fromLog,
      to: fromLog + rows * logRow,
      least: LEAST_ROWS * logRow,
      most: rows * logRow,
      slack: PRICE_SLACK,
    });
  }

  /** Shows the whole time and the prices of interest with some air. */
  fit(extent: MapExtent, interest: PriceSpan, nowMs: number, animate: boolean): void {
    const [bottom, top] = [Math.log(interest.low), Math.log(interest.high)];
    const logRow = Math.log(extent.ratio);
    const air = Math.max((top - bottom) * FIT_MARGIN, (LEAST_ROWS / 2) * logRow);
    const fromMin = extent.firstMin;
    const toMin = fromMin + extent.columns * extent.stepMin;
    // Beyond the rows there is nothing to show.
    const lowest = Math.log(extent.low);
    const fromLog = Math.max(bottom - air, lowest);
    const toLog = Math.min(top + air, lowest + extent.rows * logRow);
    this.#go({ fromMin, toMin, fromLog, toLog }, nowMs, animate);
    this.fitted = true;
  }

  /** Brings a price to the middle without another scale. */
  lookAt(price: number, nowMs: number, animate: boolean): void {
    const half = this.price.span / 2;
    const middle = Math.log(price);
    this.fitted = false;
    this.#go({ ...this.place, fromLog: middle - half, toLog: middle + half }, nowMs, animate);
  }

  pan(dx: number, dy: number): void {
    this.#own();
    this.time.pan(dx);
    this.price.pan(dy);
  }

  zoomTime(ratio: number, x: number): void {
    this.#own();
    this.time.zoom(ratio, x);
  }

  zoomPrice(ratio: number, y: number): void {
    this.#own();
    this.price.zoom(ratio, y);
  }

  x(minute: number): number {
    return this.time.pixel(minute);
  }

  y(price: number): number {
    return this.price.pixel(Math.log(price));
  }

  minuteAt(x: number): number {
    return this.time.value(x);
  }

  priceAt(y: number): number {
    return Math.exp(this.price.value(y));
  }

  /** Advances a running move; returns true while it runs. */
  step(nowMs: number): boolean {
    const move = this.#move;
    if (!move) return false;
    const part = (nowMs - move.startMs) / MOVE_MS;
    if (part >= 1) this.#move = null;
    const at = part >= 1 ? 1 : ease(Math.max(0, part));
    const between = (name: keyof MapPlace) => move.from[name] + (move.to[name] - move.from[name]) * at;
    this.time.show(between("fromMin"), between("toMin"));
    this.price.show(between("fromLog"), between("toLog"));
    return true;
  }

  #own(): void {
    this.#move = null;
    this.fitted = false;
  }

  #go(to: MapPlace, nowMs: number, animate: boolean): void {
    this.#move = { from: this.place, to, startMs: animate ? nowMs : nowMs - MOVE_MS };
    if (!animate) this.step(nowMs);
  }
}
