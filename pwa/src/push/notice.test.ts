import { describe, expect, it } from "vitest";
import { readNotice, shaking, within } from "./notice.ts";

const message = (change: object = {}, notification: object = {}) =>
  JSON.stringify({
    web_push: 8030,
    notification: {
      title: "BTC 0.4 % above: 42 M USD",
      body: "of shorts.",
      tag: "BTCUSDT-c12",
      data: { url: "/?symbol=BTCUSDT&price=77480&alert=3", kind: "approach", way: 1 },
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
