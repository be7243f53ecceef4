// @vitest-environment happy-dom

import { beforeEach, expect, it } from "vitest";
import type { SymbolFacts } from "../net/frames.ts";
import { golden } from "../net/golden.ts";
import { PulseModel } from "../net/pulse_frames.ts";
import { TapeModel } from "../net/tape_frames.ts";
import { flow, serverNowMs, tapeFreshness } from "./flow.ts";
import { restoreFlow, saveFlow } from "./flow_snapshot.ts";

const facts = { symbol: "BTCUSDT", tick: [1, 1], lot: [1, 3], unit: "coin" } as unknown as SymbolFacts;

const clear = () => Object.assign(flow, { tape: null, pulse: null, venues: [] });

beforeEach(() => {
  localStorage.clear();
  const [tape, pulse] = [new TapeModel(), new PulseModel()];
  for (const frame of golden("tape")) tape.apply(frame);
  for (const frame of golden("pulse")) pulse.apply(frame);
  flow.venues = ["binance", "bybit", "okx"];
  flow.tape = { symbol: "BTCUSDT", venue: "all", model: tape, atMs: 1_000 };
  flow.pulse = { symbol: "BTCUSDT", venue: "all", model: pulse, atMs: 1_000 };
});

it("tape and pulse come back as they were, as old as they are by then", () => {
  const before = { tape: flow.tape, pulse: flow.pulse };
  saveFlow(localStorage, facts, 3_000, 500_000);
  clear();
  expect(restoreFlow(localStorage, facts, "all", 100, 560_000)).toBe(true);
  const tape = flow.tape as NonNullable<typeof flow.tape>;
  expect(flow.venues).toEqual(["binance", "bybit", "okx"]);
  expect(tape.model.prints).toEqual(before.tape?.model.prints.slice(-80));
  expect(serverNowMs(tape, 100)).toBe((before.tape?.model.tMs ?? 0) + 62_000);
  expect(tapeFreshness(tape, 100)).toBe("stale");
  const shown = (flow.pulse as NonNullable<typeof flow.pulse>).model.data;
  expect(shown.columns).toBe(before.pulse?.model.data.columns);
  const close = before.pulse?.model.data.series.close ?? new Float32Array(0);
  shown.series.close.forEach((value, index) => {
    const told = close[index] as number;
    if (Number.isNaN(told)) expect(value).toBeNaN();
    else expect(Math.abs(value / told - 1)).toBeLessThan(1e-5);
  });
});

it("is small, and never another market's, venue's or step's", () => {
  saveFlow(localStorage, facts, 3_000, 500_000);
  expect(localStorage.getItem("leadline.flow")?.length).toBeLessThan(200_000);
  const others = [
    [{ ...facts, symbol: "ETHUSDT" }, "all"],
    [facts, "bybit"],
    [{ ...facts, tick: [1, 2] }, "all"],
  ] as [SymbolFacts, string][];
  for (const [other, venue] of others) expect(restoreFlow(localStorage, other, venue, 0, 0)).toBe(false);
  localStorage.setItem("leadline.flow", "{");
  expect(restoreFlow(localStorage, facts, "all", 0, 0)).toBe(false);
});
