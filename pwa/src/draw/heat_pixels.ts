/** Colours of heat as canvas pixels, for one side or both, and by side in the split view. */

import { BAND_USD, css, heatIndex, mix, type Palette, parseHex, type Rgb } from "./palette.ts";

const CODES = 256;
const CODE_STEP = 1.06;
/** Heat below this melts into the ground, as everywhere else. */
const FADE_BELOW = 0.28;

/** Which liquidations the picture shows: both in one scale, one side alone, or both in their own hue. */
export type HeatMode = "both" | "split" | "short" | "long";

export const HEAT_MODES: readonly HeatMode[] = ["both", "split", "short", "long"];

export interface HeatPixels {
  /** A pixel (little-endian RGBA) for each band code. */
  readonly short: Uint32Array;
  readonly long: Uint32Array;
}

const pixelOf = ([red, green, blue]: Rgb): number => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;

const rgbOf = (colour: string): Rgb => (colour.match(/\d+/g) ?? []).map(Number) as unknown as Rgb;

const linear = (channel: number): number => {
  const part = channel / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
};
const gamma = (part: number): number =>
  Math.round(255 * (part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055));

const luminanceOf = (colour: Rgb): number =>
  0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);

/** A hue made as light as asked: darkened towards black or lightened towards white in linear light. */
export function withLuminance(hue: Rgb, luminance: number): Rgb {
  const own = luminanceOf(hue);
  const channel = (value: number): number =>
    luminance <= own
      ? (linear(value) * luminance) / own
      : linear(value) + ((1 - linear(value)) * (luminance - own)) / (1 - own);
  return [gamma(channel(hue[0])), gamma(channel(hue[1])), gamma(channel(hue[2]))];
}

/** 256 colours of one hue that are as light as the palette's heat of the same value. */
function hueRamp(palette: Palette, hue: string): Rgb[] {
  const ground = parseHex(palette.ground.bg);
  return palette.heat.map((colour, index) => {
    const v = index / (palette.heat.length - 1);
    const pure = withLuminance(parseHex(hue), luminanceOf(rgbOf(colour)));
    return mix(ground, pure, Math.min(1, v / FADE_BELOW));
  });
}

/** Pixels of every band code, with `topUsd` dollars a row at the top of the palette. */
export function heatPixels(palette: Palette, mode: HeatMode, topUsd: number): HeatPixels {
  const plain = palette.heat.map(rgbOf);
  const pixels = (colours: readonly Rgb[]): Uint32Array =>
    Uint32Array.from({ length: CODES }, (_, code) =>
      pixelOf(colours[heatIndex(BAND_USD[code] as number, topUsd)] as Rgb),
    );
  if (mode !== "split") {
    const same = pixels(plain);
    return { short: same, long: same };
  }
  return {
    short: pixels(hueRamp(palette, palette.side.buyFill)),
    long: pixels(hueRamp(palette, palette.side.sellFill)),
  };
}

/** CSS colours of a ramp from left to right, for the legend. */
export const rampColours = (palette: Palette, mode: HeatMode, side: "short" | "long"): readonly string[] =>
  mode === "split"
    ? hueRamp(palette, side === "short" ? palette.side.buyFill : palette.side.sellFill).map(css)
    : palette.heat;

/** What has to be added to the larger of two codes so that it stands for the dollars of both. */
const CODE_SUM = Uint8Array.from({ length: CODES }, (_, apart) =>
  Math.round(Math.log1p(CODE_STEP ** -apart) / Math.log(CODE_STEP)),
);

/** The code of two amounts together; off by at most a step of 6 % where both are tiny. */
export function sumCode(one: number, other: number): number {
  if (other === 0) return one;
  if (one === 0) return other;
  const larger = Math.max(one, other);
  return Math.min(CODES - 1, larger + (CODE_SUM[Math.abs(one - other)] as number));
}

/** How many cells hold each code, to tell how rare an amount is in the picture. */
export class CodeRanks {
  readonly #below = new Float64Array(CODES + 1);
  #total = 0;

  /** Counts cells that hold anything, of both sides together. */
  count(long: Uint8Array, short: Uint8Array): void {
    const cells = new Uint32Array(CODES);
    for (let i = 0; i < long.length; i++) {
      const code = sumCode(long[i] as number, short[i] as number);
      cells[code] = (cells[code] as number) + 1;
    }
    cells[0] = 0;
    for (let code = 0; code < CODES; code++) {
      this.#below[code + 1] = (this.#below[code] as number) + (cells[code] as number);
    }
    this.#total = this.#below[CODES] as number;
  }

  /** Percent of the lit cells that hold less than the code, 0..100; null while none is lit. */
  percentile(code: number): number | null {
    if (this.#total === 0) return null;
    const middle = ((this.#below[code] as number) + (this.#below[code + 1] as number)) / 2;
    return (100 * middle) / this.#total;
  }

  /** The same for an amount of dollars. */
  percentileOfUsd(usd: number): number | null {
    return this.percentile(codeOf(usd));
  }
}

/** The band code that stands for an amount of dollars. */
export const codeOf = (usd: number): number =>
  usd > 0 ? Math.min(CODES - 1, Math.round(Math.log1p(usd / 100) / Math.log(CODE_STEP))) : 0;
