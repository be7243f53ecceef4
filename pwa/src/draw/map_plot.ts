/** The map's lower canvas: heat, prices, book profile and the scales; painted when data or camera change. */

import { fixed } from "../format.ts";
import { CandlesPainter, type PriceColumns } from "./candles.ts";
import { makeHatch } from "./hatch.ts";
import { HeatBitmap, type HeatGrid } from "./heat_bitmap.ts";
import type { HeatMode } from "./heat_pixels.ts";
import type { MapCamera } from "./map_camera.ts";
import type { MapFrame } from "./map_frame.ts";
import { INK, type Palette } from "./palette.ts";
import { type BookRows, ProfilePainter } from "./profile.ts";
import type { Surface } from "./surface.ts";
import { dayText, roundStep, roundValues, timeMarks, timeText } from "./ticks.ts";
import { FONTS } from "./type.ts";

const PRICE_MARK_PX = 88;
const TIME_MARK_PX = 52;
const TEXT_GROUND = "rgb(6 8 12 / 0.72)";
const GRID_INK = "rgb(255 255 255 / 0.06)";
const MINUTE_MS = 60_000;

export interface MapPicture extends HeatGrid, PriceColumns, BookRows {
  readonly version: number;
  readonly calibrated: boolean;
}

export interface MapLook {
  readonly mode: HeatMode;
  readonly style: "candles" | "line";
}

export class MapPlotPainter {
  readonly #surface: Surface;
  readonly #bitmap = new HeatBitmap();
  readonly #candles: CandlesPainter;
  readonly #profile: ProfilePainter;
  #palette: Palette;
  #hatch: CanvasPattern | null = null;
  #drawn = "";
  #heat = "";

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.#candles = new CandlesPainter(surface);
    this.#profile = new ProfilePainter(surface);
    this.#palette = palette;
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.invalidate();
  }

  invalidate(): void {
    this.#drawn = "";
    this.#heat = "";
    this.#hatch = null;
    this.#surface.forgetFonts();
  }

  /** Paints unless the picture would be the same. */
  paint(picture: MapPicture, camera: MapCamera, frame: MapFrame, look: MapLook): void {
    const { time, price } = camera;
    const drawn = [
      picture.version,
      time.from,
      time.to,
      price.from,
      price.to,
      look.mode,
      look.style,
      ...Object.values(frame),
    ].join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const heat = `${picture.version} ${look.mode}`;
    if (heat !== this.#heat) {
      this.#bitmap.update(picture, this.#palette, look.mode);
      this.#heat = heat;
    }
    this.#paintGround();
    this.#paintPlot(picture, camera, frame, look);
    this.#profile.paint(picture, camera, frame, this.#palette);
    this.#paintTimes(camera, frame);
  }

  #paintGround(): void {
    const { context, width, height } = this.#surface;
    context.fillStyle = this.#palette.ground.bg;
    context.fillRect(0, 0, width, height);
  }

  #paintPlot(picture: MapPicture, camera: MapCamera, frame: MapFrame, look: MapLook): void {
    const { context } = this.#surface;
    context.save();
    context.beginPath();
    context.rect(0, 0, frame.plotWidth, frame.plotHeight);
    context.clip();
    this.#bitmap.paint(context, camera);
    if (!picture.calibrated) this.#paintHatch(frame);
    this.#paintPriceLines(camera, frame);
    this.#candles.paint(picture, picture.version, camera, look.style);
    this.#paintPriceTexts(camera, frame);
    context.restore();
  }

  #paintHatch(frame: MapFrame): void {
    this.#hatch ??= makeHatch(this.#surface, this.#palette);
    if (!this.#hatch) return;
    this.#surface.context.fillStyle = this.#hatch;
    this.#surface.context.fillRect(0, 0, frame.plotWidth, frame.plotHeight);
  }

  #paintPriceLines(camera: MapCamera, frame: MapFrame): void {
    const { context } = this.#surface;
    context.fillStyle = GRID_INK;
    for (const price of roundValues(...priceRange(camera, frame))) {
      context.fillRect(0, this.#surface.snap(camera.y(price)), frame.plotWidth, this.#surface.hairline(0.5));
    }
  }

  /** Each above its line, and above the candles: a scale that they cover says nothing. */
  #paintPriceTexts(camera: MapCamera, frame: MapFrame): void {
    const surface = this.#surface;
    const { context } = surface;
    const range = priceRange(camera, frame);
    const decimals = decimalsOfStep(roundStep(...range));
    context.font = FONTS.axis;
    context.textAlign = "left";
    for (const { price, y } of priceTexts(camera, frame)) {
      const text = fixed(price, decimals);
      context.fillStyle = TEXT_GROUND;
      context.beginPath();
      context.roundRect(PRICE_TEXT.left, y - 7.5, context.measureText(text).width + 8, 15, 4);
      context.fill();
      context.fillStyle = INK.secondary;
      context.fillText(text, PRICE_TEXT.left + 4, surface.baseline(FONTS.axis, y));
    }
  }

  #paintTimes(camera: MapCamera, frame: MapFrame): void {
    const surface = this.#surface;
    const { context } = surface;
    const { from, to } = camera.time;
    const offsetMin = -new Date(to * MINUTE_MS).getTimezoneOffset();
    const baseline = surface.baseline(FONTS.axis, frame.plotHeight + (frame.height - frame.plotHeight) / 2);
    context.font = FONTS.axis;
    context.textAlign = "center";
    for (const mark of timeMarks(from, to, frame.plotWidth / TIME_MARK_PX, offsetMin)) {
      const x = camera.x(mark.minute);
      if (x < 18 || x > frame.plotWidth) continue;
      context.fillStyle = mark.midnight ? INK.primary : INK.secondary;
      context.fillText(mark.midnight ? dayText(mark.minute) : timeText(mark.minute), x, baseline);
    }
  }
}

/** The room that a price of the scale takes at the left edge of the plot. */
export const PRICE_TEXT = { left: 4, right: 62, height: 16 } as const;
const ABOVE_LINE = 9;

/** Where the prices of the scale stand: the middles of their texts, each above its line. */
export function priceTexts(camera: MapCamera, frame: MapFrame): { price: number; y: number }[] {
  return roundValues(...priceRange(camera, frame))
    .map((price) => ({ price, y: camera.y(price) - ABOVE_LINE }))
    .filter(({ y }) => y >= PRICE_TEXT.height / 2);
}

/** Lowest and highest price of the plot, and how many marks it has room for. */
const priceRange = (camera: MapCamera, frame: MapFrame): [number, number, number] => [
  camera.priceAt(frame.plotHeight),
  camera.priceAt(0),
  frame.plotHeight / PRICE_MARK_PX,
];

/** Decimals that print every multiple of a round step. */
export const decimalsOfStep = (step: number): number => {
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  // A step of 2.5 needs one more than a step of 2.
  return Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6 ? decimals + 1 : decimals;
};
