/** What became of the place an alert was about, as the server follows it. */

import { duration, fixed, MINUS, signed, usd } from "../format.ts";
import { strings } from "../strings.ts";
import { fromServer } from "./client.ts";
import { isRecord, textOf } from "./inbox.ts";

export interface Since {
  /** The last price when it fired, and that of now; null while unknown or not live. */
  readonly before: number | null;
  readonly now: number | null;
  /** Null for an alert that is not followed any more. */
  readonly after: After | null;
}

interface After {
  /** "ahead", "touched" or "through"; empty for an alert about no cluster. */
  readonly reached: string;
  /** What its cluster went through last; empty for nothing. */
  readonly state: string;
  readonly forcedUsd: number;
  /** Change of open interest as a share; null while unknown. */
  readonly interest: number | null;
  /** How long the server was down since: what was forced then is not counted. */
  readonly unwatchedMs: number;
}

/** One number with its name; way: which way it went, 0 for none. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly way: -1 | 0 | 1;
}

const NONE = "–";
/** States that say more than how far price has come. */
const FATES = ["confirmed", "exhausted", "held"];

const amountOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

export function readSince(told: unknown): Since {
  const answer = isRecord(told) ? told : {};
  const after = isRecord(answer.after) ? answer.after : null;
  return {
    before: amountOf(answer.before),
    now: answer.live === true ? amountOf(answer.price) : null,
    after: after && {
      reached: textOf(after.reached),
      state: textOf(after.state),
      forcedUsd: amountOf(after.forced_usd) ?? 0,
      interest: amountOf(after.oi),
      unwatchedMs: amountOf(after.unwatched_ms) ?? 0,
    },
  };
}

/** Asks what has become of an alert; null when the server is out. */
export async function loadSince(id: number): Promise<Since | null> {
  try {
    return readSince(await fromServer(`inbox/${id}/since`));
  } catch {
    return null;
  }
}

/** How far a price lies from an earlier one: "+0.05 %", with its way. */
export function change(before: number | null, now: number | null): Omit<Fact, "name"> {
  if (before === null || now === null || before <= 0) return { value: NONE, way: 0 };
  return shareOf(now / before - 1);
}

function shareOf(share: number): Omit<Fact, "name"> {
  const value = signed(share * 100, 2);
  const way = /[1-9]/.test(value) ? (value.startsWith(MINUS) ? -1 : 1) : 0;
  return { value: strings.percent(value), way };
}

/** The four facts under a book of the past; target: the price of the row it is about. */
export function factsOf(since: Since | null, target: number | null): readonly Fact[] {
  const { names } = strings.since;
  const after = since?.after ?? null;
  const interest = after?.interest ?? null;
  return [
    { name: names.price, ...change(since?.before ?? null, since?.now ?? null) },
    placeOf(since, target),
    { name: names.forced, value: after ? usd(after.forcedUsd) : NONE, way: 0 },
    { name: names.interest, ...(interest === null ? { value: NONE, way: 0 as const } : shareOf(interest)) },
  ];
}

/** Says what the facts leave out; empty for nothing. */
export function gapOf(since: Since | null): string {
  const gapMs = since?.after?.unwatchedMs ?? 0;
  return gapMs > 0 ? strings.since.unwatched(duration(gapMs)) : "";
}

function placeOf(since: Since | null, target: number | null): Fact {
  const { names, fates } = strings.since;
  const { state, reached } = since?.after ?? { state: "", reached: "" };
  const fate = FATES.includes(state) ? state : reached === "ahead" ? "" : reached;
  if (fate) return { name: names.cluster, value: fates[fate] ?? fate, way: 0 };
  const now = since?.now ?? null;
  const away = target === null || now === null ? null : Math.abs(target / now - 1) * 100;
  return {
    name: reached ? names.edge : names.row,
    value: away === null ? NONE : strings.percent(fixed(away, 2)),
    way: 0,
  };
}
