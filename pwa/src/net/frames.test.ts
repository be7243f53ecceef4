import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import type { Delta, Keyframe, ServerMessage } from "./frames.ts";
import {
  decode,
  encodeMark,
  encodePing,
  encodeSubscribe,
  encodeUnsubscribe,
  FrameError,
  LadderModel,
} from "./frames.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../shared/wire/golden");

interface GoldenStream {
  readonly group: number;
  readonly depth: number;
  readonly frames: readonly Record<string, unknown>[];
}

const bytes = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(resolve(GOLDEN, name)));
const values = (name: string) => JSON.parse(readFileSync(resolve(GOLDEN, name), "utf8"));

/** The frames of a stream's file, each after its length in four bytes. */
function framesOf(name: string): Uint8Array[] {
  const raw = bytes(name);
  const lengths = new DataView(raw.buffer);
  const found: Uint8Array[] = [];
  for (let at = 0; at < raw.length; ) {
    const size = lengths.getUint32(at, true);
    found.push(raw.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return found;
}

function ladderFrame(raw: Uint8Array): Keyframe | Delta {
  const message = decode(raw);
  if (message.type !== "keyframe" && message.type !== "delta") throw new Error(`got ${message.type}`);
  return message;
}

/** The model as the plain values that the golden files hold. */
function plain(model: LadderModel, message: Keyframe | Delta) {
  const shown = message.type === "keyframe" ? model.prints.count : model.freshPrints;
  const prints = Array.from({ length: shown }, (_, index) => {
    const at = model.prints.slot(shown - 1 - index);
    const { ticks, lots, bought, atMs } = model.prints;
    return [ticks[at], lots[at], bought[at] === 1, atMs[at]];
  });
  const bands = [...model.bands].map((code, index) => [index, code]).filter(([, code]) => code !== 0);
  return {
    stream: message.stream,
    epoch: model.epoch,
    seq: model.seq,
    t: model.tMs,
    age: model.ageMs,
    flags: model.flags,
    bid: model.bidTick,
    ask: model.askTick,
    bid_rows: [...model.bids.rows.subarray(0, model.bids.count)],
    bid_lots: [...model.bids.lots.subarray(0, model.bids.count)],
    ask_rows: [...model.asks.rows.subarray(0, model.asks.count)],
    ask_lots: [...model.asks.lots.subarray(0, model.asks.count)],
    prints,
    first: model.firstBand,
    bands: model.hasBands ? bands : null,
  };
}

/** The message under the names that the server's own reader gives its parts. */
function asWritten(message: ServerMessage): unknown {
  switch (message.type) {
    case "hello":
      return { facts: message.hello };
    case "state":
      return { stream: message.stream, facts: message.state };
    case "row":
      return { ref: message.ref, facts: message.row };
    case "pong":
      return { number: message.number, server_ms: message.serverMs };
    default: {
      const { type: _, ...parts } = message;
      return parts;
    }
  }
}

const streams = readdirSync(GOLDEN)
  .filter((name) => name.endsWith(".json") && "frames" in values(name))
  .map((name) => name.replace(".json", ""));

describe("golden frames", () => {
  it.each([
    "hello",
    "subscribed",
    "refused",
    "pong",
    "state",
    "state_clusters",
    "state_later",
    "state_changes",
    "notice",
    "row",
    "mark_kept",
  ])("%s reads as its values say", (name) => {
    expect(asWritten(decode(bytes(`${name}.bin`)))).toEqual(values(`${name}.json`));
  });

  it("holds dense and sparse ladders, empty sides and a long random stream", () => {
    expect(streams.sort()).toEqual(["ladder_dense", "ladder_empty", "ladder_sparse", "stream"]);
  });

  it.each(streams)("%s gives the ladder of every frame", (name) => {
    const golden: GoldenStream = values(`${name}.json`);
    const model = new LadderModel(golden.group, golden.depth);
    const raws = framesOf(`${name}.bin`);
    expect(raws).toHaveLength(golden.frames.length);
    raws.forEach((raw, index) => {
      const message = ladderFrame(raw);
      expect(model.apply(message)).toBe(true);
      expect(plain(model, message)).toEqual(golden.frames[index]);
    });
  });

  it.each(streams)("%s is found row by row, and nothing between the rows", (name) => {
    const golden: GoldenStream = values(`${name}.json`);
    const model = new LadderModel(golden.group, golden.depth);
    for (const raw of framesOf(`${name}.bin`)) model.apply(ladderFrame(raw));
    for (const side of [model.bids, model.asks]) {
      const held = new Map(Array.from({ length: side.count }, (_, at) => [side.rows[at], side.lots[at]]));
      const [one = 0, other = 0] = [side.rows[0], side.rows[side.count - 1]];
      for (let row = Math.min(one, other) - 1; row <= Math.max(one, other) + 1; row++)
        expect(side.lotsAt(row)).toBe(held.get(row) ?? 0);
    }
  });

  it("writes requests byte for byte as the server reads them", () => {
    expect([...encodeSubscribe(9, values("subscribe.json")[2])]).toEqual([...bytes("subscribe.bin")]);
    const row = values("subscribe_row.json");
    expect([...encodeSubscribe(row[1], row[2])]).toEqual([...bytes("subscribe_row.bin")]);
    for (const name of ["put_mark", "remove_mark"]) {
      const [, ref, order] = values(`${name}.json`);
      expect([...encodeMark(ref, order)]).toEqual([...bytes(`${name}.bin`)]);
    }
    for (const kind of ["glance", "map", "tape", "pulse", "marks"]) {
      const [, ref, wish] = values(`subscribe_${kind}.json`);
      expect([...encodeSubscribe(ref, wish)]).toEqual([...bytes(`subscribe_${kind}.bin`)]);
    }
    expect([...encodeUnsubscribe(4)]).toEqual([...bytes("unsubscribe.bin")]);
    expect([...encodePing(77)]).toEqual([...bytes("ping.bin")]);
  });
});

describe("a stream with a gap", () => {
  const golden: GoldenStream = values("stream.json");
  const raws = framesOf("stream.bin");
  const model = () => new LadderModel(golden.group, golden.depth);

  it("needs a keyframe first", () => {
    const fresh = model();
    expect(fresh.apply(ladderFrame(raws[1] as Uint8Array))).toBe(false);
    expect(fresh.synced).toBe(false);
  });

  it("reports a skipped frame, refuses what follows and recovers with the next keyframe", () => {
    const held = model();
    const renewed = golden.frames.findIndex(
      (frame, index) => index > 0 && frame.epoch !== golden.frames[0]?.epoch,
    );
    const applied = raws.map((raw, index) => index === 5 || held.apply(ladderFrame(raw)));
    expect(applied.slice(0, 5).every(Boolean)).toBe(true);
    expect(applied.slice(6, renewed).some(Boolean)).toBe(false);
    expect(applied.slice(renewed).every(Boolean)).toBe(true);
    expect(held.synced).toBe(true);
  });

  it("takes a delta of another epoch for a gap", () => {
    const held = model();
    held.apply(ladderFrame(raws[0] as Uint8Array));
    const next = ladderFrame(raws[1] as Uint8Array) as Delta;
    expect(held.apply({ ...next, check: (next.check + 1) % 128 })).toBe(false);
  });
});

describe("broken frames", () => {
  it("are refused wherever they are cut, and leave the model unsynced", () => {
    const golden: GoldenStream = values("stream.json");
    const raws = framesOf("stream.bin");
    const keyframe = ladderFrame(raws[0] as Uint8Array);
    const delta = ladderFrame(raws[1] as Uint8Array) as Delta;
    for (let size = 0; size <= delta.body.length + 1; size++) {
      if (size === delta.body.length) continue;
      const body = new Uint8Array(size);
      body.set(delta.body.subarray(0, size));
      const model = new LadderModel(golden.group, golden.depth);
      model.apply(keyframe);
      expect(() => model.apply({ ...delta, body })).toThrow(FrameError);
      expect(model.synced).toBe(false);
    }
  });

  it.each([
    ["no array", encode({})],
    ["no known type", encode([99])],
    ["no bytes of msgpack", new Uint8Array([0xc1])],
    ["a delta without a body", encode([11, 1, 1])],
    ["a delta of fractions", encode([11, 1, 1.5, new Uint8Array(1)])],
    ["a keyframe without rows", encode([10, 1, 1, 1, {}])],
    ["a refusal without words", encode([2, 1, "bad_request"])],
  ])("are refused: %s", (_, raw) => {
    expect(() => decode(raw)).toThrow(FrameError);
  });
});
