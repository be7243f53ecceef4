/** What the user changes of the rules: asked of the server, and shown once it has agreed. */

import { signal } from "@preact/signals";
import { Refusal } from "../net/ask.ts";
import { strings } from "../strings.ts";
import { fromServer, rules } from "./client.ts";
import { isRecord, numberOf } from "./inbox.ts";
import { type Quiet, type Rule, readRules, toldOf } from "./rules.ts";

/** Why the last change was not made, in the server's words; empty when it was. */
export const problem = signal("");

/** What a rule would have fired: how often, since when (Unix ms); or why it cannot be told.
 * unknownMs: how long of the time since then nothing is known of. */
export type Preview =
  | { readonly count: number; readonly sinceMs: number; readonly nowMs: number; readonly unknownMs: number }
  | { readonly problem: string };

/** Asks for the rules; those held stay when the server is out. */
export async function loadRules(): Promise<void> {
  try {
    rules.value = readRules(await fromServer("rules"));
  } catch {
    // The inbox beside it tells what is wrong.
  }
}

export const putRule = (rule: Rule): Promise<boolean> => change("rules", toldOf(rule));
/** Adds what is missing of a set of rules, for one market or all. */
export const putSet = (set: string, symbol: string | null): Promise<boolean> =>
  change("rules/set", { set, symbol });
export const removeRule = (id: number): Promise<boolean> => change("rules/remove", { id });
/** Lets a rule, or all of them, sleep; 0 minutes wake. */
export const snooze = (id: number | null, minutes: number): Promise<boolean> =>
  change("rules/snooze", { id, minutes });
/** Lets a market's alerts ring nothing; 0 minutes end it. */
export const mute = (symbol: string, minutes: number): Promise<boolean> =>
  change("mute", { symbol, minutes });
/** Does what an alert offers, for the usual time where none is told. */
export const act = (id: number, action: "snooze" | "mute" | "mark", minutes?: number): Promise<boolean> =>
  change("inbox/act", { id, action, ...(minutes !== undefined && { minutes }) });
export const setQuiet = (quiet: Quiet | null): Promise<boolean> => change("quiet", { quiet });

/** Tells whether the server has agreed; what it says when not is the problem. */
async function change(path: string, body: object): Promise<boolean> {
  problem.value = "";
  try {
    await fromServer(path, body);
  } catch (error) {
    problem.value = wordsOf(error);
    return false;
  }
  await loadRules();
  return true;
}

export async function previewOf(rule: Rule): Promise<Preview> {
  try {
    const told = await fromServer("rules/preview", toldOf(rule));
    const answer = isRecord(told) ? told : {};
    return {
      count: numberOf(answer.count),
      sinceMs: numberOf(answer.since),
      nowMs: numberOf(answer.now),
      unknownMs: numberOf(answer.unknown_ms),
    };
  } catch (error) {
    return { problem: wordsOf(error) };
  }
}

const wordsOf = (error: unknown): string => (error instanceof Refusal ? error.message : strings.rules.out);
