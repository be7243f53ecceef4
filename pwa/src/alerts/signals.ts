/** What book and flow did when an alert fired, in words: the server's signal values of that instant. */

import { fixed, signed, usd } from "../format.ts";
import { strings } from "../strings.ts";
import { isRecord, numberOf } from "./inbox.ts";

const THIN_MIN = 0.1;
const PUSH_MIN = 1;
const ABSORBED_S_MIN = 5;
const DROP_MIN = 0.0005;

/** The signals that stood out, the book's first; values that are missing say nothing. */
export function signalWords(told: unknown): readonly string[] {
  const { thinner, pushing, absorb, drop, died } = strings.signals;
  const values = isRecord(told) ? told : {};
  const of = (group: string, name: string): number => {
    const held = values[group];
    return numberOf(isRecord(held) ? held[name] : undefined);
  };
  const words: string[] = [];
  for (const side of ["asks", "bids"] as const) {
    const thin = of("thin", side);
    if (thin >= THIN_MIN) words.push(thinner(side, fixed(thin * 100, 0)));
  }
  for (const side of ["asks", "bids"] as const) {
    const seconds = of("absorbed_s", side);
    if (seconds >= ABSORBED_S_MIN) words.push(absorb(side, fixed(seconds, 0)));
  }
  const z = numberOf(values.imbalance_z);
  if (Math.abs(z) >= PUSH_MIN) words.push(pushing(z > 0, signed(z, 1)));
  const gone = numberOf(values.oi_drop_30s);
  if (gone >= DROP_MIN) words.push(drop(fixed(-gone * 100, 2)));
  for (const side of ["long", "short"] as const) {
    const dead = of("died_usd", side);
    if (dead > 0) words.push(died(usd(dead), side));
  }
  return words;
}
