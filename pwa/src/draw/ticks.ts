/** Round places on an axis. */

const ROUND = [1, 2, 2.5, 5, 10];
/** Minutes between marks of time. */
const TIME_STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2880] as const;
const DAY_MIN = 1440;
const MINUTE_MS = 60_000;

/** A round step of which at most `most` fit between two values. */
export function roundStep(from: number, to: number, most: number): number {
  const least = (to - from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  return (ROUND.find((step) => step * power >= least * (1 - 1e-9)) ?? 10) * power;
}

/** Round values between two, at most about `most`. */
export function roundValues(from: number, to: number, most: number): number[] {
  if (!(to > from)) return [];
  const step = roundStep(from, to, most);
  const values: number[] = [];
  for (let k = Math.ceil(from / step); k * step <= to; k++) values.push(k * step);
  return values;
}

export interface TimeMark {
  readonly minute: number;
  /** A mark at local midnight carries the day. */
  readonly midnight: boolean;
}

/** Marks at round local times; `offsetMin`: local time minus UTC. */
export function timeMarks(fromMin: number, toMin: number, most: number, offsetMin: number): TimeMark[] {
  const least = (toMin - fromMin) / Math.max(1, most);
  const step = TIME_STEPS_MIN.find((it) => it >= least) ?? (TIME_STEPS_MIN.at(-1) as number);
  const marks: TimeMark[] = [];
  for (let k = Math.ceil((fromMin + offsetMin) / step); k * step - offsetMin <= toMin; k++) {
    marks.push({ minute: k * step - offsetMin, midnight: (k * step) % DAY_MIN === 0 });
  }
  return marks;
}

const TWO = (value: number): string => String(value).padStart(2, "0");

/** Local time of day of a Unix minute. */
export function timeText(minute: number): string {
  const date = new Date(minute * MINUTE_MS);
  return `${TWO(date.getHours())}:${TWO(date.getMinutes())}`;
}

const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" });
const dayTexts = new Map<number, string>();

/** Local day of a midnight in Unix minutes: "Mon 23"; kept, as to write one costs a good part of a frame. */
export function dayText(minute: number): string {
  let text = dayTexts.get(minute);
  if (text === undefined) {
    text = DAY.format(new Date(minute * MINUTE_MS));
    dayTexts.set(minute, text);
  }
  return text;
}
