/** Numbers as text: fixed decimals, grouped thousands, U+2212 for minus, magnitudes that do not flicker. */

export const MINUS = "\u2212";

/** A price or size step as the wire sends it: numerator / 10^decimals. */
export type Step = readonly [numerator: number, decimals: number];

export const stepValue = (step: Step): number => step[0] / 10 ** step[1];

/** Decimals that print every multiple of `multiple` steps exactly. */
export function decimalsOf(step: Step, multiple = 1): number {
  let units = step[0] * multiple;
  let decimals = step[1];
  while (decimals > 0 && units % 10 === 0) {
    units /= 10;
    decimals -= 1;
  }
  return decimals;
}

/** Prints a number with fixed decimals, thousands in groups of three. */
export function fixed(value: number, decimals: number): string {
  const plain = Math.abs(value).toFixed(decimals);
  const point = decimals > 0 ? plain.length - decimals - 1 : plain.length;
  let grouped = plain.slice(point);
  for (let end = point; end > 0; end -= 3) {
    grouped = plain.slice(Math.max(0, end - 3), end) + (end < point ? "," : "") + grouped;
  }
  return value < 0 && /[1-9]/.test(plain) ? MINUS + grouped : grouped;
}

/** Prints a price given in ticks. */
export const price = (ticks: number, step: Step, decimals = decimalsOf(step)): string =>
  fixed(ticks * stepValue(step), decimals);

/** Splits a printed price into the part that is read first and its smaller decimals. */
export function splitDecimals(text: string): [whole: string, decimals: string] {
  const point = text.indexOf(".");
  return point < 0 ? [text, ""] : [text.slice(0, point), text.slice(point)];
}

export function signed(value: number, decimals: number): string {
  const text = fixed(value, decimals);
  return text.startsWith(MINUS) ? text : `+${text}`;
}

interface Magnitude {
  readonly unit: string;
  readonly factor: number;
}

const MAGNITUDES: readonly Magnitude[] = [
  { unit: "B", factor: 1e9 },
  { unit: "M", factor: 1e6 },
  { unit: "k", factor: 1e3 },
  { unit: "", factor: 1 },
];
const UNITS = MAGNITUDES[3] as Magnitude;

function magnitudeOf(usd: number): Magnitude {
  const size = Math.abs(usd);
  return MAGNITUDES.find(({ factor }) => size >= factor) ?? UNITS;
}

function scaled(usd: number, magnitude: Magnitude): string {
  const value = usd / magnitude.factor;
  const decimals = magnitude.factor > 1 && Math.abs(value) < 9.95 ? 1 : 0;
  return fixed(value, decimals);
}

/** Prints dollars on their own: "42 M", "6.4 M", "850 k". */
export function usd(amount: number): string {
  const magnitude = magnitudeOf(amount);
  return magnitude.unit ? `${scaled(amount, magnitude)} ${magnitude.unit}` : scaled(amount, magnitude);
}

/** Prints round dollars without a zero behind the point: "8 M", "1.5 M". */
export const usdRound = (amount: number): string => usd(amount).replace(".0", "");

/** Prints an interval in the unit of its estimate, so that "42 M" is followed by "24–71". */
export function usdInterval(low: number, high: number, estimate: number): string {
  const magnitude = magnitudeOf(estimate);
  return `${scaled(low, magnitude)}–${scaled(high, magnitude)}`;
}

/** One column's unit: every number of the column is printed with it. */
export interface ColumnUnit {
  readonly name: "M" | "K";
  readonly factor: number;
  readonly decimals: number;
  /** The typical (median) amount from which this unit reads better than the next smaller one. */
  readonly fromUsd: number;
}

export const COLUMN_UNITS: readonly [ColumnUnit, ColumnUnit, ColumnUnit] = [
  { name: "M", factor: 1e6, decimals: 1, fromUsd: 200_000 },
  { name: "K", factor: 1e3, decimals: 0, fromUsd: 2_000 },
  { name: "K", factor: 1e3, decimals: 1, fromUsd: 0 },
];
const UNIT_HYSTERESIS = 0.1;

/** Picks the unit of a column; the one in use stays until the amount is 10 % past its border. */
export function columnUnit(typicalUsd: number, inUse: ColumnUnit | null): ColumnUnit {
  const fits = (unit: ColumnUnit, margin: number) => typicalUsd >= unit.fromUsd * margin;
  const index = inUse ? COLUMN_UNITS.indexOf(inUse) : -1;
  for (const [rank, unit] of COLUMN_UNITS.entries()) {
    const margin = index < 0 ? 1 : rank < index ? 1 + UNIT_HYSTERESIS : 1 - UNIT_HYSTERESIS;
    if (fits(unit, margin)) return unit;
  }
  return COLUMN_UNITS[2];
}

/** Prints how long ago something was: "0.1 s", "48 s", "12 min", "3 h", "2 d". */
export function duration(ms: number): string {
  if (ms < 9_950) return `${Math.max(0, ms / 1000).toFixed(1)} s`;
  if (ms < 119_500) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
