/** What a rule waits for, in one plain sentence. */

import { usdRound } from "../format.ts";
import { strings } from "../strings.ts";
import type { Rule, SettingValue } from "./rules.ts";

const words: Readonly<Record<string, string>> = strings.rules.words;

export const wordOf = (word: string): string => words[word] ?? word;
export const kindName = (kind: string): string => strings.rules.kinds[kind] ?? kind;

/** A number as a person writes it: "77,480.5". */
export const plain = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 12 });

const MAGNITUDES: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, b: 1e9 };

/** Reads "25", "77,480.5" or "2.5 M"; what is no number stays as it was written, for the server to refuse. */
export function readNumber(text: string): number | string {
  const parts = /^([+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([kmb]?)$/i.exec(text.trim());
  if (!parts) return text;
  const factor = MAGNITUDES[(parts[2] as string).toLowerCase()] as number;
  return Number((parts[1] as string).replaceAll(",", "")) * factor;
}

export function sentenceOf(rule: Rule): string {
  const make = strings.rules.sentences[rule.kind];
  return make ? make(new RuleTold(rule.settings)) : kindName(rule.kind);
}

/** The settings of a rule as pieces of a sentence. */
export class RuleTold {
  readonly #settings: Rule["settings"];

  constructor(settings: Rule["settings"]) {
    this.#settings = settings;
  }

  /** A number or a text as it is. */
  of(name: string): string {
    const value = this.#settings[name];
    return typeof value === "number" ? plain(value) : typeof value === "string" ? value : "";
  }

  word(name: string): string {
    return wordOf(this.of(name));
  }

  /** " above price", or nothing for both sides. */
  side(): string {
    return strings.rules.sides[this.of("side")] ?? "";
  }

  /** "confirmed or held" */
  any(name: string): string {
    const value: SettingValue | undefined = this.#settings[name];
    return Array.isArray(value) ? value.map(wordOf).join(strings.rules.or) : "";
  }

  /** ", from 5 M" where a least amount is set, else nothing: then it is what is large for the market. */
  fromUsd(): string {
    const value = this.#settings.usd_min;
    return typeof value === "number" && value > 0 ? strings.rules.from(`$${usdRound(value)}`) : "";
  }

  more(name: string, tell: (value: string) => string): string {
    const value = this.#settings[name];
    return typeof value === "number" && value > 0 ? tell(plain(value)) : "";
  }
}
