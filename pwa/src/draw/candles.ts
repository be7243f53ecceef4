/** Prices over the heat: candles as wide as a finger can tell apart, or a line. */

import type { MapCamera } from "./map_camera.ts";
import type { Surface } from "./surface.ts";

/** Minutes a candle may stand for. */
const BUCKETS_MIN = [1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440] as const;
const NARROWEST_PX = 5;
const BODY_PART = 0.68;
export const PRICE_INK = { up: "#f4f7fb", down: "#8a97a9", halo: "rgb(6 8 12 / 0.75)" } as const;
const FIELDS = 5;

/** Open, high, low and close of each column, flat; NaN where there is none. */
export interface PriceColumns {
  readonly firstMin: number;
  readonly stepMin: number;
  readonly columns: number;
  readonly candles: Float32Array;
}

/** Minutes a candle, so that one is at least some pixels wide and whole columns make it. */
export function bucketMinutes(stepMin: number, pixelsPerMin: number): number {
  return (
    BUCKETS_MIN.find((minutes) => minutes % stepMin === 0 && minutes * pixelsPerMin >= NARROWEST_PX) ??
    (BUCKETS_MIN.at(-1) as number)
  );
}

/** Joins columns into candles: flat minute, open, high, low, close. Candles begin at whole buckets. */
export function joinCandles(prices: PriceColumns, bucketMin: number): Float64Array {
  const { firstMin, stepMin, columns, candles } = prices;
  const joined = new Float64Array((Math.ceil((columns * stepMin) / bucketMin) + 1) * FIELDS);
  let count = 0;
  let held = Number.NaN;
  for (let column = 0; column < columns; column++) {
    const [open, high, low, close] = candles.subarray(4 * column, 4 * column + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    if (Number.isNaN(close)) continue;
    const minute = firstMin + column * stepMin;
    const bucket = minute - (((minute % bucketMin) + bucketMin) % bucketMin);
    if (bucket !== held) {
      held = bucket;
      joined.set([bucket, open, high, low, close], count * FIELDS);
      count += 1;
      continue;
    }
    const at = (count - 1) * FIELDS;
    joined[at + 2] = Math.max(joined[at + 2] as number, high);
    joined[at + 3] = Math.min(joined[at + 3] as number, low);
    joined[at + 4] = close;
  }
  return joined.slice(0, count * FIELDS);
}

export class CandlesPainter {
  readonly #surface: Surface;
  #joined: Float64Array = new Float64Array(0);
  #key = "";

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  /** `version` changes whenever the prices do. */
  paint(prices: PriceColumns, version: number, camera: MapCamera, style: "candles" | "line"): void {
    const pixelsPerMin = camera.time.size / camera.time.span;
    const bucketMin = style === "line" ? prices.stepMin : bucketMinutes(prices.stepMin, pixelsPerMin);
    const key = `${version} ${bucketMin} ${prices.firstMin}`;
    if (key !== this.#key) {
      this.#joined = joinCandles(prices, bucketMin);
      this.#key = key;
    }
    if (style === "line") this.#paintLine(camera, bucketMin);
    else this.#paintCandles(camera, bucketMin, pixelsPerMin);
  }

  #paintLine(camera: MapCamera, bucketMin: number): void {
    const { context } = this.#surface;
    context.beginPath();
    for (let at = 0; at < this.#joined.length; at += FIELDS) {
      context.lineTo(
        camera.x((this.#joined[at] as number) + bucketMin),
        camera.y(this.#joined[at + 4] as number),
      );
    }
    context.lineJoin = "round";
    context.strokeStyle = PRICE_INK.halo;
    context.lineWidth = 4;
    context.stroke();
    context.strokeStyle = PRICE_INK.up;
    context.lineWidth = 1.5;
    context.stroke();
  }

  #paintCandles(camera: MapCamera, bucketMin: number, pixelsPerMin: number): void {
    const surface = this.#surface;
    const { context } = surface;
    const width = Math.max(surface.hairline(2), surface.snap(bucketMin * pixelsPerMin * BODY_PART));
    const wick = surface.hairline(1.5);
    for (const halo of [true, false]) {
      for (let at = 0; at < this.#joined.length; at += FIELDS) {
        const middle = camera.x((this.#joined[at] as number) + bucketMin / 2);
        if (middle < -width || middle > camera.time.size + width) continue;
        const open = camera.y(this.#joined[at + 1] as number);
        const close = camera.y(this.#joined[at + 4] as number);
        const high = camera.y(this.#joined[at + 2] as number);
        const low = camera.y(this.#joined[at + 3] as number);
        const top = surface.snap(Math.min(open, close));
        const height = Math.max(surface.hairline(), surface.snap(Math.max(open, close)) - top);
        const left = surface.snap(middle - width / 2);
        const air = halo ? 1 : 0;
        context.fillStyle = halo ? PRICE_INK.halo : close <= open ? PRICE_INK.up : PRICE_INK.down;
        context.fillRect(left - air, top - air, width + 2 * air, height + 2 * air);
        const wickLeft = surface.snap(middle - wick / 2);
        context.fillRect(wickLeft - air, high - air, wick + 2 * air, low - high + 2 * air);
      }
    }
  }
}
