/**
 * msgpack, as far as the wire uses it: nil, booleans, numbers, texts, bytes, lists, and maps with text keys.
 * A tenth of the size of a whole library; written from github.com/msgpack/msgpack/blob/master/spec.md.
 */

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();
/** Texts up to here are mostly plain letters, quicker to read one by one. */
const SHORT_TEXT = 24;
const DEEPEST = 32;
const TWO_32 = 2 ** 32;

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): unknown {
    if (depth > DEEPEST) throw new RangeError("nested too deeply");
    const head = this.#unsigned(1);
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.#map(head & 15, depth);
    if (head < 0xa0) return this.#list(head & 15, depth);
    if (head < 0xc0) return this.#text(head & 31);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return head === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#unsigned(1 << (head - 0xc4)));
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (head - 0xcc));
      case 0xcf:
        return this.#unsigned(4) * TWO_32 + this.#unsigned(4);
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return this.#view.getInt32(this.#skip(4)) * TWO_32 + this.#unsigned(4);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#unsigned(2 << (head - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 << (head - 0xde)), depth);
      default:
        throw new RangeError(`unknown type ${head}`);
    }
  }

  /** Skips bytes that are there and returns where they begin. */
  #skip(size: number): number {
    const begin = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) throw new RangeError("cut short");
    return begin;
  }

  #unsigned(size: number): number {
    const begin = this.#skip(size);
    if (size === 1) return this.#bytes[begin] as number;
    return size === 2 ? this.#view.getUint16(begin) : this.#view.getUint32(begin);
  }

  /** A view of the message's own bytes. */
  #take(size: number): Uint8Array {
    const begin = this.#skip(size);
    return this.#bytes.subarray(begin, begin + size);
  }

  #text(size: number): string {
    const bytes = this.#take(size);
    if (size > SHORT_TEXT || bytes.some((byte) => byte > 127)) return decoder.decode(bytes);
    return String.fromCharCode(...bytes);
  }

  #list(size: number, depth: number): unknown[] {
    // A count without content must not claim memory.
    if (size > this.left) throw new RangeError("cut short");
    const list: unknown[] = [];
    for (let index = 0; index < size; index++) list.push(this.value(depth + 1));
    return list;
  }

  #map(size: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let index = 0; index < size; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string" || key === "__proto__") throw new RangeError("no text for a key");
      map[key] = this.value(depth + 1);
    }
    return map;
  }
}

/** Reads one value; throws RangeError or TypeError when the bytes are not one of the wire's kinds. */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.left > 0) throw new RangeError("more than one value");
  return value;
}

/** Bytes of one value; what the wire does not know is left out of maps when undefined, else a TypeError. */
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  const parts: (Uint8Array | readonly number[])[] = [];
  write(value, parts);
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

type Parts = (Uint8Array | readonly number[])[];

function write(value: unknown, parts: Parts): void {
  if (value === null || value === undefined) parts.push([0xc0]);
  else if (typeof value === "boolean") parts.push([value ? 0xc3 : 0xc2]);
  else if (typeof value === "number") writeNumber(value, parts);
  else if (typeof value === "string") {
    const bytes = encoder.encode(value);
    parts.push(head(bytes.length, 0xa0, 32, 0xd9, 1), bytes);
  } else if (value instanceof Uint8Array) parts.push(head(value.length, 0, 0, 0xc4, 1), value);
  else if (Array.isArray(value)) {
    parts.push(head(value.length, 0x90, 16, 0xdc, 2));
    for (const item of value) write(item, parts);
  } else if (typeof value === "object") {
    const entries = Object.entries(value);
    parts.push(head(entries.length, 0x80, 16, 0xde, 2));
    for (const [key, item] of entries) {
      write(key, parts);
      write(item, parts);
    }
  } else throw new TypeError(`expected a value of the wire, got ${typeof value}`);
}

/** Big-endian bytes of a whole number. */
const big = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, index) => Math.floor(value / 256 ** (size - 1 - index)) & 255);

/** Type and size: in one byte below `fixed`, else behind `type` and its next ones in `least` bytes or more. */
function head(size: number, short: number, fixed: number, type: number, least: number): number[] {
  if (size < fixed) return [short + size];
  let step = 0;
  while (size >= 256 ** (least << step)) step += 1;
  return [type + step, ...big(size, least << step)];
}

function writeNumber(value: number, parts: Parts): void {
  if (!Number.isSafeInteger(value)) {
    const float = new Uint8Array(9);
    float[0] = 0xcb;
    new DataView(float.buffer).setFloat64(1, value);
    parts.push(float);
  } else if (value >= -32 && value < 128) parts.push([value & 255]);
  else if (value >= 0) {
    const step = value < 256 ? 0 : value < 65_536 ? 1 : value < TWO_32 ? 2 : 3;
    parts.push([0xcc + step, ...big(value, 1 << step)]);
  } else {
    const step = value >= -128 ? 0 : value >= -32_768 ? 1 : value >= -TWO_32 / 2 ? 2 : 3;
    const rest = step < 3 ? big(value + 256 ** (1 << step), 1 << step) : signed64(value);
    parts.push([0xd0 + step, ...rest]);
  }
}

const signed64 = (value: number): number[] => {
  const high = Math.floor(value / TWO_32);
  return [...big(high + TWO_32, 4), ...big(value - high * TWO_32, 4)];
};
