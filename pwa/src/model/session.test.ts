// @vitest-environment happy-dom

import { beforeEach, describe, expect, it } from "vitest";
import { Sessions } from "./session.ts";
import type { Cluster } from "./state.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const cluster = (side: Cluster["side"], peak: number, usd: number) => ({ side, peak, usd }) as Cluster;

beforeEach(() => localStorage.clear());

describe("looking at a market again", () => {
  it("warns after an hour, or after a move of 2 %, and only when the look begins", () => {
    const sessions = new Sessions(localStorage);
    expect(sessions.look("BTC", 100, 0)).toBeNull();
    expect(sessions.look("BTC", 150, 1_000)).toBeUndefined();
    sessions.away();
    expect(sessions.look("BTC", 151, 2_000)).toBeNull();
    sessions.away();
    expect(sessions.look("BTC", 148, 3_000)).toBeNull();
    sessions.away();
    expect(sessions.look("BTC", 152, 4_000)?.movedPct).toBeCloseTo(2.7, 1);
    sessions.away();
    expect(sessions.look("BTC", 152, 4_000 + HOUR)).toEqual({ sinceMs: HOUR, movedPct: 0 });
  });

  it("remembers over a new start, and each market by itself", () => {
    const sessions = new Sessions(localStorage);
    sessions.look("BTC", 100, 0);
    sessions.look("ETH", 10, 0);
    sessions.keep();
    const later = new Sessions(localStorage);
    expect(later.look("BTC", 100, 2 * HOUR)?.sinceMs).toBe(2 * HOUR);
    expect(later.look("SOL", 1, 2 * HOUR)).toBeNull();
    localStorage.setItem("leadline.sessions", "{");
    expect(new Sessions(localStorage).look("BTC", 1, 0)).toBeNull();
  });
});

describe("the densest clusters of the day's beginning", () => {
  const morning = [cluster("short", 10, 5), cluster("short", 12, 9), cluster("long", 4, 1)];

  it("stay for the day, whatever comes later", () => {
    const sessions = new Sessions(localStorage);
    expect(sessions.premarks("BTC", "1,1", [], DAY)).toEqual([]);
    const first = sessions.premarks("BTC", "1,1", morning, DAY);
    expect(first).toEqual([
      { side: "short", peak: 12 },
      { side: "long", peak: 4 },
    ]);
    sessions.look("BTC", 100, DAY + 1);
    sessions.keep();
    const later = new Sessions(localStorage);
    expect(later.premarks("BTC", "1,1", [cluster("long", 3, 99)], 2 * DAY - 1)).toEqual(first);
    expect(later.premarks("BTC", "1,1", [cluster("long", 3, 99)], 2 * DAY)).toEqual([
      { side: "long", peak: 3 },
    ]);
  });

  it("are taken anew when ticks mean something else", () => {
    const sessions = new Sessions(localStorage);
    sessions.premarks("BTC", "1,1", morning, DAY);
    expect(sessions.premarks("BTC", "1,2", [cluster("long", 40, 1)], DAY)).toEqual([
      { side: "long", peak: 40 },
    ]);
  });
});
