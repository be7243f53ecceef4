/** The newest alerts, kept on the phone: what has fired can be read again where the server is out of reach. */

import { keep, readKept } from "../model/kept.ts";
import type { Inbox } from "./inbox.ts";

const KEY = "leadline.inbox";
const VERSION = 1;
const ENTRIES = 50;

export interface Held {
  readonly inbox: Inbox;
  /** When it came, on the clock of `performance.now()`; below 0 where that was before the page began. */
  readonly atMs: number;
}

interface Kept {
  readonly version: typeof VERSION;
  readonly cameMs: number;
  readonly inbox: Inbox;
}

/** Writes down an inbox. Prices of now are of no use later. */
export function keepInbox(storage: Storage, { inbox, atMs }: Held, nowMs: number, wallMs: number): void {
  const entries = inbox.entries.slice(0, ENTRIES);
  const kept: Kept = {
    version: VERSION,
    cameMs: wallMs - (nowMs - atMs),
    inbox: { ...inbox, entries, prices: {} },
  };
  keep(storage, KEY, kept);
}

/** Reads what was kept, as old as it is by now; null when there is none that can be read. */
export function keptInbox(storage: Storage, nowMs: number, wallMs: number): Held | null {
  const read = readKept<Kept>(storage, KEY, VERSION);
  if (!Array.isArray(read?.inbox?.entries)) return null;
  return { inbox: read.inbox, atMs: nowMs - Math.max(0, wallMs - read.cameMs) };
}

export const forgetInbox = (storage: Storage): void => storage.removeItem(KEY);
