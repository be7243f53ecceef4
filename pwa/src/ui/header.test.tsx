// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Cluster, StreamState } from "../model/state.ts";
import { store } from "../model/store.ts";
import type { Hello, SymbolFacts } from "../net/frames.ts";
import { Compass } from "./compass.tsx";
import { Header } from "./header.tsx";

const facts: SymbolFacts = {
  symbol: "BTCUSDT",
  base: "BTC",
  quote: "USDT",
  tick: [1, 1],
  lot: [1, 3],
  unit: "coin",
  venues: ["binance", "bybit", "okx"],
  groups: [1, 10, 100],
  group: 100,
};

const venue = (name: string, state: "live" | "stale" | "syncing", age_ms: number) => ({
  venue: name,
  state,
  age_ms,
  epoch: 1,
  gaps: 0,
  resyncs: 0,
});

const short: Cluster = {
  id: 1,
  side: "short",
  lo: 779_100,
  peak: 779_400,
  hi: 779_800,
  usd: 28e6,
  usd_lo: 13e6,
  usd_hi: 52e6,
  distance_pct: 0.63,
  eta_min: 41,
  name: "S1",
  touch: "open",
  since: 0,
  most_usd: 28e6,
  split: { triggered: 0, closed: 0, expired: 0 },
  oi_pct: 0.3,
  percentile: 95,
  lift: null,
  moved_bp: null,
};

const state: StreamState = {
  t: 0,
  mark: null,
  funding: null,
  funding_at: null,
  oi_usd: null,
  day: -1.244,
  venues: [venue("binance", "live", 50), venue("bybit", "live", 60), venue("okx", "live", 70)],
  bands: { calibrated: true, factor: 1.8, progress: 1, heat_top_usd: 8e6, usual_days: 30, oi_z: 0 },
  clusters: [short],
  bias: null,
  easier: null,
  reach_bp: null,
  chain: { up: null, down: null },
  pace: 1,
  known: null,
};

let host: HTMLElement;

beforeEach(() => {
  host = document.createElement("div");
  store.hello.value = { simulated: false, market: "live", symbols: [facts] } as unknown as Hello;
  store.facts.value = facts;
  store.venue.value = "all";
  store.state.value = state;
  store.hasLadder.value = true;
  store.screen.value = "ladder";
  store.day.value = -1.244;
  store.last.value = "77,422.8";
  store.lastRow.value = 7742;
  store.group.value = 100;
  store.age.value = "0.1 s";
  store.freshness.value = "fresh";
  store.connection.value = "open";
  store.flags.value = 1;
  store.notice.value = "";
  store.range.value = { lo: 773_400, hi: 775_600 };
});

afterEach(() => render(null, host));

const header = () => {
  act(() => render(<Header onRetry={() => {}} />, host));
  return host.textContent ?? "";
};
const compass = (side: Cluster["side"]) => {
  act(() => render(<Compass side={side} onJump={() => {}} />, host));
  return host.textContent ?? "";
};

it("a live market shows price, change, age and venues, and no watermark", () => {
  const text = header();
  for (const part of ["BTC", "USDT perp", "77,422.8", "1.24 %", "0.1 s", "3 venues"])
    expect(text).toContain(part);
  expect(text).not.toMatch(/SIMULATED|REPLAY/);
});

it("a simulated market says so, by the hello or by the frame alone", () => {
  store.flags.value = 1 | 4;
  expect(header()).toContain("SIMULATED");
  store.flags.value = 1;
  store.hello.value = { simulated: true, market: "twin" } as unknown as Hello;
  expect(header()).toContain("SIMULATED");
});

it("a replay says so", () => {
  store.hello.value = { simulated: false, market: "replay" } as unknown as Hello;
  expect(header()).toContain("REPLAY");
});

it("a venue that is out is named with its time and what is left", () => {
  store.flags.value = 1 | 16;
  store.state.value = { ...state, venues: [venue("binance", "live", 50), venue("bybit", "stale", 40_000)] };
  expect(header()).toContain("Bybit out 40 s, showing 1 of 2");
});

it("a filter on one venue stays in sight", () => {
  store.venue.value = "bybit";
  expect(header()).toContain("Bybit only");
});

it("a stale picture says when it was last seen, and shows no change of the day", () => {
  store.freshness.value = "stale";
  store.age.value = "48 s";
  const text = header();
  expect(text).toContain("last seen 48 s ago");
  expect(text).not.toContain("1.24");
});

it("a book that is being put together is not told as one that was seen, nor as no answer", () => {
  store.freshness.value = "stale";
  store.age.value = "0.0 s";
  store.state.value = { ...state, venues: [venue("binance", "syncing", 20), venue("okx", "stale", 9_000)] };
  expect(header()).toContain("not live");
  expect(header()).toContain("order book not complete yet");
  expect(header()).not.toMatch(/last seen|no venue answers/);
  store.state.value = { ...state, venues: [venue("okx", "stale", 9_000)] };
  store.age.value = "9.0 s";
  expect(header()).toContain("last seen 9.0 s ago");
  expect(header()).toContain("no venue answers");
});

it("a lost connection is told", () => {
  store.connection.value = "waiting";
  expect(header()).toContain("offline, retrying");
});

it("the compass names the nearest cluster outside the picture with its interval and the way to it", () => {
  const text = compass("short");
  for (const part of ["77,910–77,980", "shorts", "0.63 %", "49 rows", "≈ 41 min", "28 M", "13–52"]) {
    expect(text).toContain(part);
  }
});

it("the compass never makes up a time of arrival", () => {
  store.state.value = { ...state, clusters: [{ ...short, eta_min: null }] };
  expect(compass("short")).toContain("moving away");
  store.freshness.value = "stale";
  expect(compass("short")).not.toMatch(/moving|min/);
});

it("the compass tells apart none at all, none further and none yet", () => {
  expect(compass("long")).toBe("no dense cluster below");
  store.range.value = { lo: 770_000, hi: 790_000 };
  expect(compass("short")).toBe("no further dense cluster");
  store.state.value = { ...state, bands: null, clusters: [] };
  expect(compass("short")).toBe("no liquidation estimate yet");
});
