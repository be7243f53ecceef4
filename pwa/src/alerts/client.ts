/** Inbox and rules as this phone holds them. */

import { computed, signal } from "@preact/signals";
import { askServer, Refusal } from "../net/ask.ts";
import { type InboxEntry, readInbox, unseenIn, withSeen } from "./inbox.ts";
import { forgetInbox, type Held, keepInbox, keptInbox } from "./kept.ts";
import type { Rules } from "./rules.ts";

/** The inbox as it came last, at a start the one that was kept. */
export const held = signal<Held | null>(keptInbox(localStorage, performance.now(), Date.now()));
/** Why there is no newer inbox, in the server's words; empty while there is. "out": it was not reached. */
export const trouble = signal<{ readonly text: string } | "out" | null>(null);
export const rules = signal<Rules | null>(null);
export const unseen = computed(() => (held.value ? unseenIn(held.value.inbox) : 0));

export const fromServer = (path: string, body?: object): Promise<unknown> =>
  askServer(fetch.bind(window), `/api/${path}`, body);

/** Asks what has fired; what is held stays when the server is out. */
export async function loadInbox(): Promise<void> {
  try {
    const inbox = readInbox(await fromServer("inbox"));
    hold({ inbox, atMs: performance.now() });
    trouble.value = null;
  } catch (error) {
    trouble.value = error instanceof Refusal ? { text: error.message } : "out";
    if (!(error instanceof Refusal)) return;
    // What another server told at this address is no inbox of this one.
    held.value = null;
    forgetInbox(localStorage);
  }
}

function hold(now: Held): void {
  held.value = now;
  keepInbox(localStorage, now, performance.now(), Date.now());
  showCount();
}

/** Notes that an alert was opened, here at once; a server that is out does not hear of it, and tells it unseen again. */
export async function see(id: number): Promise<void> {
  if (held.value) hold({ ...held.value, inbox: withSeen(held.value.inbox, id) });
  await fromServer("inbox/seen", { id }).catch(() => {});
}

/** Notes that the alert of a notification was opened and returns it; null when it is too old for the inbox. */
export async function seeOpened(id: number): Promise<InboxEntry | null> {
  await loadInbox();
  const entry = held.value?.inbox.entries.find((it) => it.id === id) ?? null;
  if (entry && !entry.seen) void see(id);
  return entry;
}

/** The count on the app's icon is that of the inbox. */
function showCount(): void {
  const badge = navigator as { setAppBadge?: (count: number) => Promise<void> };
  if (held.value) void badge.setAppBadge?.(unseen.value).catch(() => {});
}

/** The server's clock now, as far as its last answer tells; Unix ms. */
export const serverNowMs = ({ inbox, atMs }: Held): number => inbox.nowMs + (performance.now() - atMs);
