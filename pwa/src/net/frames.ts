/**
 * The frames between server and phone; `shared/wire/README.md` is the contract.
 *
 * `decode` reads any message of the server. A `LadderModel` follows one stream: it holds the ladder in
 * typed arrays and applies deltas in place, so that a frame leaves nothing behind to collect.
 */

import type { Patch } from "../model/patch.ts";
import type { StreamState } from "../model/state.ts";
import { encode, decode as unpack } from "./msgpack.ts";
import type { RowWish, Wish } from "./wishes.ts";

export const BAND_ROWS = 400;
export const ROWS_MAX = 200;
/** Prints that a model keeps; more than a frame can hold. */
export const PRINTS_KEPT = 256;

/** The two lowest bits of the flags are one number: 0 syncing, 1 live, 2 stale. */
export const FLAG_FRESHNESS = 3;
export const FRESHNESS_SYNCING = 0;
export const FRESHNESS_LIVE = 1;
export const FRESHNESS_STALE = 2;
export const FLAG_SIMULATED = 4;
export const FLAG_CROSSED = 8;
export const FLAG_PARTIAL = 16;

const SUBSCRIBE = 1;
const UNSUBSCRIBE = 2;
const PING = 3;
const HELLO = 0;
const SUBSCRIBED = 1;
const REFUSED = 2;
const PONG = 3;
const KEYFRAME = 10;
const DELTA = 11;
const STATE = 12;
const NOTICE = 13;
const ROW = 14;
const STATE_CHANGES = 15;
/** First and last type of the streams that are no ladders: glance, map, tape, pulse, marks. */
const STREAMED_FROM = 20;
const STREAMED_TO = 60;
const MARK_KEPT = 61;
const MARK = 4;

/** What a delta's body holds, in this order; the last bit says that its dt counts backwards. */
const HAS_AGE = 1;
const HAS_FLAGS = 2;
const HAS_BIDS = 4;
const HAS_ASKS = 8;
const HAS_TRADES = 16;
const HAS_BANDS = 32;
const CLOCK_FELL = 64;
const CHECK_ROUND = 128;
/** From the best row outwards: which of them changed is one byte. */
const NEAR_ROWS = 8;
const AGE_UNIT_MS = 100;
const BANDS_NONE = 0;
const BANDS_CHANGED = 1;
/** Codes of sizes from a power of two to the next one. */
const SIZE_STEPS = 512;
const SIZE_CODE_MAX = SIZE_STEPS * 45 - 1;
const VARINT_BYTES_MAX = 8;

/** A frame is not what the catalogue says; whoever meets it drops the stream and subscribes again. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** `numerator / 10 ** decimals`. */
export type WireStep = readonly [numerator: number, decimals: number];

export interface SymbolFacts {
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  readonly tick: WireStep;
  readonly lot: WireStep;
  /** What a lot counts; quote currency for inverse contracts. */
  readonly unit: "coin" | "quote";
  readonly venues: readonly string[];
  /** Ticks a row, finest first. */
  readonly groups: readonly number[];
  /** A good first choice of them. */
  readonly group: number;
}

export interface Hello {
  readonly version: string;
  readonly market: "live" | "twin" | "replay";
  readonly simulated: boolean;
  readonly server_ms: number;
  readonly venues: readonly string[];
  readonly symbols: readonly SymbolFacts[];
}

export type RefusalCode = "unknown_symbol" | "unknown_venue" | "bad_request" | "too_many" | "not_kept";

export interface KeyframeContent {
  readonly t: number;
  readonly age: number;
  readonly flags: number;
  readonly bid: number;
  readonly ask: number;
  readonly bids: readonly number[];
  readonly asks: readonly number[];
  readonly trades: readonly number[];
  readonly first: number;
  readonly bands: Uint8Array;
}

export interface Keyframe {
  readonly type: "keyframe";
  readonly stream: number;
  readonly epoch: number;
  readonly seq: number;
  readonly key: KeyframeContent;
}

export interface Delta {
  readonly type: "delta";
  readonly stream: number;
  /** Tells a frame that does not follow the one held. */
  readonly check: number;
  readonly body: Uint8Array;
}

/** A frame of a stream that is no ladder; what its parts are is known to the reader of its kind. */
export interface Streamed {
  readonly type: "streamed";
  /** The message's type: 20 and 21 for glance and so on. */
  readonly code: number;
  readonly stream: number;
  /** The whole message. */
  readonly parts: readonly unknown[];
}

/** What a row of the ladder is made of, venue by venue; lots, and a band code for the fuel. */
export interface RowFacts {
  readonly symbol: string;
  readonly group: number;
  readonly row: number;
  readonly t: number;
  readonly venues: readonly {
    readonly venue: string;
    readonly state: "live" | "stale" | "syncing" | "idle";
    readonly age_ms: number | null;
    readonly bid: number;
    readonly ask: number;
    /** That is all that rests there; not so far from price, or while the venue is not live. */
    readonly whole: boolean;
    readonly fuel: number | null;
  }[];
}

/** What is to become of a mark; price in decimal text. */
export type MarkOrder =
  | {
      readonly op: "put";
      readonly symbol: string;
      readonly price: string;
      readonly label: string;
      readonly colour: number;
    }
  | { readonly op: "remove"; readonly id: number };

export type ServerMessage =
  | { readonly type: "hello"; readonly hello: Hello }
  | { readonly type: "subscribed"; readonly ref: number; readonly stream: number; readonly key: Wish }
  | { readonly type: "refused"; readonly ref: number; readonly code: RefusalCode; readonly text: string }
  | { readonly type: "pong"; readonly number: number; readonly serverMs: number }
  | Keyframe
  | Delta
  | Streamed
  | { readonly type: "kept"; readonly ref: number; readonly id: number }
  | { readonly type: "row"; readonly ref: number; readonly row: RowFacts }
  | { readonly type: "state"; readonly stream: number; readonly state: StreamState }
  | { readonly type: "changes"; readonly stream: number; readonly changes: Patch }
  | { readonly type: "notice"; readonly symbol: string; readonly kind: string; readonly text: string };

export function encodeSubscribe(ref: number, wish: Wish | RowWish): Uint8Array<ArrayBuffer> {
  return encode([SUBSCRIBE, ref, wish]);
}

export function encodeMark(ref: number, order: MarkOrder): Uint8Array<ArrayBuffer> {
  return encode([MARK, ref, order]);
}

export function encodeUnsubscribe(stream: number): Uint8Array<ArrayBuffer> {
  return encode([UNSUBSCRIBE, stream]);
}

export function encodePing(number: number): Uint8Array<ArrayBuffer> {
  return encode([PING, number]);
}

/** Reads one message of the server; throws FrameError when it is none of the catalogue. */
export function decode(bytes: Uint8Array): ServerMessage {
  let parts: unknown;
  try {
    parts = unpack(bytes);
  } catch (cause) {
    throw new FrameError("expected one msgpack array", { cause });
  }
  if (!Array.isArray(parts)) throw new FrameError("expected one msgpack array");
  switch (parts[0]) {
    case DELTA:
      if (!(parts[3] instanceof Uint8Array)) throw new FrameError("expected the bytes of a delta");
      return { type: "delta", stream: whole(parts[1]), check: whole(parts[2]), body: parts[3] };
    case KEYFRAME:
      return {
        type: "keyframe",
        stream: whole(parts[1]),
        epoch: whole(parts[2]),
        seq: whole(parts[3]),
        key: keyframeContent(parts[4]),
      };
    case STATE:
      return { type: "state", stream: whole(parts[1]), state: map(parts[2]) as unknown as StreamState };
    case STATE_CHANGES:
      return { type: "changes", stream: whole(parts[1]), changes: map(parts[2]) };
    case HELLO:
      return { type: "hello", hello: map(parts[1]) as unknown as Hello };
    case SUBSCRIBED: {
      const [, ref, stream, key] = parts;
      return {
        type: "subscribed",
        ref: whole(ref),
        stream: whole(stream),
        key: map(key) as unknown as Wish,
      };
    }
    case REFUSED: {
      const [, ref, code, words] = parts;
      return { type: "refused", ref: whole(ref), code: text(code) as RefusalCode, text: text(words) };
    }
    case PONG:
      return { type: "pong", number: whole(parts[1]), serverMs: whole(parts[2]) };
    case NOTICE: {
      const notice = map(parts[2]);
      return { type: "notice", symbol: text(parts[1]), kind: text(notice.kind), text: text(notice.text) };
    }
    case ROW:
      return { type: "row", ref: whole(parts[1]), row: map(parts[2]) as unknown as RowFacts };
    case MARK_KEPT:
      return { type: "kept", ref: whole(parts[1]), id: whole(parts[2]) };
    default:
      if (whole(parts[0]) >= STREAMED_FROM && (parts[0] as number) <= STREAMED_TO) {
        return { type: "streamed", code: parts[0] as number, stream: whole(parts[1]), parts };
      }
      throw new FrameError(`expected a type of the catalogue, got ${String(parts[0])}`);
  }
}

export function whole(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new FrameError(`expected a whole number, got ${String(value)}`);
  return value as number;
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw new FrameError(`expected a text, got ${String(value)}`);
  return value;
}

export function amount(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new FrameError(`expected a number, got ${String(value)}`);
  }
  return value;
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new FrameError(`expected a list, got ${String(value)}`);
  return value;
}

export function map(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameError(`expected a map, got ${String(value)}`);
  }
  return value as Record<string, unknown>;
}

export function numbers(value: unknown, every: number): readonly number[] {
  if (!Array.isArray(value) || value.length % every !== 0) {
    throw new FrameError(`expected numbers in groups of ${every}`);
  }
  for (const one of value) whole(one);
  return value as number[];
}

function keyframeContent(value: unknown): KeyframeContent {
  const key = map(value);
  const bands = key.bands;
  if (!(bands instanceof Uint8Array) || (bands.length !== 0 && bands.length !== BAND_ROWS)) {
    throw new FrameError(`expected no bands or ${BAND_ROWS}`);
  }
  return {
    t: whole(key.t),
    age: whole(key.age),
    flags: whole(key.flags),
    bid: whole(key.bid),
    ask: whole(key.ask),
    bids: numbers(key.bids, 2),
    asks: numbers(key.asks, 2),
    trades: numbers(key.trades, 3),
    first: whole(key.first),
    bands,
  };
}

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** Reads varints and bytes from the front of a delta's body; one object serves all frames of a model. */
class BodyReader {
  #body: Uint8Array = new Uint8Array(0);
  #at = 0;

  begin(body: Uint8Array): void {
    this.#body = body;
    this.#at = 0;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = this.byte();
      // Arithmetic, not bit operations: those would cut the number to 32 bits.
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) throw new FrameError("expected a varint below 2^53");
        return value;
      }
      scale *= 128;
    }
    throw new FrameError(`expected a varint of at most ${VARINT_BYTES_MAX} bytes`);
  }

  signed(): number {
    return unzigzag(this.varint());
  }

  byte(): number {
    const byte = this.#body[this.#at++];
    if (byte === undefined) throw new FrameError("the frame is cut short");
    return byte;
  }

  finish(): void {
    if (this.#at !== this.#body.length) throw new FrameError("expected the end of the frame");
  }
}

/** The code of a size in lots, and the size of a code: ten binary digits, as the wire tells sizes. */
function sizeCode(lots: number): number {
  let octave = 0;
  let digits = lots;
  while (digits >= 2 * SIZE_STEPS) {
    digits /= 2;
    octave += 1;
  }
  return octave * SIZE_STEPS + Math.round(digits);
}

function sizeOf(code: number): number {
  const octave = Math.max(0, Math.floor(code / SIZE_STEPS) - 1);
  return (code - octave * SIZE_STEPS) * 2 ** octave;
}

/** The rows of one side, best first; only the first `count` places hold a level. */
export class LadderSide {
  /** Row numbers; a row's price is row * group ticks. */
  rows: Float64Array;
  lots: Float64Array;
  count = 0;
  readonly #outwards: 1 | -1;
  readonly #depth: number;
  #nextRows: Float64Array;
  #nextLots: Float64Array;
  #nextCount = 0;
  /** Where a change stands: the places before are done with. */
  #from = 0;

  constructor(outwards: 1 | -1, depth: number) {
    this.#outwards = outwards;
    this.#depth = depth;
    this.rows = new Float64Array(depth);
    this.lots = new Float64Array(depth);
    this.#nextRows = new Float64Array(depth);
    this.#nextLots = new Float64Array(depth);
  }

  /** Takes flat gaps and lots from the best row outwards. */
  replace(best: number, flat: readonly number[]): void {
    this.#nextCount = 0;
    let distance = 0;
    for (let i = 0; i < flat.length; i += 2) {
      distance += flat[i] as number;
      this.#push(best + this.#outwards * distance, flat[i + 1] as number);
    }
    this.#swap();
  }

  clear(): void {
    this.count = 0;
  }

  /** Takes the changes of a delta; rows better than the best one are gone without a word. */
  change(best: number, body: BodyReader): void {
    this.#nextCount = 0;
    this.#from = this.#firstFrom(best);
    const near = body.byte();
    for (let offset = 0; offset < NEAR_ROWS; offset++) {
      if ((near >> offset) & 1) this.#changeRow(best + this.#outwards * offset, body.varint());
    }
    let distance = NEAR_ROWS - 1;
    for (let left = body.varint(); left > 0; left--) {
      const gap = body.varint();
      if (gap === 0) throw new FrameError("expected each row once");
      distance += gap;
      this.#changeRow(best + this.#outwards * distance, body.varint());
    }
    for (; this.#from < this.count; this.#from++) this.#keep(this.#from);
    this.#swap();
  }

  /** Keeps the rows before this one and gives it the size that is told: 0 for none, else how its code changed. */
  #changeRow(row: number, told: number): void {
    for (; this.#from < this.count && this.#isBefore(this.#from, row); this.#from++) this.#keep(this.#from);
    const isHeld = this.#from < this.count && this.rows[this.#from] === row;
    const held = isHeld ? sizeCode(this.lots[this.#from] as number) : 0;
    if (isHeld) this.#from++;
    if (told === 0) return;
    const code = held + unzigzag(told);
    if (code < 1 || code > SIZE_CODE_MAX) throw new FrameError(`expected a size's code, got ${code}`);
    this.#push(row, sizeOf(code));
  }

  /** Lots that rest in a row, 0 where none do. */
  lotsAt(row: number): number {
    const at = this.#firstFrom(row);
    return at < this.count && this.rows[at] === row ? (this.lots[at] as number) : 0;
  }

  /** The first level that is this row or farther out; `count` where there is none. */
  #firstFrom(row: number): number {
    let [from, to] = [0, this.count];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#isBefore(middle, row)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #isBefore(index: number, row: number): boolean {
    return ((this.rows[index] as number) - row) * this.#outwards < 0;
  }

  #keep(index: number): void {
    this.#push(this.rows[index] as number, this.lots[index] as number);
  }

  #push(row: number, lots: number): void {
    if (this.#nextCount === this.#depth) return;
    this.#nextRows[this.#nextCount] = row;
    this.#nextLots[this.#nextCount] = lots;
    this.#nextCount++;
  }

  #swap(): void {
    const { rows, lots } = this;
    this.rows = this.#nextRows;
    this.lots = this.#nextLots;
    this.#nextRows = rows;
    this.#nextLots = lots;
    this.count = this.#nextCount;
  }
}

/** The last trades in a ring; `slot(0)` is where the newest stands in the arrays. */
export class PrintRing {
  readonly ticks = new Float64Array(PRINTS_KEPT);
  readonly lots = new Float64Array(PRINTS_KEPT);
  readonly atMs = new Float64Array(PRINTS_KEPT);
  /** 1 where the taker bought. */
  readonly bought = new Uint8Array(PRINTS_KEPT);
  count = 0;
  #next = 0;

  /** Where the print `back` places before the newest stands; back is below `count`. */
  slot(back: number): number {
    return (this.#next - 1 - back + 2 * PRINTS_KEPT) % PRINTS_KEPT;
  }

  add(tick: number, packedLots: number, atMs: number): void {
    const at = this.#next;
    const bought = packedLots % 2;
    this.ticks[at] = tick;
    this.lots[at] = (packedLots - bought) / 2;
    this.bought[at] = bought;
    this.atMs[at] = atMs;
    this.#next = (at + 1) % PRINTS_KEPT;
    this.count = Math.min(this.count + 1, PRINTS_KEPT);
  }

  clear(): void {
    this.count = 0;
  }
}

/** One ladder stream as the server has it. */
export class LadderModel {
  readonly group: number;
  readonly depth: number;
  /** False before the first keyframe and after a gap: then the arrays are what was last known. */
  synced = false;
  epoch = 0;
  seq = 0;
  /** Server time of the frame, Unix ms. */
  tMs = 0;
  /** How old the oldest live venue's book was at `tMs`. */
  ageMs = 0;
  flags = 0;
  /** Best prices in ticks, 0 where the side is empty. */
  bidTick = 0;
  askTick = 0;
  readonly bids: LadderSide;
  readonly asks: LadderSide;
  readonly prints = new PrintRing();
  /** How many of the newest prints came with the last delta; 0 after a keyframe, which repeats old ones. */
  freshPrints = 0;
  /** One band code a row upwards from `firstBand`; all 0 while `hasBands` is false. */
  readonly bands = new Uint8Array(BAND_ROWS);
  firstBand = 0;
  hasBands = false;
  readonly #body = new BodyReader();

  /** group in ticks a row, depth in rows a side: as the server confirmed them. */
  constructor(group: number, depth: number) {
    this.group = group;
    this.depth = Math.min(depth, ROWS_MAX);
    this.bids = new LadderSide(-1, this.depth);
    this.asks = new LadderSide(1, this.depth);
  }

  /**
   * Takes the next frame. Returns false at a gap (a delta that does not follow the frame held): the
   * model is then not `synced` and needs a keyframe. Throws FrameError for a broken frame, likewise.
   */
  apply(message: Keyframe | Delta): boolean {
    const { synced } = this;
    this.synced = false;
    if (message.type === "keyframe") {
      this.#replace(message.key);
      this.epoch = message.epoch;
      this.seq = message.seq;
    } else {
      if (!synced || message.check !== (this.epoch + this.seq + 1) % CHECK_ROUND) return false;
      this.#change(message.body);
      this.seq += 1;
    }
    this.synced = true;
    return true;
  }

  /** A best row of bids lies at or below its tick, one of asks at or above. */
  get bestBidRow(): number {
    return (this.bidTick - (this.bidTick % this.group)) / this.group;
  }

  get bestAskRow(): number {
    const rest = this.askTick % this.group;
    return (this.askTick - rest) / this.group + (rest > 0 ? 1 : 0);
  }

  #replace(key: KeyframeContent): void {
    this.tMs = key.t;
    this.ageMs = key.age;
    this.flags = key.flags;
    this.bidTick = key.bid;
    this.askTick = key.ask;
    if ((key.bid === 0) !== (key.bids.length === 0) || (key.ask === 0) !== (key.asks.length === 0)) {
      throw new FrameError("expected rows exactly where there is a best tick");
    }
    this.bids.replace(this.bestBidRow, key.bids);
    this.asks.replace(this.bestAskRow, key.asks);
    this.prints.clear();
    for (let i = 0; i < key.trades.length; i += 3) {
      const age = key.trades[i + 2] as number;
      this.prints.add(key.trades[i] as number, key.trades[i + 1] as number, key.t - age);
    }
    this.freshPrints = 0;
    this.firstBand = key.first;
    this.hasBands = key.bands.length > 0;
    if (this.hasBands) this.bands.set(key.bands);
    else this.bands.fill(0);
  }

  #change(raw: Uint8Array): void {
    const body = this.#body;
    body.begin(raw);
    const parts = body.varint();
    const dt = body.varint();
    this.tMs += (parts & CLOCK_FELL) !== 0 ? -dt : dt;
    if ((parts & HAS_AGE) !== 0) this.ageMs = body.varint() * AGE_UNIT_MS;
    if ((parts & HAS_FLAGS) !== 0) this.flags = body.varint();
    if ((parts & HAS_BIDS) !== 0) {
      this.bidTick += body.signed();
      this.#changeSide(this.bids, this.bidTick, this.bestBidRow);
    }
    if ((parts & HAS_ASKS) !== 0) {
      this.askTick += body.signed();
      this.#changeSide(this.asks, this.askTick, this.bestAskRow);
    }
    this.freshPrints = 0;
    if ((parts & HAS_TRADES) !== 0) this.#addPrints();
    if ((parts & HAS_BANDS) !== 0) this.#changeBands();
    body.finish();
  }

  #changeSide(side: LadderSide, tick: number, best: number): void {
    if (tick === 0) side.clear();
    else side.change(best, this.#body);
  }

  #addPrints(): void {
    const count = this.#body.varint();
    for (let i = 0; i < count; i++) {
      const tick = this.bidTick + this.#body.signed();
      this.prints.add(tick, this.#body.varint(), this.tMs);
    }
    this.freshPrints = Math.min(count, PRINTS_KEPT);
  }

  #changeBands(): void {
    const section = this.#body.varint();
    if (section === BANDS_NONE) {
      this.hasBands = false;
      this.firstBand = 0;
      this.bands.fill(0);
      return;
    }
    this.hasBands = true;
    this.#shiftBands(this.#body.signed());
    let index = 0;
    for (let i = BANDS_CHANGED; i < section; i++) {
      index += this.#body.varint();
      const code = this.#body.varint();
      if (index >= BAND_ROWS || code > 255) throw new FrameError("expected a band code of a row held");
      this.bands[index] = code;
    }
  }

  #shiftBands(rows: number): void {
    this.firstBand += rows;
    if (rows >= BAND_ROWS || rows <= -BAND_ROWS) this.bands.fill(0);
    else if (rows > 0) this.bands.copyWithin(0, rows).fill(0, BAND_ROWS - rows);
    else if (rows < 0) this.bands.copyWithin(-rows, 0).fill(0, 0, -rows);
  }
}
