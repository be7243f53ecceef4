/** What fired, as the server's inbox tells it. */

import type { Way } from "../push/notice.ts";

export interface InboxEntry {
  readonly id: number;
  readonly kind: string;
  readonly symbol: string | null;
  /** Unix ms. */
  readonly atMs: number;
  readonly title: string;
  readonly body: string;
  /** Where it leads, below the app's own address. */
  readonly url: string;
  readonly way: Way;
  readonly seen: boolean;
  /** The rule that fired; null for none. */
  readonly rule: number | null;
  /** The last price when it fired, and that of the row it is about; null for none. */
  readonly price: number | null;
  readonly target: number | null;
  /** The screen of its instant is kept. */
  readonly hasMoment: boolean;
}

export interface Inbox {
  /** The newest first. */
  readonly entries: readonly InboxEntry[];
  /** Since when the server watches, Unix ms. */
  readonly sinceMs: number;
  /** The server's clock when it answered. */
  readonly nowMs: number;
  /** The last prices of the alerts' markets, of those that are live. */
  readonly prices: Readonly<Record<string, number>>;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const amountOrNull = (value: unknown): number | null => (typeof value === "number" ? value : null);
export const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

/** The numbers of a record by name; what is none is left out. */
export function numbersOf(value: unknown): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, it] of Object.entries(isRecord(value) ? value : {}))
    if (typeof it === "number") found[name] = it;
  return found;
}

/** Reads the answer of /api/inbox; what is no alert is left out. */
export function readInbox(told: unknown): Inbox {
  const answer = isRecord(told) ? told : {};
  const listed = Array.isArray(answer.alerts) ? answer.alerts.filter(isRecord) : [];
  return {
    entries: listed
      .filter((it) => typeof it.id === "number" && typeof it.title === "string")
      .map((it) => ({
        id: numberOf(it.id),
        kind: textOf(it.kind),
        symbol: textOf(it.symbol) || null,
        atMs: numberOf(it.at),
        title: textOf(it.title),
        body: textOf(it.body),
        url: textOf(it.url),
        way: it.way === 1 || it.way === -1 ? it.way : 0,
        seen: typeof it.seen === "number",
        rule: amountOrNull(it.rule),
        price: amountOrNull(it.price),
        target: amountOrNull(it.target),
        hasMoment: it.moment === true,
      })),
    sinceMs: numberOf(answer.since),
    nowMs: numberOf(answer.now),
    prices: numbersOf(answer.prices),
  };
}

export const unseenIn = (inbox: Inbox): number => inbox.entries.filter((it) => !it.seen).length;

/** The same inbox with one alert seen. */
export const withSeen = (inbox: Inbox, id: number): Inbox => ({
  ...inbox,
  entries: inbox.entries.map((it) => (it.id === id ? { ...it, seen: true } : it)),
});
