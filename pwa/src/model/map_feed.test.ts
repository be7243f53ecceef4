// @vitest-environment happy-dom

import { encode } from "@msgpack/msgpack";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { decode, type Streamed } from "../net/frames.ts";
import { MapModel } from "../net/map_frames.ts";
import { MapFeed } from "./map_feed.ts";

const COLUMNS = 4;
const ROWS = 6;
const KEY = { symbol: "BTCUSDT", venue: "all", hours: 12, opened: "all" } as const;

async function frameOf(fill: number): Promise<Streamed> {
  const bytes = new Uint8Array(COLUMNS * ROWS).fill(0);
  bytes.fill(fill, 0, ROWS);
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const plane = new Uint8Array(await new Response(packed).arrayBuffer());
  const book = { bids: new Uint8Array(ROWS), asks: new Uint8Array(ROWS) };
  const key = {
    ...{ t: 1_800_000, step_min: 1, first_min: 20, columns: COLUMNS, rows: ROWS, low: 100, ratio: 1.01 },
    ...{ long: plane, short: plane, candles: new Uint8Array(COLUMNS * 16), book, top_usd: 1e6, oi_usd: null },
    ...{ progress: 1, calibrated: true, factor: 2, exact: 0, age: 500, flags: 1, venues: [], clusters: [] },
  };
  return decode(encode([30, 3, key])) as Streamed;
}

describe("the map in view", () => {
  const redraw = vi.fn();
  let feed: MapFeed;
  let model: MapModel;
  const ready = (one: MapModel) => vi.waitFor(() => expect(one.data).not.toBeNull());
  beforeEach(async () => {
    localStorage.clear();
    redraw.mockClear();
    feed = new MapFeed(redraw);
    model = new MapModel();
    model.apply(await frameOf(90));
    feed.show(KEY, model);
    await ready(model);
  });

  it("is of its own market only", () => {
    expect(feed.data("BTCUSDT", "all")).toBe(model.data);
    expect(feed.data("ETHUSDT", "all")).toBeNull();
    expect(feed.data("BTCUSDT", "okx")).toBeNull();
    expect(redraw).toHaveBeenCalled();
  });

  it("stays until another range of the same market is there", async () => {
    const next = new MapModel();
    next.apply(await frameOf(40));
    feed.show({ ...KEY, hours: 24 }, next);
    expect(feed.data("BTCUSDT", "all")).toBe(model.data);
    await ready(next);
    expect(feed.data("BTCUSDT", "all")).toBe(next.data);
  });

  it("kept on the phone comes back as old as it is", async () => {
    await feed.keep(localStorage, performance.now(), 1_000_000);
    const later = new MapFeed(redraw);
    const nowMs = performance.now();
    later.restore(localStorage, nowMs, 1_000_000 + 3_600_000);
    await vi.waitFor(() => expect(later.data("BTCUSDT", "all")).not.toBeNull());
    expect(later.data("BTCUSDT", "all")?.long).toEqual(model.data?.long);
    const ageMs = nowMs - later.receivedMs();
    expect(ageMs).toBeGreaterThanOrEqual(3_600_000);
    expect(ageMs).toBeLessThan(3_660_000);
  });

  it("is written once a change", async () => {
    await feed.keep(localStorage, 0, 0);
    expect(localStorage.getItem("leadline.map.kept")).not.toBeNull();
    localStorage.clear();
    await feed.keep(localStorage, 1, 1);
    expect(localStorage.getItem("leadline.map.kept")).toBeNull();
  });

  it("unreadable is left alone", () => {
    for (const text of ["", "{", '{"version":1,"frame":"!"}', '{"version":1,"frame":"kA=="}', "null"]) {
      localStorage.setItem("leadline.map.kept", text);
      const later = new MapFeed(redraw);
      later.restore(localStorage, 0, 0);
      expect(later.data("BTCUSDT", "all")).toBeNull();
    }
  });
});
