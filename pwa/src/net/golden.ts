/** Golden frames for tests: bytes as the server writes them, and the values they stand for. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { decode, type Streamed } from "./frames.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../shared/wire/golden");

/** The frames of a stream's file, each after its length in four bytes. */
export function golden(name: string): Streamed[] {
  const raw = new Uint8Array(readFileSync(resolve(GOLDEN, `${name}.bin`)));
  const lengths = new DataView(raw.buffer);
  const found: Streamed[] = [];
  for (let at = 0; at < raw.length; ) {
    const size = lengths.getUint32(at, true);
    const message = decode(raw.subarray(at + 4, at + 4 + size));
    if (message.type !== "streamed") throw new Error(`got ${message.type}`);
    found.push(message);
    at += 4 + size;
  }
  return found;
}

/** What each of the frames says. */
export const told = (name: string): unknown[] =>
  JSON.parse(readFileSync(resolve(GOLDEN, `${name}.json`), "utf8")).seen;
