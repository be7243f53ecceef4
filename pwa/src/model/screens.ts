/** The screens, the addresses they have, and the streams each of them needs. */

import type { FollowedWish } from "../net/streams.ts";
import type { Opened } from "../net/wishes.ts";

/** In the order of the thumb bar. */
export const TABS = ["glance", "ladder", "map", "flow", "alerts"] as const;
export type Tab = (typeof TABS)[number];
/** One tap away from the tabs. */
const FURTHER = ["settings", "install", "health", "big"] as const;
export type Screen = Tab | (typeof FURTHER)[number];

const SCREENS: readonly Screen[] = [...TABS, ...FURTHER];
const isTab = (screen: Screen): screen is Tab => (TABS as readonly Screen[]).includes(screen);
export const FIRST_SCREEN: Tab = "ladder";

/** The address of a screen within the page; a plain link goes there, and back leads back. */
export const hrefOf = (screen: Screen): string => `#${screen}`;

/** The screen of an address, null when it names none. */
export const screenOf = (hash: string): Screen | null => SCREENS.find((it) => hrefOf(it) === hash) ?? null;

/** The tab that a screen belongs to, to start with the next time; null for those beside the tabs. */
export const tabOf = (screen: Screen): Tab | null => (isTab(screen) ? screen : null);

/** What the user looks at. */
export interface Looked {
  readonly symbol: string;
  /** "all" or a venue's name. */
  readonly venue: string;
  /** Ticks a row of the ladder, rows a side, frames a second. */
  readonly group: number;
  readonly depth: number;
  readonly hz: number;
  readonly watchlist: readonly string[];
  /** Hours of the map, and of what lies on its time axis. */
  readonly hours: number;
  /** Which positions the map screen shows; what the ladder remembers is of all. */
  readonly opened: Opened;
  /** The map is in view beside the ladder, or the ladder needs what it remembers. */
  readonly mapToo: boolean;
  /** The live book is in view beside that of an opened alert. */
  readonly alertToo: boolean;
}

/** The streams of a screen; those of the screen before are left. */
export function wishesOf(screen: Screen, looked: Looked): readonly FollowedWish[] {
  const { symbol, venue, group, depth, hz, hours, opened } = looked;
  const ladder: FollowedWish = { kind: "ladder", symbol, venue, group, depth, hz };
  const map: FollowedWish = { kind: "map", symbol, venue, hours, opened: screen === "map" ? opened : "all" };
  /** The price in the head of a screen without a ladder. */
  const quote: FollowedWish = { kind: "glance", symbols: [symbol] };
  const marks: FollowedWish = { kind: "marks" };
  switch (screen) {
    case "glance":
      return [{ kind: "glance", symbols: looked.watchlist }];
    case "ladder":
      return looked.mapToo ? [ladder, quote, marks, map] : [ladder, quote, marks];
    case "map":
      return [map, quote, marks];
    case "flow":
      return [quote, { kind: "tape", symbol, venue }, { kind: "pulse", symbol, hours }];
    case "big":
      return [quote];
    case "health":
      // How the venues are is told with a ladder; its rows are not looked at.
      return [{ ...ladder, hz: 1 }];
    case "alerts":
      return looked.alertToo ? [ladder, quote] : [];
    default:
      return [];
  }
}
