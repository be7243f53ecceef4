/** What the page's elements show. The book itself is not here: it is drawn, not rendered. */

import { signal } from "@preact/signals";
import type { InstallPrompt } from "../install.ts";
import type { ConnectionState } from "../net/connection.ts";
import type { Hello, SymbolFacts } from "../net/frames.ts";
import type { Freshness } from "./freshness.ts";
import { DEFAULTS, type Preferences } from "./preferences.ts";
import type { Quotes } from "./quotes.ts";
import { FIRST_SCREEN, type Screen } from "./screens.ts";
import type { LookAgain } from "./session.ts";
import type { StreamState, TickRange } from "./state.ts";

export const store = {
  screen: signal<Screen>(FIRST_SCREEN),
  connection: signal<ConnectionState>("waiting"),
  hello: signal<Hello | null>(null),
  /** The time a replay has come to, whole seconds in Unix ms; 0 where none is told. */
  recordedMs: signal(0),
  preferences: signal<Preferences>({ ...DEFAULTS }),
  /** The symbol in view or asked for. */
  facts: signal<SymbolFacts | null>(null),
  venue: signal("all"),
  /** Ticks a row of the ladder in view. */
  group: signal(1),
  state: signal<StreamState | null>(null),
  hasLadder: signal(false),
  /** Change over a day in percent. */
  day: signal<number | null>(null),
  /** What the watchlist told of each symbol. */
  quotes: signal<Quotes>(new Map()),
  /** Counts seconds: what ages is shown anew with it. */
  second: signal(0),
  /** Printed last price; empty while none is known. */
  last: signal(""),
  /** Row of the last price, 0 while none is known: what is worded by rows need not change more often. */
  lastRow: signal(0),
  age: signal(""),
  freshness: signal<Freshness>("stale"),
  flags: signal(0),
  /** What the picture shows, in ticks. */
  range: signal<TickRange>({ lo: 0, hi: 0 }),
  unit: signal("M"),
  barUsd: signal(0),
  following: signal(true),
  /** Where price is when it is not in the picture. */
  priceAt: signal<"above" | "inside" | "below">("inside"),
  /** What to warn of since the market was looked at the last time. */
  lookAgain: signal<LookAgain | null>(null),
  /** Hints that the user has closed. */
  hintsSeen: signal<ReadonlySet<string>>(new Set()),
  /** The price that was tapped, and how far from it a mark counts as there; ticks. */
  tapped: signal({ tick: 0, within: 0 }),
  notice: signal(""),
  sheet: signal<"none" | "symbols" | "settings" | "watchlist" | "price" | "facts" | "rule">("none"),
  updateReady: signal(false),
  /** The browser's offer to install the app, while there is one. */
  installPrompt: signal<InstallPrompt | null>(null),
};

export type Store = typeof store;
