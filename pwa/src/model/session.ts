/**
 * What a trader knows of a market from before: where the densest clusters were when the day began, and how
 * long ago, at which price, it was looked at.
 */

import type { Cluster } from "./state.ts";

const KEY = "leadline.sessions";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Levels looked at so long ago, or so far from price, may be other ones now. */
export const LOOK_AGAIN_MS = HOUR_MS;
export const LOOK_AGAIN_PCT = 2;
/** Markets beyond these are forgotten, the longest unseen first. */
const KEPT = 30;

export interface Premark {
  readonly side: Cluster["side"];
  /** Ticks. */
  readonly peak: number;
}

/** Away for long enough, or price moved far enough, to look at the levels again. */
export interface LookAgain {
  readonly sinceMs: number;
  readonly movedPct: number;
}

interface Session {
  readonly day: number;
  readonly premarks: readonly Premark[];
  /** The tick step that the premarks are in. */
  readonly step: string;
  readonly seenMs: number;
  readonly price: number;
}

/** The densest cluster on each side. */
export function densest(clusters: readonly Cluster[]): Premark[] {
  return (["short", "long"] as const).flatMap((side) => {
    const own = clusters.filter((it) => it.side === side);
    if (own.length === 0) return [];
    const most = own.reduce((best, it) => (it.usd > best.usd ? it : best));
    return [{ side, peak: most.peak }];
  });
}

export class Sessions {
  readonly #storage: Storage;
  #held: Record<string, Session> = {};
  /** The market being looked at. */
  #looking = "";

  constructor(storage: Storage) {
    this.#storage = storage;
    try {
      this.#held = (JSON.parse(storage.getItem(KEY) ?? "null") as Record<string, Session> | null) ?? {};
    } catch {
      // An unreadable note is as good as none.
    }
  }

  /**
   * A market is looked at, live, at this price. Returns what to warn of when the look begins after a long
   * while, null when there is nothing to warn of, and undefined while the same look goes on.
   */
  look(symbol: string, price: number, wallMs: number): LookAgain | null | undefined {
    const held = this.#held[symbol];
    const begins = this.#looking !== symbol;
    this.#looking = symbol;
    this.#held[symbol] = {
      day: 0,
      premarks: [],
      step: "",
      ...held,
      seenMs: wallMs,
      price,
    };
    if (!begins) return undefined;
    if (!held?.price) return null;
    const sinceMs = wallMs - held.seenMs;
    const movedPct = (price / held.price - 1) * 100;
    const again = sinceMs >= LOOK_AGAIN_MS || Math.abs(movedPct) >= LOOK_AGAIN_PCT;
    return again ? { sinceMs, movedPct } : null;
  }

  /** Nobody looks any more. */
  away(): void {
    this.#looking = "";
  }

  /** The densest clusters of the day's beginning; those of now begin a day that has none. */
  premarks(symbol: string, step: string, clusters: readonly Cluster[], wallMs: number): readonly Premark[] {
    const day = Math.floor(wallMs / DAY_MS);
    const held = this.#held[symbol];
    if (held?.day === day && held.step === step) return held.premarks;
    if (clusters.length === 0) return [];
    const premarks = densest(clusters);
    this.#held[symbol] = { seenMs: wallMs, price: 0, ...held, day, step, premarks };
    return premarks;
  }

  keep(): void {
    const newest = Object.entries(this.#held)
      .sort(([, one], [, other]) => other.seenMs - one.seenMs)
      .slice(0, KEPT);
    try {
      this.#storage.setItem(KEY, JSON.stringify(Object.fromEntries(newest)));
    } catch {
      // A full or forbidden store costs a warning at the next start, nothing now.
    }
  }
}
