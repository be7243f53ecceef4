import { decode as decodeParts, encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Live } from "./live.ts";
import type { Stream } from "./streams.ts";

let sent: unknown[];
let log: string[];
let live: Live;
let shown: Stream | null;
let rows: unknown[];

const key = (group: number) => ({
  kind: "ladder" as const,
  symbol: "BTCUSDT",
  venue: "all",
  group,
  depth: 50,
  hz: 10,
});
const hello = { version: "1", market: "twin", simulated: true, server_ms: 0, venues: [], symbols: [] };
const say = (...parts: unknown[]) => live.message(encode(parts));
const name = (stream: Stream) =>
  stream.kind === "ladder" ? `${stream.number}@${stream.key.group}` : `${stream.number}:${stream.kind}`;

const keyframe = (stream: number, seq: number, bid = 100) =>
  say(10, stream, 1, seq, {
    t: 1_000,
    age: 5,
    flags: 1,
    bid,
    ask: bid + 1,
    bids: [0, 7],
    asks: [0, 9],
    trades: [],
    first: 0,
    bands: new Uint8Array(0),
  });

/** A delta in which nothing changed but the time. */
const delta = (stream: number, seq: number) => say(11, stream, 1 + seq, Uint8Array.of(0, 100));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  [sent, log, shown, rows] = [[], [], null, []];
  live = new Live(
    (bytes) => {
      sent.push(decodeParts(bytes));
      return true;
    },
    {
      hello: () => log.push("hello"),
      shown: (stream) => {
        shown = stream;
        log.push(`shown ${name(stream)}`);
      },
      frame: (stream) => log.push(`frame ${name(stream)}`),
      state: (stream) => log.push(`state ${name(stream)}`),
      row: (row) => rows.push(row),
      kept: (ref) => log.push(`kept ${ref}`),
      refused: (code) => log.push(`refused ${code}`),
      notice: (_symbol, _kind, text) => log.push(text),
      pong: (number) => log.push(`pong ${number}`),
    },
  );
});

afterEach(() => {
  vi.useRealTimers();
});

const subscribed = (ref: number, stream: number, group: number) => say(1, ref, stream, key(group));
const asks = () => sent.filter((it) => (it as unknown[])[0] === 1).length;
const leaves = () => sent.filter((it) => (it as unknown[])[0] === 2).map((it) => (it as unknown[])[1]);

/** Brings a stream into view. */
const view = () => {
  live.want([key(10)]);
  say(0, hello);
  subscribed(1, 4, 10);
  keyframe(4, 1);
};

describe("asking", () => {
  it("waits for the server's hello", () => {
    live.want([key(10)]);
    expect(sent).toEqual([]);
    say(0, hello);
    expect(sent).toEqual([[1, 1, key(10)]]);
  });

  it("shows a stream with its keyframe and follows its deltas", () => {
    view();
    delta(4, 2);
    say(12, 4, { t: 1 });
    expect(log).toEqual(["hello", "shown 4@10", "frame 4@10", "state 4@10"]);
  });

  it("keeps a state that comes before the keyframe", () => {
    live.want([key(10)]);
    say(0, hello);
    subscribed(1, 4, 10);
    say(12, 4, { t: 77 });
    keyframe(4, 1);
    expect(shown?.state).toEqual({ t: 77 });
  });

  it("asks for the same only once", () => {
    view();
    live.want([key(10)]);
    say(0, hello);
    expect(asks()).toBe(1);
  });
});

describe("changing the view", () => {
  beforeEach(view);

  it("keeps the old stream until the new one has come, then leaves it", () => {
    live.want([key(20)]);
    subscribed(2, 5, 20);
    delta(4, 2);
    expect(leaves()).toEqual([]);
    keyframe(5, 1);
    expect(log.slice(-2)).toEqual(["frame 4@10", "shown 5@20"]);
    expect(leaves()).toEqual([4]);
  });

  it("leaves what was granted after the mind has changed again", () => {
    live.want([key(20)]);
    live.want([key(10)]);
    subscribed(2, 5, 20);
    expect(leaves()).toEqual([5]);
    delta(4, 2);
    expect(log.at(-1)).toBe("frame 4@10");
  });

  it("follows only the last of several quick wishes", () => {
    live.want([key(20)]);
    live.want([key(50)]);
    subscribed(2, 5, 20);
    subscribed(3, 6, 50);
    keyframe(5, 1);
    keyframe(6, 1);
    expect(log.filter((it) => it.startsWith("shown"))).toEqual(["shown 4@10", "shown 6@50"]);
    expect(leaves()).toEqual([5, 4]);
  });

  it("hands on a refusal and can ask again", () => {
    live.want([key(20)]);
    say(2, 2, "bad_request", "no");
    expect(log.at(-1)).toBe("refused bad_request");
    live.want([key(50)]);
    expect(asks()).toBe(3);
  });
});

describe("a broken stream", () => {
  beforeEach(view);

  it("is left and asked for again at a gap", () => {
    delta(4, 3);
    vi.advanceTimersByTime(0);
    expect(leaves()).toEqual([4]);
    expect(asks()).toBe(2);
    subscribed(2, 9, 10);
    keyframe(9, 1);
    expect(log.at(-1)).toBe("shown 9@10");
  });

  it("is not shown again by frames that were on their way", () => {
    delta(4, 3);
    vi.advanceTimersByTime(0);
    delta(4, 4);
    keyframe(4, 5);
    expect(log.filter((it) => it.startsWith("shown")).length).toBe(1);
  });

  it("is asked for again when a frame cannot be read", () => {
    live.message(Uint8Array.of(0xc1));
    vi.advanceTimersByTime(0);
    expect(asks()).toBe(2);
  });

  it("that stays broken is asked for at most once a second", () => {
    for (let i = 0; i < 50; i++) {
      live.message(Uint8Array.of(0xc1));
      vi.advanceTimersByTime(100);
    }
    expect(asks()).toBeLessThanOrEqual(7);
    expect(asks()).toBeGreaterThanOrEqual(5);
  });
});

describe("the connection", () => {
  beforeEach(view);

  it("takes its streams with it; the new one is asked again after its hello", () => {
    live.connection("waiting");
    live.connection("connecting");
    live.connection("open");
    expect(asks()).toBe(1);
    say(0, hello);
    expect(asks()).toBe(2);
  });

  it("carries no data while nobody looks", () => {
    live.watching(false);
    expect(leaves()).toEqual([4]);
    live.want([key(20)]);
    expect(asks()).toBe(1);
    live.watching(true);
    expect(sent.at(-1)).toEqual([1, 2, key(20)]);
  });

  it("hands on the answers to pings", () => {
    live.ping(3);
    expect(sent.at(-1)).toEqual([3, 3]);
    say(3, 3, 1_000);
    expect(log.at(-1)).toBe("pong 3");
  });
});

it("drops what is in view and asks for it anew when it is restarted", () => {
  say(0, hello);
  live.want([key(10)]);
  subscribed(1, 5, 10);
  keyframe(5, 1);
  sent.length = 0;
  live.restart();
  expect(sent).toEqual([
    [2, 5],
    [1, 2, key(10)],
  ]);
  log.length = 0;
  delta(5, 2);
  expect(log).toEqual([]);
  subscribed(2, 6, 10);
  keyframe(6, 1);
  expect(log).toEqual(["shown 6@10"]);
});

it("sends orders about marks under numbers of their own and hands on what became of them", () => {
  const order = { op: "put" as const, symbol: "BTCUSDT", price: "77500", label: "stop", colour: 0 };
  expect(live.order(order)).toBe(0);
  view();
  expect(live.order(order)).toBe(2);
  expect(sent.at(-1)).toEqual([4, 2, order]);
  say(61, 2, 8);
  expect(log.at(-1)).toBe("kept 2");
});

describe("streams of several kinds", () => {
  const glance = { kind: "glance" as const, symbols: ["BTCUSDT"] };
  const fields = (last: number) => [
    1,
    2,
    last,
    92,
    null,
    null,
    null,
    1,
    new Uint8Array(33),
    null,
    null,
    null,
  ];
  const watch = (stream: number, last: number) =>
    say(20, stream, { t: 1_000, simulated: true, rows: [fields(last)] });

  beforeEach(view);

  it("are followed side by side, each mended alone", () => {
    live.want([key(10), glance]);
    expect(sent.at(-1)).toEqual([1, 2, glance]);
    say(1, 2, 5, glance);
    watch(5, 770);
    expect(log.at(-1)).toBe("shown 5:glance");
    say(21, 5, 1_000, [0, 0b100, 771]);
    expect(log.at(-1)).toBe("frame 5:glance");
    expect(shown?.kind === "glance" && shown.model.rows[0]?.last).toBe(771);
    say(21, 5, 1_000, [7, 1, 0]);
    vi.advanceTimersByTime(0);
    expect(leaves()).toEqual([5]);
    expect(sent.at(-1)).toEqual([1, 3, glance]);
    delta(4, 2);
    expect(log.at(-1)).toBe("frame 4@10");
  });

  it("are left when the screen that wanted them is left", () => {
    live.want([glance]);
    expect(leaves()).toEqual([4]);
    say(1, 2, 5, glance);
    live.want([]);
    expect(leaves()).toEqual([4, 5]);
    watch(5, 770);
    expect(log.at(-1)).toBe("shown 4@10");
  });

  it("do not take a frame of another kind", () => {
    watch(4, 770);
    vi.advanceTimersByTime(0);
    expect(leaves()).toEqual([4]);
    expect(log.filter((it) => it.startsWith("frame"))).toEqual([]);
  });

  it("answer the last row asked for only", () => {
    const row = { kind: "row" as const, symbol: "BTCUSDT", group: 10, row: 77 };
    live.askRow(row);
    live.askRow({ ...row, row: 78 });
    expect(sent.at(-1)).toEqual([1, 3, { ...row, row: 78 }]);
    say(14, 2, { row: 77 });
    say(14, 3, { row: 78 });
    expect(rows).toEqual([{ row: 78 }]);
    live.askRow(row);
    say(2, 4, "bad_request", "no");
    expect(log).not.toContain("refused bad_request");
  });
});
