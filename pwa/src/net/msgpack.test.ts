import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as library from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { decode, encode } from "./msgpack.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../shared/wire/golden");

/** Numbers at every border between two ways to write them, and one beside each. */
const BORDERS = [0, 32, 128, 256, 32_768, 65_536, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER - 1];
const numbers = BORDERS.flatMap((it) => [it - 1, it, it + 1]).flatMap((it) => [it, 0 - it]);
const sizes = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536];

const values: [string, unknown][] = [
  ["nil and booleans", [null, true, false]],
  ["whole numbers", numbers],
  ["fractions", [0.5, -1.25, 1e300, Number.NaN, Number.POSITIVE_INFINITY]],
  ["texts", sizes.map((it) => "x".repeat(it))],
  ["texts beyond plain letters", ["ä", "−0.4 %", "▲".repeat(40), "😀"]],
  ["bytes", sizes.map((it) => new Uint8Array(it).fill(7))],
  ["lists", sizes.map((it) => Array(it).fill(1))],
  [
    "maps",
    sizes.slice(0, 8).map((it) => Object.fromEntries(Array.from({ length: it }, (_, k) => [`k${k}`, k]))),
  ],
  ["nested", { a: [{ b: { c: [[[]]] } }], d: "" }],
];

/** A random value of the wire. */
function random(seed: () => number, depth: number): unknown {
  const kind = Math.floor(seed() * (depth > 3 ? 5 : 7));
  const size = Math.floor(seed() ** 3 * 40);
  if (kind === 0) return [null, true, false][size % 3];
  if (kind === 1) return Math.round((seed() - 0.5) * 2 ** Math.floor(seed() * 54));
  if (kind === 2) return seed() - 0.5;
  if (kind === 3) return "aé▲b".repeat(size).slice(0, size);
  if (kind === 4) return Uint8Array.from({ length: size }, () => seed() * 256);
  if (kind === 5) return Array.from({ length: size }, () => random(seed, depth + 1));
  return Object.fromEntries(Array.from({ length: size % 9 }, (_, k) => [`k${k}`, random(seed, depth + 1)]));
}

function seeded(start: number): () => number {
  let state = start;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe("msgpack", () => {
  it.each(values)("reads and writes %s as the library does", (_, value) => {
    const bytes = library.encode(value);
    expect(encode(value)).toEqual(bytes);
    expect(decode(bytes)).toEqual(value);
  });

  it("agrees with the library on random values", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const value = random(seeded(seed), 0);
      const bytes = library.encode(value);
      expect(encode(value), `seed ${seed}`).toEqual(bytes);
      expect(decode(bytes), `seed ${seed}`).toEqual(library.decode(bytes));
    }
  });

  it("reads 32-bit fractions, and bytes that do not begin where their buffer does", () => {
    const bytes = library.encode([1.5, "k"], { forceFloat32: true });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decode(shifted.subarray(3))).toEqual([1.5, "k"]);
  });

  it("reads every golden message that is one value", () => {
    let read = 0;
    for (const name of readdirSync(GOLDEN).filter((it) => it.endsWith(".bin"))) {
      const bytes = new Uint8Array(readFileSync(resolve(GOLDEN, name)));
      let expected: unknown;
      try {
        expected = library.decode(bytes);
      } catch {
        continue;
      }
      expect(decode(bytes), name).toEqual(expected);
      read += 1;
    }
    expect(read).toBeGreaterThan(15);
  });

  it("refuses what is cut anywhere, what goes on, and what the wire does not know", () => {
    const bytes = library.encode({ a: [1, 70_000, "text", new Uint8Array(300), -5e9, 0.5] });
    for (let size = 0; size < bytes.length; size++) expect(() => decode(bytes.subarray(0, size))).toThrow();
    expect(() => decode(Uint8Array.of(1, 1))).toThrow(RangeError);
    expect(() => decode(Uint8Array.of(0xc1))).toThrow(RangeError);
    expect(() => decode(Uint8Array.of(0xd4, 1, 1))).toThrow(RangeError);
    expect(() => decode(Uint8Array.of(0xdd, 255, 255, 255, 255))).toThrow(RangeError);
    expect(() => decode(Uint8Array.of(0x81, 1, 1))).toThrow(RangeError);
    expect(() => decode(Uint8Array.of(0x81, 0xa9, ...new TextEncoder().encode("__proto__"), 1))).toThrow();
    expect(() => decode(new Uint8Array(1_000).fill(0x91))).toThrow(RangeError);
    expect(() => decode(Uint8Array.of(0xa1, 0xff))).toThrow();
    expect(() => encode(() => 0)).toThrow(TypeError);
  });
});
