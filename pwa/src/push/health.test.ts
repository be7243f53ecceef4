import { describe, expect, it } from "vitest";
import { lastOf, type PhoneHealth, phoneRows, readHealth, stopRows } from "./health.ts";

const NOW = 1_800_000_000_000;
const device = (change: object = {}) => ({
  id: 1,
  name: "iPhone Safari",
  channel: "webpush",
  service: "web.push.apple.com",
  this: true,
  key_current: true,
  last_ms: NOW - 180_000,
  last_result: "delivered",
  post_ms: 120,
  delivered_ms: NOW - 180_000,
  ...change,
});
const server = (...devices: object[]) => readHealth({ available: true, problem: null, devices });
const lastTold = (change: object) => server(device(change)).devices.map((it) => lastOf(it, NOW))[0];
const phone: PhoneHealth = {
  state: "on",
  installed: true,
  lacks: [],
  looksWhenClosed: false,
  heardMs: NOW - 180_000,
};
const rowsOf = (of: PhoneHealth, told: Parameters<typeof phoneRows>[1]) =>
  phoneRows(of, told, NOW).map(({ name, value, good }) => [name, value, good]);

describe("the health of alerts", () => {
  it("names every link of the way when all is well", () => {
    expect(rowsOf(phone, server(device()))).toEqual([
      ["Installed", "yes", true],
      ["Notifications", "yes", true],
      ["Server knows this phone", "yes", true],
      ["Bound to the server's key", "yes", true],
      ["Last message", "delivered in 120 ms, 3 min ago", true],
    ]);
  });

  it("says which link is broken", () => {
    expect(rowsOf(phone, server(device({ this: false })))[2]).toEqual([
      "Server knows this phone",
      "no",
      false,
    ]);
    expect(rowsOf(phone, server(device({ key_current: false })))[3]).toEqual([
      "Bound to the server's key",
      "no",
      false,
    ]);
    expect(rowsOf({ ...phone, state: "denied" }, server())[1]).toEqual(["Notifications", "blocked", false]);
    const silent = ["Server knows this phone", "not reached; last answered 3 min ago", false];
    expect(rowsOf(phone, null)[2]).toEqual(silent);
    expect(rowsOf({ ...phone, heardMs: null }, null)[2]?.[1]).toBe("not reached");
    const off = readHealth({ available: false, problem: "set push_contact", devices: [] });
    expect(rowsOf(phone, off)[2]).toEqual(["Server knows this phone", "set push_contact", false]);
  });

  it("tells a failure in the server's words and a silence as such", () => {
    expect(lastTold({ last_result: "the push service is busy or out", last_ms: NOW - 1_000 })).toEqual({
      value: "the push service is busy or out, 1.0 s ago",
      good: false,
    });
    expect(lastTold({ last_ms: null })).toEqual({ value: "none yet", good: null });
  });

  it("says what the browser lacks, and asks nothing of one without push", () => {
    const rows = rowsOf(
      { ...phone, state: "install", installed: false, lacks: ["vibrate", "actions"] },
      server(),
    );
    expect(rows).toEqual([
      ["Installed", "no", null],
      ["This browser cannot", "vibrate, offer buttons on an alert", null],
    ]);
  });

  it("says who tells when the server itself stops", () => {
    const stops = (heartbeat: object | null, of: PhoneHealth = phone, hasRule = true) =>
      stopRows(of, readHealth({ available: true, devices: [], heartbeat }), hasRule, NOW).map((it) => [
        it.value,
        it.good,
      ]);
    const [inOrder, killed, looks] = stops(null);
    expect(inOrder).toEqual(["a message at once", true]);
    expect(killed).toEqual([expect.stringContaining("no watcher outside"), null]);
    expect(stops(null, phone, false)[0]).toEqual(["not told: no rule for it is on", null]);
    expect(looks?.[0]).toBe("each minute while the app is open");
    expect(stops(null, { ...phone, looksWhenClosed: true })[2]?.[0]).toContain("now and then when closed");
    expect(stops(null, { ...phone, state: "off" }).map((it) => it[0])).toEqual([
      "nobody is told",
      killed?.[0],
      "only with alerts on",
    ]);
    const beat = { host: "hc-ping.com", heard_ms: NOW - 12_000, problem: "" };
    expect(stops(beat)[1]).toEqual(["hc-ping.com pages; it heard 12 s ago", true]);
    expect(stops({ ...beat, heard_ms: null })[1]).toEqual(["hc-ping.com has not heard of it yet", null]);
    expect(stops({ ...beat, problem: "it answers 404" })[1]).toEqual(["hc-ping.com: it answers 404", false]);
  });

  it("makes something of any answer", () => {
    for (const told of [null, 3, [], {}, { devices: [null, 1, {}] }])
      expect(readHealth(told).available).toBe(false);
  });
});
