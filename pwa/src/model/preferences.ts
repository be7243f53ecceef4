/** What the user chose, kept on the phone. Anything unreadable falls back to the default. */

import type { Layout } from "../draw/columns.ts";
import type { Appearance, HeatName } from "../draw/palette.ts";
import { FIRST_SCREEN, TABS, type Tab } from "./screens.ts";

/** How the watchlist is ordered. */
export const GLANCE_SORTS = ["closeness", "change", "name", "own"] as const;
export type GlanceSort = (typeof GLANCE_SORTS)[number];

/** From so many times the user's threshold a print is large, and a whale. */
export const LARGE_TIMES = 4;
export const WHALE_TIMES = 20;
export const LARGE_USD = [25_000, 100_000, 250_000, 1_000_000] as const;
/** The part of the Flow screen that the tape may have. */
export const SPLIT = { least: 0.2, most: 0.8 } as const;

/** More symbols than this the server does not tell at once. */
export const WATCHLIST_MAX = 30;
/** So many markets are watched until the user has chosen. */
const WATCHLIST_FIRST = 12;

export const COLOURS = ["default", "magma", "viridis", "cvd"] as const;
export type Colours = (typeof COLOURS)[number];

export interface Preferences {
  symbol: string | null;
  /** "all" or a venue's name. */
  venue: string;
  /** Ticks a row by symbol. */
  groups: Record<string, number>;
  /** The palette of heat; with the colour-blind one the sides have other hues as well. */
  colours: Colours;
  ground: "default" | "black";
  hand: "right" | "left";
  /** Where the ladder's prices stand. */
  layout: Layout;
  /** The ladder's bars: what is in a row, or the sum from price to there. */
  bars: "row" | "sum";
  /** The screen to start with: the one looked at last. */
  tab: Tab;
  /** Symbols in the user's own order; null until the user has chosen. */
  watchlist: readonly string[] | null;
  sort: GlanceSort;
  /** The part of the Flow screen that the tape has. */
  split: number;
  /** Fewer rows and frames, for a slow or dear connection. */
  saver: boolean;
  /** Amounts of the tape in dollars or coins. */
  units: "usd" | "coin";
  /** Prints from here on are worth a look of their own. */
  largeUsd: (typeof LARGE_USD)[number];
}

export const DEFAULTS: Readonly<Preferences> = {
  symbol: null,
  venue: "all",
  groups: {},
  colours: "default",
  ground: "default",
  hand: "right",
  layout: "middle",
  bars: "row",
  tab: FIRST_SCREEN,
  watchlist: null,
  sort: "closeness",
  split: 0.55,
  saver: false,
  units: "usd",
  largeUsd: 250_000,
};

const KEY = "leadline.preferences";

const HEATS: { readonly [C in Colours]: HeatName } = {
  default: "inferno",
  magma: "magma",
  viridis: "viridis",
  cvd: "cividis",
};

export const appearanceOf = ({ colours, ground }: Preferences): Appearance => ({
  heat: HEATS[colours],
  side: colours === "cvd" ? "cvd" : "default",
  ground,
});

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function groupsFrom(value: unknown): Record<string, number> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])),
  );
}

function oneOf<T>(options: readonly T[], value: unknown, otherwise: T): T {
  return options.find((it) => it === value) ?? otherwise;
}

function watchlistFrom(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return DEFAULTS.watchlist;
  return value.filter((it): it is string => typeof it === "string").slice(0, WATCHLIST_MAX);
}

function splitFrom(value: unknown): number {
  return typeof value === "number" && value >= SPLIT.least && value <= SPLIT.most ? value : DEFAULTS.split;
}

/** The symbols to watch: those chosen that the server still has, or its first ones. */
export function watchlistOf(preferences: Preferences, known: readonly string[]): readonly string[] {
  const chosen = preferences.watchlist?.filter((it) => known.includes(it));
  return chosen ?? known.slice(0, WATCHLIST_FIRST);
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
    colours: oneOf(COLOURS, read.colours, DEFAULTS.colours),
    ground: oneOf(["default", "black"], read.ground, DEFAULTS.ground),
    hand: oneOf(["right", "left"], read.hand, DEFAULTS.hand),
    layout: oneOf(["middle", "left"], read.layout, DEFAULTS.layout),
    bars: oneOf(["row", "sum"], read.bars, DEFAULTS.bars),
    tab: oneOf(TABS, read.tab, DEFAULTS.tab),
    watchlist: watchlistFrom(read.watchlist),
    sort: oneOf(GLANCE_SORTS, read.sort, DEFAULTS.sort),
    split: splitFrom(read.split),
    saver: read.saver === true,
    units: oneOf(["usd", "coin"], read.units, DEFAULTS.units),
    largeUsd: oneOf(LARGE_USD, read.largeUsd, DEFAULTS.largeUsd),
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
