/** A map as a keyframe of the wire again, to be written down; a slow phone packs it in many small tasks. */

import { KEYFRAME, type MapData } from "./map_frames.ts";
import { encode } from "./msgpack.ts";

/** Cells that are packed in one task. */
const PART = 1 << 16;

/** The map as it is now, in base64. */
export async function packedMap(map: MapData): Promise<string> {
  const key = {
    t: map.tMs,
    step_min: map.stepMin,
    first_min: map.firstMin,
    columns: map.columns,
    rows: map.rows,
    low: map.low,
    ratio: map.ratio,
    top_usd: map.topUsd,
    oi_usd: map.oiUsd,
    progress: map.progress,
    calibrated: map.calibrated,
    factor: map.factor,
    exact: map.exact,
    opened: map.opened,
    part: map.part,
    standing: map.standing,
    age: map.ageMs,
    flags: map.flags,
    venues: map.venues,
    clusters: map.clusters,
    moves: map.moves,
    book: { bids: map.bids, asks: map.asks, known: map.known },
    // Columns may be put into the map while its planes are packed.
    candles: new Uint8Array(map.candles.slice().buffer),
  };
  const planes = [map.long.slice(), map.short.slice()].map((plane) => deflated(plane, map.rows));
  const [long, short] = await Promise.all(planes);
  return base64(encode([KEYFRAME, 0, { ...key, long, short }]));
}

/** Packs differences to the column before. */
async function deflated(plane: Uint8Array, rows: number): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream("deflate-raw");
  const packed = new Response(readable).arrayBuffer();
  const writer = writable.getWriter();
  for (let first = 0; first < plane.length; first += PART) {
    await new Promise((done) => setTimeout(done));
    const part = new Uint8Array(plane.subarray(first, first + PART));
    for (let at = 0; at < part.length; at++) {
      part[at] = (part[at] as number) - (plane[first + at - rows] ?? 0);
    }
    writer.write(part);
  }
  writer.close();
  return new Uint8Array(await packed);
}

/** Written by the browser beside the main thread, which has a picture to draw. */
function base64(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new FileReader();
  reader.readAsDataURL(new Blob([bytes]));
  return new Promise((done, failed) => {
    reader.onload = () => done(String(reader.result).split(",")[1] ?? "");
    reader.onerror = () => failed(reader.error);
  });
}
