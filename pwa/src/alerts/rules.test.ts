import { describe, expect, it } from "vitest";
import { armedIn, freshRule, readRules, toldOf } from "./rules.ts";
import { readNumber, sentenceOf } from "./sentence.ts";

const TOLD = {
  rules: [
    {
      id: 4,
      kind: "approach",
      symbol: null,
      settings: { distance: 25, unit: "bp", side: "both", usd_min: 0, oi_pct_min: 0, lift_min: 0 },
      enabled: true,
      snoozed_until_ms: 0,
    },
    { id: 5, kind: "state", symbol: "BTCUSDT", settings: {}, enabled: true, snoozed_until_ms: 900 },
    { id: 6, kind: "server", symbol: null, settings: {}, enabled: false, snoozed_until_ms: 0 },
  ],
  kinds: [
    {
      kind: "approach",
      symbol_needed: false,
      global_only: false,
      settings: [
        { name: "distance", type: "number", default: 25, least: 0, most: 10_000 },
        { name: "unit", type: "choice", default: "bp", words: ["bp", "pct"] },
        { name: "states", type: "choices", default: ["held"], words: ["held", "armed"] },
        { name: "label", type: "label", default: "", length_max: 40 },
        { name: "later", type: "of another version" },
      ],
    },
    { kind: "server", symbol_needed: false, global_only: true, settings: [] },
  ],
  quiet: { zone: "Europe/Paris", begin: "22:00", end: "07:00" },
  now: 500,
};

describe("the rules", () => {
  it("are read with what each kind can be set to", () => {
    const { rules, kinds, quiet } = readRules(TOLD);
    expect(rules.map((it) => [it.id, it.kind, it.symbol, it.enabled])).toEqual([
      [4, "approach", null, true],
      [5, "state", "BTCUSDT", true],
      [6, "server", null, false],
    ]);
    expect(kinds[0]?.settings.map((it) => it.type)).toEqual(["number", "choice", "choices", "label"]);
    expect(quiet).toEqual(TOLD.quiet);
  });

  it("are told back as they came", () => {
    for (const [index, rule] of readRules(TOLD).rules.entries())
      expect(toldOf(rule)).toEqual(TOLD.rules[index]);
  });

  it("watch unless they are off or asleep", () => {
    const rules = readRules(TOLD);
    expect([armedIn(rules, 899), armedIn(rules, 900)]).toEqual([1, 2]);
  });

  it("begin with the settings of their kind, and no number", () => {
    const [approach, server] = readRules(TOLD).kinds;
    if (!approach || !server) throw new Error("no kinds");
    expect(toldOf(freshRule(approach, "BTCUSDT"))).toEqual({
      kind: "approach",
      symbol: "BTCUSDT",
      settings: { distance: 25, unit: "bp", states: ["held"], label: "" },
      enabled: true,
      snoozed_until_ms: 0,
    });
    expect(freshRule(server, "BTCUSDT").symbol).toBeNull();
  });

  it("are made of any answer", () => {
    for (const told of [null, 3, [], { rules: 3, kinds: [{ settings: 4 }], quiet: 1 }])
      expect([readRules(told).rules, readRules(told).sets]).toEqual([[], []]);
  });
});

describe("a rule's sentence", () => {
  const say = (kind: string, settings: Record<string, number | string | string[]>) =>
    sentenceOf({ id: 1, kind, symbol: null, settings, enabled: true, snoozedUntilMs: 0 });

  it.each([
    ["approach", { distance: 0.5, unit: "pct", side: "both", usd_min: 0 }, "Price within 0.5 % of a cluster"],
    [
      "approach",
      { distance: 10, unit: "min", side: "above", usd_min: 5e6, oi_pct_min: 1, lift_min: 2 },
      "Price within 10 minutes of a cluster above price, from $5 M, 1 % of open interest, 2 times the usual",
    ],
    ["state", { states: ["confirmed", "held"], side: "both", usd_min: 0 }, "A cluster is confirmed or held"],
    ["price", { price: 77_480.5, way: "up", label: "stop" }, "Price crosses 77,480.5 on its way up: stop"],
    ["whale_trade", { forced: "only", usd_min: 250_000 }, "A large liquidation, from $250 k"],
    ["regime", { what: ["news"] }, "The map becomes news override"],
    ["of another version", {}, "of another version"],
  ])("%s %o", (kind, settings, words) => {
    expect(say(kind, settings)).toBe(words);
  });
});

describe("a typed number", () => {
  it.each([
    ["25", 25],
    ["77,480.5", 77_480.5],
    ["2.5 M", 2_500_000],
    ["250k", 250_000],
    [".5", 0.5],
    ["2.", 2],
    ["-1", -1],
  ])("%s", (text, number) => {
    expect(readNumber(text)).toBe(number);
  });

  it("stays as it was written when it is none", () => {
    for (const text of ["", "abc", "1 2", "5 %", "1.2.3", ","]) expect(readNumber(text)).toBe(text);
  });
});
