import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { fateOf } from "./cluster_fate.ts";
import {
  beyond,
  type Cluster,
  depletion,
  holds,
  knownRows,
  rowsAway,
  type StreamState,
  type VenueFacts,
  venuesOut,
} from "./state.ts";

const cluster = (side: Cluster["side"], lo: number, hi: number): Cluster => ({
  id: `${side}${lo}`,
  side,
  lo,
  peak: lo,
  hi,
  usd: 42e6,
  usd_lo: 24e6,
  usd_hi: 71e6,
  distance_pct: 0.4,
  eta_min: null,
  name: side === "short" ? "S1" : "L1",
  touch: "open",
  since: 0,
  most_usd: 42e6,
  split: { triggered: 0, closed: 0, expired: 0 },
  oi_pct: 0.3,
  percentile: 95,
  lift: null,
  moved_bp: null,
});
const near = cluster("short", 7748, 7756);
const far = cluster("short", 7791, 7798);
const below = cluster("long", 7684, 7691);

it("the fate of a cluster begins with how price nears it", () => {
  const nearing = (odds: number | null) => fateOf({ ...near, cascade: { state: "armed", odds, n: 320 } });
  expect(nearing(0.54)).toBe("armed, cascade odds 54 %, n=320");
  expect(nearing(null)).toBe("armed, cascade odds uncalibrated, n=320");
  expect(fateOf(near)).toBe("");
});

it("the compass names the nearest cluster outside the picture", () => {
  const clusters = [near, far, below];
  expect(beyond(clusters, "short", { lo: 7730, hi: 7757 })).toBe(far);
  expect(beyond(clusters, "short", { lo: 7730, hi: 7745 })).toBe(near);
  expect(beyond(clusters, "long", { lo: 7730, hi: 7745 })).toBe(below);
});

it("a cluster that shows in part is not outside the picture", () => {
  expect(beyond([near], "short", { lo: 7730, hi: 7750 })).toBeNull();
  expect(beyond([below], "long", { lo: 7690, hi: 7750 })).toBeNull();
});

it("rows away are counted to the near edge", () => {
  expect(rowsAway(near, 7742, 2)).toBe(3);
  expect(rowsAway(below, 7742, 1)).toBe(51);
  expect(rowsAway(near, 7749, 1)).toBe(1);
});

it("what is gone of a cluster is split by cause", () => {
  const shares = depletion({ most_usd: 100, split: { triggered: 11, closed: 51, expired: 0 } });
  expect(shares).toEqual({ gone: 0.62, triggered: 0.11, closed: 0.51, expired: 0 });
  expect(depletion({ most_usd: 0, split: { triggered: 0, closed: 0, expired: 0 } }).gone).toBe(0);
});

it("the server's clusters tell what became of them", () => {
  const golden = resolve(import.meta.dirname, "../../../shared/wire/golden/state_clusters.json");
  const { facts } = JSON.parse(readFileSync(golden, "utf8")) as { facts: StreamState };
  const [short, long] = facts.clusters as [Cluster, Cluster];
  expect(fateOf(short)).toBe(
    "armed, cascade odds 54 %, n=320 · price is in it · 61 % gone: 50 % closed by holders, 11 % liquidated · 18 bp lower by new positions",
  );
  expect(fateOf(long)).toBe("");
  expect(facts.chain).toEqual({ up: null, down: 267_100 });
});

it("venues that are out come first by how long they are out", () => {
  const facts = (venue: string, state: VenueFacts["state"], age_ms: number | null): VenueFacts => ({
    venue,
    state,
    age_ms,
    epoch: 1,
    gaps: 0,
    resyncs: 0,
  });
  const out = venuesOut([facts("a", "live", 10), facts("b", "stale", 40_000), facts("c", "syncing", null)]);
  expect(out.map((it) => it.venue)).toEqual(["c", "b"]);
});

it("a row is known when all of its ticks are", () => {
  const known = knownRows({ known: { low: 995, high: 1_049 } } as StreamState, 10);
  expect([99, 100, 104, 105].map((row) => holds(known, row))).toEqual([false, true, true, false]);
});

it("every row is known where nothing is told of that", () => {
  for (const state of [null, { known: null } as StreamState]) {
    expect(holds(knownRows(state, 10), 1)).toBe(true);
  }
});
