/** What the user chose, kept on the phone. Anything unreadable falls back to the default. */

import type { HeatName, SideName } from "../draw/palette.ts";

export interface Preferences {
  symbol: string | null;
  /** "all" or a venue's name. */
  venue: string;
  /** Ticks a row by symbol. */
  groups: Record<string, number>;
  colours: "default" | "cvd";
  ground: "default" | "black";
  hand: "right" | "left";
}

export const DEFAULTS: Readonly<Preferences> = {
  symbol: null,
  venue: "all",
  groups: {},
  colours: "default",
  ground: "default",
  hand: "right",
};

const KEY = "leadline.preferences";

export const heatName = (preferences: Preferences): HeatName =>
  preferences.colours === "cvd" ? "cividis" : "inferno";

export const sideName = (preferences: Preferences): SideName => preferences.colours;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function groupsFrom(value: unknown): Record<string, number> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])),
  );
}

export function parsePreferences(text: string | null): Preferences {
  let read: unknown = null;
  try {
    read = JSON.parse(text ?? "null");
  } catch {
    // An unreadable note is as good as none.
  }
  if (!isRecord(read)) return { ...DEFAULTS, groups: {} };
  return {
    symbol: typeof read.symbol === "string" ? read.symbol : DEFAULTS.symbol,
    venue: typeof read.venue === "string" ? read.venue : DEFAULTS.venue,
    groups: groupsFrom(read.groups),
    colours: read.colours === "cvd" ? "cvd" : "default",
    ground: read.ground === "black" ? "black" : "default",
    hand: read.hand === "left" ? "left" : "right",
  };
}

export const loadPreferences = (storage: Storage): Preferences => parsePreferences(storage.getItem(KEY));

export function savePreferences(storage: Storage, preferences: Preferences): void {
  try {
    storage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // A full or forbidden store costs the choice at the next start, nothing now.
  }
}
