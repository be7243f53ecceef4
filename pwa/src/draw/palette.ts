/** Colour of heat: a table of 256 entries from the palette's stops, melted into the ground. */

import palettes from "../../../shared/palettes.json" with { type: "json" };

export type HeatName = keyof typeof palettes.heat;
export type SideName = keyof typeof palettes.side;
export type GroundName = keyof typeof palettes.ground;
export type Rgb = readonly [red: number, green: number, blue: number];

/** Below this value heat fades into the ground, so that an empty cell is the ground itself. */
const FADE_BELOW = 0.28;
/**
 * The ramp is a power above 1: on recorded markets the middle cell of a map holds four to five tenths of
 * the palette's top, and half of the cells would be in its brightest third on a logarithmic one.
 */
const RAMP_POWER = 1.5;
const ENTRIES = 256;

export interface Palette {
  readonly heat: readonly string[];
  /** Ink that reads best on the heat of the same index. */
  readonly ink: readonly string[];
  readonly side: (typeof palettes.side)["default"];
  readonly ground: (typeof palettes.ground)["default"];
}

export const INK = palettes.ink;

export function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

export const withAlpha = (hex: string, alpha: number): string => {
  const [red, green, blue] = parseHex(hex);
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
};

export const mix = (from: Rgb, to: Rgb, part: number): Rgb => [
  Math.round(from[0] + (to[0] - from[0]) * part),
  Math.round(from[1] + (to[1] - from[1]) * part),
  Math.round(from[2] + (to[2] - from[2]) * part),
];

/** Relative luminance of WCAG 2. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast ratio of WCAG 2, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Colour of heat `v` in 0..1 over the ground. */
export function heatColour(stops: readonly string[], ground: Rgb, v: number): Rgb {
  const place = Math.min(1, Math.max(0, v)) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const pure = mix(parseHex(stops[below] as string), parseHex(stops[below + 1] as string), place - below);
  return mix(ground, pure, Math.min(1, v / FADE_BELOW));
}

/** The names of the colours that the user chose. */
export interface Appearance {
  readonly heat: HeatName;
  readonly side: SideName;
  readonly ground: GroundName;
}

/** What is seen before the user's choice is known. */
export const PLAIN: Appearance = { heat: "inferno", side: "default", ground: "default" };

const made = new Map<string, Palette>();

/** The colours of these names: the same object each time. */
export function paletteOf(appearance: Appearance): Palette {
  const key = Object.values(appearance).join();
  const held = made.get(key) ?? makePalette(appearance);
  made.set(key, held);
  return held;
}

function makePalette({ heat, side, ground }: Appearance): Palette {
  const bg = parseHex(palettes.ground[ground].bg);
  const light = parseHex(INK.onHeat);
  const dark = parseHex(INK.onLight);
  const colours = Array.from({ length: ENTRIES }, (_, index) =>
    heatColour(palettes.heat[heat], bg, index / (ENTRIES - 1)),
  );
  return {
    heat: colours.map(css),
    ink: colours.map((colour) =>
      contrast(colour, light) >= contrast(colour, dark) ? INK.onHeat : INK.onLight,
    ),
    side: palettes.side[side],
    ground: palettes.ground[ground],
  };
}

/** Dollars of each band code of the wire: 100 * (1.06^c - 1). */
export const BAND_USD = Float64Array.from({ length: 256 }, (_, code) => 100 * (1.06 ** code - 1));

/** Heat in 0..1 of dollars a row: 1 at the palette's top. */
export function heatOf(usd: number, topUsd: number): number {
  if (!(usd > 0) || !(topUsd > 0)) return 0;
  return Math.min(1, (usd / topUsd) ** RAMP_POWER);
}

/** Dollars a row that heat `v` in 0..1 stands for: the inverse of `heatOf`. */
export const usdOfHeat = (v: number, topUsd: number): number => topUsd * v ** (1 / RAMP_POWER);

/** Table index of heat; an empty cell is exactly 0. */
export const heatIndex = (usd: number, topUsd: number): number =>
  Math.round(heatOf(usd, topUsd) * (ENTRIES - 1));
