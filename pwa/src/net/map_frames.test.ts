// @vitest-environment happy-dom

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { deflateRawSync } from "node:zlib";
import { encode, decode as unpack } from "@msgpack/msgpack";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { decode, FrameError, type Streamed } from "./frames.ts";
import { golden } from "./golden.ts";
import { type MapData, MapModel } from "./map_frames.ts";
import { packedMap } from "./map_pack.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../shared/wire/golden");
const told = JSON.parse(readFileSync(resolve(GOLDEN, "map.json"), "utf8")).maps;

/** The golden keyframe with some of its fields as said. */
function keyframe(changed: Record<string, unknown>): Streamed {
  const [key] = golden("map") as [Streamed];
  return { ...key, parts: [30, 6, { ...(key.parts[2] as object), ...changed }] };
}

/** The model as the plain values that the golden file holds. */
function plain(model: MapModel) {
  const data = model.data;
  if (!data) throw new Error("expected a map");
  const rows = (plane: Uint8Array) =>
    Array.from({ length: data.columns }, (_, at) => [
      ...plane.subarray(at * data.rows, (at + 1) * data.rows),
    ]);
  const cents = (value: number) => Math.round(value * 100) / 100;
  const candles = Array.from({ length: data.columns }, (_, at) =>
    [...data.candles.subarray(4 * at, 4 * at + 4)].map(cents),
  ).map((candle) => (Number.isNaN(candle[3]) ? null : candle));
  return { first_min: data.firstMin, long: rows(data.long), short: rows(data.short), candles };
}

describe("a map", () => {
  let model: MapModel;
  let changes: number;
  /** Waits until the model has told so many changes. */
  const settled = (count: number) => vi.waitFor(() => expect(changes).toBe(count));
  beforeEach(() => {
    model = new MapModel();
    changes = 0;
    model.changed = () => {
      changes += 1;
    };
  });

  it("reads golden frames as their values say", async () => {
    for (const [index, frame] of golden("map").entries()) {
      expect(model.apply(frame)).toBe(true);
      await settled(index + 1);
      const { first_min, long, short, candles, facts, book } = told[index];
      expect(plain(model)).toEqual({ first_min, long, short, candles });
      const data = model.data;
      expect([...(data?.bids ?? [])]).toEqual(book.bids);
      expect([...(data?.asks ?? [])]).toEqual(book.asks);
      expect(data?.known).toEqual(book.known);
      expect(data).toMatchObject({
        ...{ tMs: facts.t, topUsd: facts.top_usd, oiUsd: facts.oi_usd, ageMs: facts.age },
        ...{ flags: facts.flags, progress: facts.progress, clusters: facts.clusters, moves: facts.moves },
        ...{ low: 26_500.5, ratio: 1.001, calibrated: false, factor: 4, exact: 0, venues: facts.venues },
        ...{ opened: "range", part: facts.part, standing: facts.standing },
      });
    }
  });

  it("keeps columns that come while the planes are unpacked", async () => {
    for (const frame of golden("map")) expect(model.apply(frame)).toBe(true);
    expect(model.data).toBeNull();
    await settled(4);
    expect(plain(model).long).toEqual(told.at(-1).long);
  });

  it("written down reads back as it was", async () => {
    for (const frame of golden("map")) model.apply(frame);
    await settled(4);
    const parts = unpack(Buffer.from(await packedMap(model.data as MapData), "base64")) as unknown[];
    const again = new MapModel();
    expect(again.apply({ type: "streamed", code: 30, stream: 0, parts })).toBe(true);
    await vi.waitFor(() => expect(again.data).not.toBeNull());
    expect({ ...again.data, version: 0 }).toEqual({ ...model.data, version: 0 });
  });

  it("of many cells is packed in parts and reads back as it was", async () => {
    const [columns, rows] = [300, 500];
    const cells = (seed: number) =>
      new Uint8Array(
        deflateRawSync(Uint8Array.from({ length: columns * rows }, (_, at) => (at * seed) >> 7)),
      );
    const resting = { bids: new Uint8Array(rows), asks: new Uint8Array(rows), known: null };
    const candles = new Uint8Array(columns * 16);
    const large = { columns, rows, candles, book: resting, long: cells(31), short: cells(7) };
    model.apply(keyframe(large));
    await settled(1);
    const parts = unpack(Buffer.from(await packedMap(model.data as MapData), "base64")) as unknown[];
    const again = new MapModel();
    again.apply({ type: "streamed", code: 30, stream: 0, parts });
    await vi.waitFor(() => expect(again.data).not.toBeNull());
    expect(again.data?.long).toEqual(model.data?.long);
    expect(again.data?.short).toEqual(model.data?.short);
  });

  it("wants a keyframe first", () => {
    expect(model.apply(golden("map")[1] as Streamed)).toBe(false);
  });

  it("whose planes are broken is not shown, and its next column is refused", async () => {
    const short = deflateRawSync(new Uint8Array(5));
    const long = deflateRawSync(new Uint8Array(12 * 16 + 1));
    for (const plane of [short, long, Uint8Array.of(255, 255, 255)]) {
      expect(model.apply(keyframe({ long: new Uint8Array(plane) }))).toBe(true);
      await vi.waitFor(() => expect(model.apply(golden("map")[1] as Streamed)).toBe(false));
      expect(model.data).toBeNull();
    }
  });

  it("refuses a keyframe that cannot be one", () => {
    const wrong = [
      { columns: 0 },
      { columns: 4_000, rows: 4_000 },
      { low: 0 },
      { ratio: 1 },
      { candles: new Uint8Array(16) },
      { book: { bids: new Uint8Array(3), asks: new Uint8Array(16) } },
      ...[[3], [12, 3], [-1, 3], [3, 17], [3, 4.5], "3"].map((known) => ({
        book: { bids: new Uint8Array(16), asks: new Uint8Array(16), known },
      })),
      { clusters: null },
      { top_usd: "much" },
    ];
    for (const changed of wrong) expect(() => model.apply(keyframe(changed))).toThrow(FrameError);
  });

  it("refuses a column of another range or height", async () => {
    const [key, column] = golden("map") as [Streamed, Streamed];
    const fields = column.parts[2] as Record<string, unknown>;
    for (const [index, changed] of [
      { minute: 5 },
      { minute: Number(fields.minute) + 1 },
      { long: new Uint8Array(3) },
    ].entries()) {
      model.apply(key);
      await settled(index + 1);
      const broken = { ...column, parts: [31, 6, { ...fields, ...changed }] };
      expect(() => model.apply(broken)).toThrow(FrameError);
    }
  });

  it("decodes from bytes at any offset", async () => {
    const raw = encode([30, 6, (golden("map")[0] as Streamed).parts[2]]);
    const moved = new Uint8Array(raw.length + 3);
    moved.set(raw, 3);
    model.apply(decode(moved.subarray(3)) as Streamed);
    await settled(1);
    expect(plain(model).candles).toEqual(told[0].candles);
  });
});
