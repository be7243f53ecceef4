/** What rests in the book now, by price, at the right edge of the map. */

import type { MapCamera } from "./map_camera.ts";
import type { MapFrame } from "./map_frame.ts";
import { BAND_USD, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

const BAR_PX = 3;
const PITCH_PX = BAR_PX + 1;
const ALPHA = 0.68;
/** Of bars that may be longer than they are seen: not every order of their rows is known. */
const ALPHA_BEYOND = 0.34;
const AIR_PX = 2;

export interface BookRows {
  readonly rows: number;
  readonly low: number;
  readonly ratio: number;
  /** Band codes of resting dollars a row. */
  readonly bids: Uint8Array;
  readonly asks: Uint8Array;
  /** Rows, the second not among them, in which every order is known; null where nothing is told of that. */
  readonly known: readonly [first: number, end: number] | null;
}

/** Dollars of whole bars of the same height; the bar `k` covers pixels [k * 4, k * 4 + 4). */
export function profileBars(codes: Uint8Array, book: BookRows, camera: MapCamera): Float64Array {
  const bars = new Float64Array(Math.ceil(camera.price.size / PITCH_PX));
  const fromLog = Math.log(book.low);
  const step = Math.log(book.ratio);
  const first = Math.max(0, Math.floor((camera.price.from - fromLog) / step));
  const last = Math.min(book.rows - 1, Math.ceil((camera.price.to - fromLog) / step));
  for (let row = first; row <= last; row++) {
    const code = codes[row] as number;
    if (code === 0) continue;
    const y = camera.price.pixel(fromLog + (row + 0.5) * step);
    const bar = Math.floor(y / PITCH_PX);
    if (bar >= 0 && bar < bars.length) bars[bar] = (bars[bar] as number) + (BAND_USD[code] as number);
  }
  return bars;
}

/** The bars, the second not among them, that lie wholly where every order is known. */
export function knownBars(book: BookRows, camera: MapCamera): readonly [first: number, end: number] {
  if (!book.known) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const [first, end] = book.known;
  const edge = (row: number) => camera.price.pixel(Math.log(book.low) + row * Math.log(book.ratio));
  return [Math.ceil(edge(end) / PITCH_PX), Math.floor(edge(first) / PITCH_PX)];
}

export class ProfilePainter {
  readonly #surface: Surface;

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  paint(book: BookRows, camera: MapCamera, frame: MapFrame, palette: Palette): void {
    if (frame.profileWidth === 0) return;
    const sides = [
      { bars: profileBars(book.bids, book, camera), colour: palette.side.buyFill },
      { bars: profileBars(book.asks, book, camera), colour: palette.side.sellFill },
    ];
    const longest = Math.max(...sides.map(({ bars }) => bars.reduce((most, usd) => Math.max(most, usd), 0)));
    if (longest === 0) return;
    const { context } = this.#surface;
    const left = frame.plotWidth + AIR_PX;
    const room = frame.profileWidth - 2 * AIR_PX;
    const [first, end] = knownBars(book, camera);
    for (const { bars, colour } of sides) {
      context.fillStyle = colour;
      for (let bar = 0; bar < bars.length; bar++) {
        const usd = bars[bar] as number;
        if (usd === 0) continue;
        context.globalAlpha = bar >= first && bar < end ? ALPHA : ALPHA_BEYOND;
        const length = Math.max(this.#surface.hairline(0.5), (usd / longest) * room);
        context.fillRect(left, bar * PITCH_PX, length, BAR_PX);
      }
    }
    context.globalAlpha = 1;
  }
}
