import { describe, expect, it } from "vitest";
import { buttonsOf, readNotice, shaking, within } from "./notice.ts";

const DATA = {
  id: 3,
  symbol: "BTCUSDT",
  url: "/?symbol=BTCUSDT&price=77480&alert=3",
  kind: "approach",
  way: 1,
};
const message = (change: object = {}, notification: object = {}) =>
  JSON.stringify({
    web_push: 8030,
    notification: {
      title: "BTC 0.4 % above: 42 M USD",
      body: "of shorts.",
      tag: "BTCUSDT-c12",
      data: { ...DATA },
      ...notification,
    },
    app_badge: 2,
    ...change,
  });

describe("a push message", () => {
  it("is shown as the server wrote it", () => {
    expect(readNotice(message())).toEqual({
      title: "BTC 0.4 % above: 42 M USD",
      body: "of shorts.",
      tag: "BTCUSDT-c12",
      url: "/?symbol=BTCUSDT&price=77480&alert=3",
      kind: "approach",
      way: 1,
      alert: 3,
      offers: ["snooze", "mute", "mark"],
      badge: 2,
    });
  });

  it("shows something whatever came", () => {
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "7",
      "{}",
      message({ notification: [] }),
      message({}, { title: "" }),
    ])
      expect(readNotice(text).title).toBe("Leadline");
  });

  it("does without what it cannot read", () => {
    const notice = readNotice(message({ app_badge: "many" }, { body: 3, tag: null, data: "x" }));
    expect([notice.body, notice.tag, notice.url, notice.badge]).toEqual(["", "", "/", null]);
  });

  it("offers only what the alert has, and no more than the browser shows", () => {
    const offers = (change: object) => readNotice(message({}, { data: { ...DATA, ...change } })).offers;
    expect(offers({ url: "/?symbol=BTCUSDT" })).toEqual(["snooze", "mute"]);
    expect(offers({ symbol: null, url: "/#alerts", kind: "feed" })).toEqual(["snooze"]);
    for (const none of [{ kind: "test" }, { kind: "summary" }, { kind: "server" }, { id: 0 }, { id: "3" }])
      expect(offers(none)).toEqual([]);
    expect(buttonsOf(["snooze", "mute", "mark"], 2).map((it) => it.action)).toEqual(["snooze", "mute"]);
    expect(buttonsOf(["snooze"], 0)).toEqual([]);
  });

  it("shakes otherwise for what is above than for what is below", () => {
    expect(shaking(1)).toEqual([...shaking(-1)].reverse());
    expect(shaking(1)).not.toEqual(shaking(-1));
    expect(shaking(0)).toHaveLength(1);
  });

  it("leads nowhere but into the app", () => {
    expect(within("/?a=b")).toBe("/?a=b");
    for (const url of ["https://evil.dev/", "//evil.dev", "/\\evil.dev", "javascript:alert(1)", "", "/ x"])
      expect(within(url)).toBe("/");
  });
});
