// @vitest-environment happy-dom

import { beforeEach, expect, it } from "vitest";
import { readInbox } from "./inbox.ts";
import { forgetInbox, keepInbox, keptInbox } from "./kept.ts";

const alerts = Array.from({ length: 60 }, (_, at) => ({ id: 60 - at, title: `alert ${at}`, at: 1_000 - at }));
const inbox = readInbox({ alerts, since: 7, now: 1_000, prices: { BTCUSDT: 77_000 } });

beforeEach(() => localStorage.clear());

it("comes back as old as it is by then: the newest, and no price of before", () => {
  // It came 2 s before it was written down, and is read 58 s later by a page that has just begun.
  keepInbox(localStorage, { inbox, atMs: 3_000 }, 5_000, 100_000);
  const back = keptInbox(localStorage, 50, 158_000);
  expect(back?.atMs).toBe(50 - 60_000);
  expect(back?.inbox.entries).toEqual(inbox.entries.slice(0, 50));
  expect(back?.inbox).toMatchObject({ sinceMs: 7, nowMs: 1_000, prices: {} });
});

it("is not from the future when the phone's clock was put back", () => {
  keepInbox(localStorage, { inbox, atMs: 0 }, 0, 100_000);
  expect(keptInbox(localStorage, 9, 40_000)?.atMs).toBe(9);
});

it("is nothing where nothing was kept, or it cannot be read, or it was forgotten", () => {
  expect(keptInbox(localStorage, 0, 0)).toBeNull();
  for (const text of ["{", "3", '{"version":0}', '{"version":1,"cameMs":1,"inbox":{}}', '{"version":1}']) {
    localStorage.setItem("leadline.inbox", text);
    expect(keptInbox(localStorage, 0, 0)).toBeNull();
  }
  keepInbox(localStorage, { inbox, atMs: 0 }, 0, 0);
  forgetInbox(localStorage);
  expect(keptInbox(localStorage, 0, 0)).toBeNull();
});

it("costs nothing where the store is full", () => {
  const full = {
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  } as unknown as Storage;
  expect(() => keepInbox(full, { inbox, atMs: 0 }, 0, 0)).not.toThrow();
});
