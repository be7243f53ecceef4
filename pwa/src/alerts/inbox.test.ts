import { describe, expect, it } from "vitest";
import { readInbox, unseenIn, withSeen } from "./inbox.ts";

const entry = (change: object = {}) => ({
  id: 3,
  kind: "approach",
  symbol: "BTCUSDT",
  at: 1_795_413_600_000,
  title: "BTC 0.4 % above: 42 M USD",
  body: "of shorts.",
  url: "/?symbol=BTCUSDT&price=77480",
  rule: 1,
  way: 1,
  seen: null,
  moment: true,
  ...change,
});

describe("the inbox", () => {
  it("is read as the server tells it", () => {
    const inbox = readInbox({ alerts: [entry(), entry({ id: 2, seen: 5, way: 7 })], since: 7, now: 9 });
    expect(inbox.entries.map((it) => [it.id, it.seen, it.way, it.hasMoment])).toEqual([
      [3, false, 1, true],
      [2, true, 0, true],
    ]);
    expect([inbox.sinceMs, inbox.nowMs, unseenIn(inbox)]).toEqual([7, 9, 1]);
  });

  it("has one less to see when it was opened, and the same when it is opened again", () => {
    const inbox = readInbox({ alerts: [entry(), entry({ id: 2 })] });
    const once = withSeen(inbox, 3);
    expect([unseenIn(inbox), unseenIn(once), unseenIn(withSeen(once, 3))]).toEqual([2, 1, 1]);
    expect(unseenIn(withSeen(inbox, 77))).toBe(2);
  });

  it("makes something of any answer", () => {
    for (const told of [null, 3, [], {}, { alerts: [null, 1, {}, { id: "3", title: "x" }] }])
      expect(readInbox(told).entries).toEqual([]);
  });
});
