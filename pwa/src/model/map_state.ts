/** What the map's elements show, and what the user chose for it. */

import { signal } from "@preact/signals";
import type { HeatMode } from "../draw/heat_pixels.ts";
import type { Opened } from "../net/wishes.ts";
import type { Freshness } from "./freshness.ts";

export type MapHours = 12 | 24 | 72 | 168;
export const MAP_HOURS: readonly MapHours[] = [12, 24, 72, 168];

export interface MapChoice {
  readonly hours: MapHours;
  readonly opened: Opened;
  readonly mode: HeatMode;
  readonly style: "candles" | "line";
}

export const MAP_LATE_MS = 60_000;
export const MAP_STALE_MS = 300_000;

/** A map is minutes wide: it is late and stale much later than a book. */
export function mapFreshness(ageMs: number, flaggedStale: boolean): Freshness {
  if (flaggedStale || ageMs > MAP_STALE_MS) return "stale";
  return ageMs > MAP_LATE_MS ? "late" : "fresh";
}

/** What the crosshair points at, in words. */
export interface MapCard {
  readonly side: "long" | "short";
  readonly price: string;
  readonly usd: string;
  readonly interval: string;
  readonly calibrated: boolean;
  readonly empty: boolean;
  /** Name and value of each further fact. */
  readonly facts: readonly (readonly [string, string])[];
  /** The corner away from the finger. */
  readonly corner: string;
}

/** What the lines around the picture say of it. */
export interface MapFacts {
  readonly rowBp: number;
  readonly calibrated: boolean;
  readonly simulated: boolean;
  readonly opened: Opened;
  /** For want of a mark price some venue is drawn by its trades. */
  readonly markEstimated: boolean;
  /** Of all dollars now, those that are shown, 0..1. */
  readonly part: number;
}

const KEY = "leadline.map";
export const MAP_DEFAULTS: MapChoice = { hours: 24, opened: "all", mode: "both", style: "candles" };
const MODES: readonly HeatMode[] = ["both", "split", "short", "long"];

/** Reads what was kept; anything unreadable falls back to the default. */
export function parseMapChoice(text: string | null): MapChoice {
  try {
    const read = JSON.parse(text ?? "null") as Partial<MapChoice> | null;
    return {
      hours: MAP_HOURS.find((it) => it === read?.hours) ?? MAP_DEFAULTS.hours,
      opened: read?.opened === "range" ? "range" : "all",
      mode: MODES.find((it) => it === read?.mode) ?? MAP_DEFAULTS.mode,
      style: read?.style === "line" ? "line" : "candles",
    };
  } catch {
    return MAP_DEFAULTS;
  }
}

export const mapState = {
  choice: signal<MapChoice>(MAP_DEFAULTS),
  facts: signal<MapFacts | null>(null),
  age: signal(""),
  freshness: signal<Freshness>("stale"),
  card: signal<MapCard | null>(null),
  /** The ladder has the map beside it. */
  beside: signal(false),
  /** The ladder tells what the map remembers of a row. */
  remembered: signal(false),
  /** False once the user has moved the picture: then there is a way back. */
  fitted: signal(true),
};

export function chooseMap(storage: Storage, change: Partial<MapChoice>): void {
  mapState.choice.value = { ...mapState.choice.value, ...change };
  try {
    storage.setItem(KEY, JSON.stringify(mapState.choice.value));
  } catch {
    // A full or forbidden store costs the choice at the next start, nothing now.
  }
}

export function restoreMapChoice(storage: Storage): void {
  mapState.choice.value = parseMapChoice(storage.getItem(KEY));
}
