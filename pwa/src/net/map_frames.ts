/** The liquidation map as the server tells it: types 30 and 31 of the wire. */

import type { Cluster, Standing } from "../model/state.ts";
import { amount, FrameError, list, map, type Streamed, whole } from "./frames.ts";
import type { Opened } from "./wishes.ts";

export const KEYFRAME = 30;
const COLUMN = 31;
/** More cells than any range has; a frame that says more is broken. */
const CELLS_MAX = 1 << 20;
const FIELDS = 4;
const PRICE_BYTES = 4;

/** How one side of the map has moved of late, dollars but for `bp` (above 0 is up). */
export interface SideMove {
  readonly bp: number;
  readonly opened: number;
  readonly closed: number;
  readonly triggered: number;
  readonly moved: number;
  readonly revalued: number;
}

export interface Moves {
  /** Unix ms. */
  readonly since: number;
  readonly long: SideMove;
  readonly short: SideMove;
}

/** A map as it is drawn; the arrays grow in place, and `version` rises with every change. */
export interface MapData {
  readonly version: number;
  /** Server time of the newest column, Unix ms. */
  readonly tMs: number;
  readonly stepMin: number;
  readonly firstMin: number;
  readonly columns: number;
  readonly rows: number;
  /** Price of the lower edge of row 0, and of each row's upper edge over its lower one. */
  readonly low: number;
  readonly ratio: number;
  /** Band codes, column after column, each from the lowest row up. */
  readonly long: Uint8Array;
  readonly short: Uint8Array;
  /** Open, high, low and close a column; NaN where there is none. */
  readonly candles: Float32Array;
  /** Band codes of what rests a row now. */
  readonly bids: Uint8Array;
  readonly asks: Uint8Array;
  /** Rows, the second not among them, in which every order is known; null where nothing is told of that. */
  readonly known: readonly [first: number, end: number] | null;
  /** Dollars a row at the top of the palette. */
  readonly topUsd: number;
  readonly oiUsd: number | null;
  /** 0..1 of the making of the columns. */
  readonly progress: number;
  readonly calibrated: boolean;
  /** Bounds of the 80 % interval are the estimate over and times this. */
  readonly factor: number;
  readonly opened: Opened;
  /** Of all dollars of the newest column, those that are shown, 0..1. */
  readonly part: number;
  /** Venues of the view that are not simply in the estimate. */
  readonly standing: { readonly [venue: string]: Standing };
  /** The part that comes from published positions, 0..1. */
  readonly exact: number;
  readonly ageMs: number;
  readonly flags: number;
  readonly venues: readonly { readonly venue: string; readonly share: number }[];
  readonly clusters: readonly Cluster[];
  /** What became of both sides since the last session but one began. */
  readonly moves: Moves | null;
}

type Held = { -readonly [Name in keyof MapData]: MapData[Name] };
type Fields = Record<string, unknown>;

/** Numbers of all maps in one sequence, so that two maps never have the same one. */
let versions = 0;

export class MapModel {
  /** Null until the planes of the first keyframe are unpacked. */
  data: MapData | null = null;
  /** Told whenever `data` has changed: unpacking takes its time. */
  changed: () => void = () => {};
  #held: Held | null = null;
  #synced = false;
  /** The keyframe that is being unpacked. */
  #coming: Fields | null = null;
  /** Columns that came in the meantime. */
  #waiting: Fields[] = [];

  /** Takes the next frame; false when no keyframe came before it. Throws FrameError for a broken one. */
  apply(frame: Streamed): boolean {
    const follows = this.#synced;
    this.#synced = false;
    const fields = map(frame.parts[2]);
    if (frame.code === KEYFRAME) this.#unpack(fields);
    else if (frame.code !== COLUMN || !follows) return false;
    else if (this.#coming) this.#waiting.push(fields);
    else this.#put(fields);
    this.#synced = true;
    return true;
  }

  #unpack(fields: Fields): void {
    const held = shapeOf(fields);
    const packed = [bytesOf(fields.long), bytesOf(fields.short)];
    const size = held.columns * held.rows;
    this.#coming = fields;
    this.#waiting = [];
    Promise.all(packed.map((plane) => inflate(plane, size)))
      .then(([long, short]) => {
        if (this.#coming !== fields) return;
        held.long = planeOf(long as Uint8Array, held.rows);
        held.short = planeOf(short as Uint8Array, held.rows);
        this.#held = held;
        this.#coming = null;
        for (const column of this.#waiting.splice(0)) this.#put(column);
        this.#tell();
      })
      .catch(() => {
        // The next column finds that it follows nothing, and the stream is asked for again.
        if (this.#coming !== fields) return;
        this.#coming = null;
        this.#synced = false;
      });
  }

  #put(fields: Fields): void {
    const held = this.#held;
    if (!held) throw new FrameError("expected a keyframe before a column");
    const away = whole(fields.minute) - held.firstMin;
    if (away < 0 || away % held.stepMin !== 0) {
      throw new FrameError(`expected a column of this range, got minute ${String(fields.minute)}`);
    }
    const long = rowsOf(fields.long, held.rows);
    const short = rowsOf(fields.short, held.rows);
    let column = away / held.stepMin;
    if (column >= held.columns) {
      shift(held, column - held.columns + 1);
      column = held.columns - 1;
    }
    held.long.set(long, column * held.rows);
    held.short.set(short, column * held.rows);
    held.candles.set(candleOf(fields.candle), column * FIELDS);
    Object.assign(held, slowFacts(fields, held.rows));
    this.#tell();
  }

  #tell(): void {
    const held = this.#held as Held;
    versions += 1;
    held.version = versions;
    this.data = held;
    this.changed();
  }
}

/** Everything of a keyframe but the planes. */
function shapeOf(fields: Fields): Held {
  const [columns, rows] = [whole(fields.columns), whole(fields.rows)];
  if (columns < 1 || rows < 1 || columns * rows > CELLS_MAX) {
    throw new FrameError(`expected 1 to ${CELLS_MAX} cells, got ${columns} x ${rows}`);
  }
  const [stepMin, low, ratio] = [whole(fields.step_min), amount(fields.low), amount(fields.ratio)];
  if (stepMin < 1 || !(low > 0) || !(ratio > 1)) {
    throw new FrameError(`expected a step and rows above 0, got ${stepMin} min from ${low} by ${ratio}`);
  }
  return {
    version: 0,
    stepMin,
    firstMin: whole(fields.first_min),
    columns,
    rows,
    low,
    ratio,
    long: new Uint8Array(0),
    short: new Uint8Array(0),
    candles: pricesOf(bytesOf(fields.candles), columns),
    calibrated: fields.calibrated === true,
    factor: amount(fields.factor),
    opened: fields.opened === "range" ? "range" : "all",
    exact: amount(fields.exact),
    venues: list(fields.venues) as MapData["venues"],
    ...slowFacts(fields, rows),
  };
}

/** What every frame tells anew. */
function slowFacts(fields: Fields, rows: number) {
  const book = map(fields.book);
  return {
    tMs: whole(fields.t),
    bids: rowsOf(book.bids, rows),
    asks: rowsOf(book.asks, rows),
    known: knownOf(book.known, rows),
    topUsd: amount(fields.top_usd),
    oiUsd: fields.oi_usd === null ? null : amount(fields.oi_usd),
    progress: amount(fields.progress ?? 1),
    part: amount(fields.part ?? 1),
    standing: map(fields.standing ?? {}) as MapData["standing"],
    ageMs: amount(fields.age),
    flags: whole(fields.flags),
    clusters: list(fields.clusters) as readonly Cluster[],
    moves: fields.moves ? (map(fields.moves) as unknown as Moves) : null,
  };
}

/** A map kept from before this was told says nothing of it. */
function knownOf(value: unknown, rows: number): MapData["known"] {
  if (value === null || value === undefined) return null;
  const [first, end] = list(value).map(whole);
  if (first === undefined || end === undefined || first < 0 || first > end || end > rows) {
    throw new FrameError(`expected the first and the end of ${rows} rows, got ${String(value)}`);
  }
  return [first, end];
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  if (!(value instanceof Uint8Array)) throw new FrameError(`expected bytes, got ${String(value)}`);
  // A copy: what came is a window on the message, at any offset.
  return new Uint8Array(value);
}

function rowsOf(value: unknown, rows: number): Uint8Array {
  const codes = bytesOf(value);
  if (codes.length !== rows) throw new FrameError(`expected ${rows} rows, got ${codes.length}`);
  return codes;
}

function pricesOf(raw: Uint8Array<ArrayBuffer>, columns: number): Float32Array {
  if (raw.length !== columns * FIELDS * PRICE_BYTES) {
    throw new FrameError(`expected candles of ${columns} columns, got ${raw.length} bytes`);
  }
  const view = new DataView(raw.buffer);
  return Float32Array.from({ length: columns * FIELDS }, (_, at) => view.getFloat32(at * PRICE_BYTES, true));
}

function candleOf(value: unknown): readonly number[] {
  if (value === null) return Array(FIELDS).fill(Number.NaN);
  const candle = list(value).map(amount);
  if (candle.length !== FIELDS) throw new FrameError(`expected ${FIELDS} prices, got ${candle.length}`);
  return candle;
}

/** Moves the range on: the oldest columns fall out, the newest are empty. */
function shift(held: Held, columns: number): void {
  const kept = Math.max(0, held.columns - columns);
  for (const plane of [held.long, held.short]) {
    plane.copyWithin(0, plane.length - kept * held.rows);
    plane.fill(0, kept * held.rows);
  }
  held.candles.copyWithin(0, (held.columns - kept) * FIELDS);
  held.candles.fill(Number.NaN, kept * FIELDS);
  held.firstMin += columns * held.stepMin;
}

/** Codes from differences to the column before, in place; bytes wrap by themselves. */
function planeOf(steps: Uint8Array, rows: number): Uint8Array {
  for (let at = rows; at < steps.length; at++) {
    steps[at] = (steps[at] as number) + (steps[at - rows] as number);
  }
  return steps;
}

/** Unpacks exactly `size` bytes; more or fewer are an error, so that no small frame fills the memory. */
async function inflate(packed: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array> {
  const unpacked = new Uint8Array(size);
  let at = 0;
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > size) {
      await reader.cancel();
      throw new FrameError(`expected ${size} cells, got more`);
    }
    unpacked.set(value, at);
    at += value.length;
  }
  if (at !== size) throw new FrameError(`expected ${size} cells, got ${at}`);
  return unpacked;
}
