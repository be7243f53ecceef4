/** The user's rules and the kinds of rules there are, as the server tells them. */

import { isRecord, numberOf, numbersOf, textOf } from "./inbox.ts";

export type SettingValue = number | string | readonly string[] | null;

interface Named {
  readonly name: string;
}
export interface NumberSetting extends Named {
  readonly type: "number";
  readonly default: number | null;
  readonly least: number;
  readonly most: number;
}
export interface ChoiceSetting extends Named {
  readonly type: "choice";
  readonly default: string;
  readonly words: readonly string[];
}
export interface ChoicesSetting extends Named {
  readonly type: "choices";
  readonly default: readonly string[];
  readonly words: readonly string[];
}
export interface LabelSetting extends Named {
  readonly type: "label";
  readonly default: string;
  readonly lengthMax: number;
}
export type Setting = NumberSetting | ChoiceSetting | ChoicesSetting | LabelSetting;

export interface Kind {
  readonly kind: string;
  readonly symbolNeeded: boolean;
  readonly globalOnly: boolean;
  readonly settings: readonly Setting[];
}

export interface Rule {
  /** 0 for one that the server does not know yet. */
  readonly id: number;
  readonly kind: string;
  /** Null for every symbol. */
  readonly symbol: string | null;
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly enabled: boolean;
  /** Unix ms. */
  readonly snoozedUntilMs: number;
}

/** Times as "22:30" in a time zone as "Europe/Paris". */
export interface Quiet {
  readonly zone: string;
  readonly begin: string;
  readonly end: string;
}

export interface Rules {
  readonly rules: readonly Rule[];
  readonly kinds: readonly Kind[];
  /** Names of rules that are added together. */
  readonly sets: readonly string[];
  readonly quiet: Quiet | null;
  /** Markets whose alerts ring nothing, with until when, Unix ms. */
  readonly muted: Readonly<Record<string, number>>;
  /** The server's clock when it answered, Unix ms. */
  readonly nowMs: number;
}

/** Reads the answer of /api/rules; settings of a type unknown here are left out, and keep their value. */
export function readRules(told: unknown): Rules {
  const answer = isRecord(told) ? told : {};
  const quiet = answer.quiet;
  return {
    rules: records(answer.rules).map(readRule),
    kinds: records(answer.kinds).map((it) => ({
      kind: textOf(it.kind),
      symbolNeeded: it.symbol_needed === true,
      globalOnly: it.global_only === true,
      settings: records(it.settings)
        .map(readSetting)
        .filter((one) => one !== null),
    })),
    sets: Array.isArray(answer.sets) ? answer.sets.map(textOf).filter((it) => it) : [],
    quiet: isRecord(quiet)
      ? { zone: textOf(quiet.zone), begin: textOf(quiet.begin), end: textOf(quiet.end) }
      : null,
    muted: numbersOf(answer.muted),
    nowMs: numberOf(answer.now),
  };
}

export function readRule(it: Record<string, unknown>): Rule {
  return {
    id: numberOf(it.id),
    kind: textOf(it.kind),
    symbol: textOf(it.symbol) || null,
    settings: isRecord(it.settings) ? (it.settings as Record<string, SettingValue>) : {},
    enabled: it.enabled === true,
    snoozedUntilMs: numberOf(it.snoozed_until_ms),
  };
}

function readSetting(it: Record<string, unknown>): Setting | null {
  const name = textOf(it.name);
  switch (it.type) {
    case "number":
      return {
        name,
        type: "number",
        default: typeof it.default === "number" ? it.default : null,
        least: numberOf(it.least),
        most: numberOf(it.most),
      };
    case "choice":
      return { name, type: "choice", default: textOf(it.default), words: texts(it.words) };
    case "choices":
      return { name, type: "choices", default: texts(it.default), words: texts(it.words) };
    case "label":
      return { name, type: "label", default: textOf(it.default), lengthMax: numberOf(it.length_max) };
    default:
      return null;
  }
}

const records = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((it) => typeof it === "string") : [];

/** Rules that watch now: neither off nor asleep. */
export const armedIn = (rules: Rules, nowMs: number): number =>
  rules.rules.filter((it) => it.enabled && it.snoozedUntilMs <= nowMs).length;

/** A rule as the server takes it. */
export const toldOf = (rule: Rule): object => ({
  ...(rule.id > 0 && { id: rule.id }),
  kind: rule.kind,
  symbol: rule.symbol,
  settings: rule.settings,
  enabled: rule.enabled,
  snoozed_until_ms: rule.snoozedUntilMs,
});

/** A new rule of a kind with the settings it comes with. */
/** A rule that fires whenever price crosses a level. */
export const levelAt = (symbol: string, price: number, label: string): Rule => ({
  id: 0,
  kind: "price",
  symbol,
  settings: { price, way: "both", label },
  enabled: true,
  snoozedUntilMs: 0,
});

export function freshRule(kind: Kind, symbol: string | null): Rule {
  return {
    id: 0,
    kind: kind.kind,
    symbol: kind.globalOnly ? null : symbol,
    settings: Object.fromEntries(kind.settings.map((it) => [it.name, it.default])),
    enabled: true,
    snoozedUntilMs: 0,
  };
}
