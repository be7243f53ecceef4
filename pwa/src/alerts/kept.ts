/** The newest alerts, kept on the phone: what has fired can be read again where the server is out of reach. */

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
  try {
    storage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A full or forbidden store costs the list at a start without a server, nothing now.
  }
}

/** Reads what was kept, as old as it is by now; null when there is none that can be read. */
export function keptInbox(storage: Storage, nowMs: number, wallMs: number): Held | null {
  try {
    const read = JSON.parse(storage.getItem(KEY) ?? "null") as Kept | null;
    if (read?.version !== VERSION || !Array.isArray(read.inbox.entries)) return null;
    return { inbox: read.inbox, atMs: nowMs - Math.max(0, wallMs - read.cameMs) };
  } catch {
    return null;
  }
}

export const forgetInbox = (storage: Storage): void => storage.removeItem(KEY);
