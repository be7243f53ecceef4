/** The last picture, kept on the phone so that a start without a server shows something true: the past. */

import { type KeyframeContent, LadderModel, type LadderSide, type SymbolFacts } from "../net/frames.ts";
import { keep, readKept } from "./kept.ts";
import type { Market } from "./market.ts";
import type { StreamState } from "./state.ts";

const KEY = "leadline.snapshot";
const VERSION = 1;

interface Snapshot {
  readonly version: typeof VERSION;
  readonly savedMs: number;
  /** Age of the book when it was saved. */
  readonly ageMs: number;
  readonly facts: SymbolFacts;
  readonly venue: string;
  readonly group: number;
  readonly depth: number;
  readonly state: StreamState | null;
  readonly content: Omit<KeyframeContent, "bands"> & { readonly bands: readonly number[] };
}

function flatten(side: LadderSide): number[] {
  const flat: number[] = [];
  for (let level = 0; level < side.count; level++) {
    const row = side.rows[level] as number;
    const before = level > 0 ? (side.rows[level - 1] as number) : row;
    flat.push(Math.abs(row - before), side.lots[level] as number);
  }
  return flat;
}

function tradesOf(ladder: LadderModel): number[] {
  const { prints } = ladder;
  const flat: number[] = [];
  for (let back = Math.min(prints.count, 50) - 1; back >= 0; back--) {
    const at = prints.slot(back);
    const packed = (prints.lots[at] as number) * 2 + (prints.bought[at] as number);
    flat.push(prints.ticks[at] as number, packed, Math.max(0, ladder.tMs - (prints.atMs[at] as number)));
  }
  return flat;
}

/** Writes down what is in view; does nothing while nothing is. */
export function saveSnapshot(storage: Storage, market: Market, nowMs: number, wallMs: number): void {
  const { ladder, facts } = market;
  if (!ladder || !facts || ladder.bidTick === 0) return;
  const snapshot: Snapshot = {
    version: VERSION,
    savedMs: wallMs,
    ageMs: market.ageMs(nowMs),
    facts,
    venue: market.venue,
    group: ladder.group,
    depth: ladder.depth,
    state: market.state,
    content: {
      t: ladder.tMs,
      age: ladder.ageMs,
      flags: ladder.flags,
      bid: ladder.bidTick,
      ask: ladder.askTick,
      bids: flatten(ladder.bids),
      asks: flatten(ladder.asks),
      trades: tradesOf(ladder),
      first: ladder.firstBand,
      bands: ladder.hasBands ? Array.from(ladder.bands) : [],
    },
  };
  keep(storage, KEY, snapshot);
}

/** Puts the kept picture into an empty market; returns whether there was a readable one. */
export function restoreSnapshot(storage: Storage, market: Market, nowMs: number, wallMs: number): boolean {
  try {
    const read = readKept<Snapshot>(storage, KEY, VERSION);
    if (!read) return false;
    const ladder = new LadderModel(read.group, read.depth);
    const key = { ...read.content, bands: Uint8Array.from(read.content.bands) };
    ladder.apply({ type: "keyframe", stream: 0, epoch: 0, seq: 0, key });
    market.show(read.facts, read.venue, ladder, read.state);
    market.restored(read.ageMs + Math.max(0, wallMs - read.savedMs), nowMs);
    return true;
  } catch {
    market.clear();
    return false;
  }
}
