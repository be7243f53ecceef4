/** Everything that is drawn of the one symbol in view; typed arrays and plain numbers, no signals. */

import {
  FLAG_CROSSED,
  FLAG_FRESHNESS,
  FRESHNESS_LIVE,
  type LadderModel,
  type SymbolFacts,
} from "../net/frames.ts";
import { type Freshness, freshnessOf } from "./freshness.ts";
import { Pressure } from "./pressure.ts";
import type { StreamState } from "./state.ts";
import { VolumeProfile } from "./volume.ts";
import { Walls } from "./walls.ts";

/** Crossings come and go; the word for them stays so long, so that it can be read. */
const CROSSED_SHOWN_MS = 2_000;

export interface LastTrade {
  readonly tick: number;
  readonly bought: boolean;
}

export class Market {
  facts: SymbolFacts | null = null;
  venue = "all";
  ladder: LadderModel | null = null;
  state: StreamState | null = null;
  last: LastTrade | null = null;
  /** When the last trade came, on the clock of `performance.now()`. */
  lastAtMs = Number.NEGATIVE_INFINITY;
  readonly volume = new VolumeProfile();
  readonly pressure = new Pressure();
  readonly walls = new Walls();
  /** When venues were last seen to cross each other, on the same clock. */
  #crossedMs = Number.NEGATIVE_INFINITY;
  /** When the frame in view came, on the clock of `performance.now()`. */
  #receivedMs = 0;
  /** Server time up to which trades have been counted. */
  #countedMs = Number.NEGATIVE_INFINITY;

  /** Shows another ladder; what belongs to another symbol or venue is forgotten. */
  show(facts: SymbolFacts, venue: string, ladder: LadderModel, state: StreamState | null): void {
    if (facts.symbol !== this.facts?.symbol || venue !== this.venue) this.clear();
    this.facts = facts;
    this.venue = venue;
    this.ladder = ladder;
    this.state = state ?? this.state;
    this.volume.regroup(ladder.group);
  }

  clear(): void {
    this.ladder = null;
    this.state = null;
    this.last = null;
    this.lastAtMs = Number.NEGATIVE_INFINITY;
    this.#crossedMs = Number.NEGATIVE_INFINITY;
    this.#countedMs = Number.NEGATIVE_INFINITY;
    this.volume.clear();
    this.pressure.clear();
    this.walls.clear();
  }

  /** The ladder has taken a frame: counts its new trades. */
  took(nowMs: number): void {
    const ladder = this.ladder;
    if (!ladder) return;
    this.#receivedMs = nowMs;
    if ((ladder.flags & FLAG_CROSSED) !== 0) this.#crossedMs = nowMs;
    const { prints } = ladder;
    // A keyframe repeats trades that earlier frames brought; a delta's are all new.
    const candidates = ladder.freshPrints > 0 ? ladder.freshPrints : this.#newInKeyframe(ladder);
    for (let back = candidates - 1; back >= 0; back--) {
      const at = prints.slot(back);
      const tick = prints.ticks[at] as number;
      const lots = prints.lots[at] as number;
      const bought = prints.bought[at] === 1;
      const atMs = prints.atMs[at] as number;
      this.volume.add(tick, lots, bought, atMs);
      this.pressure.add(lots, bought, atMs);
      this.last = { tick, bought };
      this.lastAtMs = nowMs - (ladder.tMs - atMs);
    }
    this.#countedMs = ladder.tMs;
    this.volume.expire(ladder.tMs);
    if (this.facts) this.walls.observe(ladder, this.facts, this.state, nowMs);
  }

  /** Counts as received in the past: a picture kept from another day is as old as it is. */
  restored(ageMs: number, nowMs: number): void {
    this.took(nowMs);
    this.#receivedMs = nowMs + (this.ladder?.ageMs ?? 0) - ageMs;
  }

  /** How old the book in view is, by its own account and by the time since it came. */
  ageMs(nowMs: number): number {
    return this.ladder ? this.ladder.ageMs + Math.max(0, nowMs - this.#receivedMs) : 0;
  }

  freshness(nowMs: number): Freshness {
    const live = ((this.ladder?.flags ?? 0) & FLAG_FRESHNESS) === FRESHNESS_LIVE;
    return freshnessOf(this.ageMs(nowMs), !live);
  }

  /** Venues cross each other now, or did a moment ago: then the touch is made up and has no spread. */
  crossed(nowMs: number): boolean {
    return nowMs - this.#crossedMs < CROSSED_SHOWN_MS;
  }

  sigma(): number | null {
    return this.ladder ? this.pressure.sigma(this.ladder.tMs) : null;
  }

  /** The last trade, or the best price while nothing has traded; 0 when nothing is known. */
  priceTick(): number {
    return this.last?.tick ?? (this.ladder?.bidTick || this.ladder?.askTick || 0);
  }

  #newInKeyframe(ladder: LadderModel): number {
    const { prints } = ladder;
    let fresh = 0;
    while (fresh < prints.count && (prints.atMs[prints.slot(fresh)] as number) > this.#countedMs) fresh += 1;
    return fresh;
  }
}
