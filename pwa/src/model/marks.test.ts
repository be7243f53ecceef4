// @vitest-environment happy-dom

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { decode, type MarkOrder } from "../net/frames.ts";
import { type Mark, MarksModel } from "../net/marks_frames.ts";
import { Marks } from "./marks.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../shared/wire/golden");
const kept = (id: number, price: string, label = ""): Mark => ({ id, symbol: "BTCUSDT", price, label });
const prices = (marks: Marks) => marks.shown.value.map((it) => it.price);

let sent: MarkOrder[];
const send = (order: MarkOrder) => sent.push(order);

beforeEach(() => {
  localStorage.clear();
  sent = [];
});

describe("own marks", () => {
  it("are read from the golden frame", () => {
    const message = decode(new Uint8Array(readFileSync(resolve(GOLDEN, "marks.bin"))));
    const model = new MarksModel();
    expect(message.type === "streamed" && model.apply(message)).toBe(true);
    expect(model.marks).toEqual([
      { id: 3, symbol: "BTCUSDT", price: "77500", label: "daily open" },
      { id: 8, symbol: "ETHUSDT", price: "1982.55", label: "" },
    ]);
  });

  it("show at once, and are sent once", () => {
    const marks = new Marks(localStorage);
    marks.put("BTCUSDT", "77500.0", "stop");
    expect(marks.shown.value).toMatchObject([{ id: 0, price: "77500.0", label: "stop" }]);
    marks.flush(send);
    marks.flush(send);
    expect(sent).toHaveLength(1);
    marks.told([kept(4, "77500", "stop")]);
    expect(prices(marks)).toEqual(["77500.0"]);
    expect(marks.answered(1)).toBe(true);
    expect(prices(marks)).toEqual(["77500"]);
    expect(marks.answered(1)).toBe(false);
  });

  it("put without a server wait, over a new start as well, and are sent again after a broken connection", () => {
    const offline = new Marks(localStorage);
    offline.flush(() => 0);
    offline.put("BTCUSDT", "1", "");
    const marks = new Marks(localStorage);
    expect(prices(marks)).toEqual(["1"]);
    marks.flush(send);
    marks.lost();
    marks.flush(send);
    expect(sent).toHaveLength(2);
  });

  it("forgotten ones are gone at once; one that the server keeps has to be told of", () => {
    const marks = new Marks(localStorage);
    marks.told([kept(4, "5"), kept(5, "6")]);
    marks.remove(kept(4, "5"));
    expect(prices(marks)).toEqual(["6"]);
    marks.flush(send);
    expect(sent).toEqual([{ op: "remove", id: 4 }]);
    marks.put("BTCUSDT", "7", "");
    marks.remove(marks.shown.value.at(-1) as Mark);
    marks.flush(send);
    expect(sent).toHaveLength(1);
    expect(prices(marks)).toEqual(["6"]);
  });

  it("a mark that the server refuses disappears again", () => {
    const marks = new Marks(localStorage);
    marks.put("BTCUSDT", "7", "");
    marks.flush(send);
    marks.answered(1);
    expect(prices(marks)).toEqual([]);
  });
});
