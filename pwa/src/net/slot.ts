/** One stream in view at a time: what is wanted of a kind, what was asked for, and what has come. */

import { type Patch, patched } from "../model/patch.ts";
import type { StreamState } from "../model/state.ts";
import { type Delta, FrameError, type Keyframe, type Streamed } from "./frames.ts";
import { applyTo, type FollowedWish, makeStream, type Stream } from "./streams.ts";
import { sameWish } from "./wishes.ts";

/** Shortest time between two attempts to mend a stream. */
const MEND_EVERY_MS = 1_000;

export interface SlotEvents {
  /** Sends a subscription; returns its number, or null when nothing can be asked now. */
  ask(wish: FollowedWish): number | null;
  leave(stream: number): void;
  /** Another stream is in view from now on; its first frame has been taken. */
  shown(stream: Stream): void;
  /** The stream in view took a frame. */
  frame(stream: Stream): void;
  state(stream: Stream): void;
}

export class Slot {
  readonly #events: SlotEvents;
  #wanted: FollowedWish | null = null;
  /** The request that has not been answered yet. */
  #asked: { readonly ref: number; readonly key: FollowedWish } | null = null;
  /** A stream that was granted and has not sent its first frame yet. */
  #next: Stream | null = null;
  #current: Stream | null = null;
  #mend: ReturnType<typeof setTimeout> | undefined;
  #mendedMs = Number.NEGATIVE_INFINITY;

  constructor(events: SlotEvents) {
    this.#events = events;
  }

  /** Asks for another stream; the one in view stays until the new one has come. Null: for none. */
  want(key: FollowedWish | null): void {
    this.#wanted = key;
    if (key) this.ask();
    else this.leave();
  }

  ask(): void {
    const key = this.#wanted;
    if (!key) return;
    const inView = sameWish(this.#current?.key, key);
    const onItsWay = this.#asked?.key ?? this.#next?.key;
    if (onItsWay ? sameWish(onItsWay, key) : inView) return;
    this.#leave(this.#next);
    this.#next = null;
    this.#asked = null;
    if (inView) return;
    const ref = this.#events.ask(key);
    if (ref !== null) this.#asked = { ref, key };
  }

  /** Drops what is in view and asks for it anew: its numbers have another meaning now. */
  restart(): void {
    this.leave();
    this.ask();
  }

  /** Leaves the streams there are; the wish stays. */
  leave(): void {
    this.#leave(this.#next);
    this.#leave(this.#current);
    this.forget();
  }

  /** The streams there were are gone already. */
  forget(): void {
    clearTimeout(this.#mend);
    this.#mend = undefined;
    this.#asked = null;
    this.#next = null;
    this.#current = null;
  }

  /** Whether the slot holds the stream of this number. */
  holds(number: number): boolean {
    return number === this.#current?.number || number === this.#next?.number;
  }

  /** Takes the answer to its question; false when it was not its own. */
  granted(ref: number, number: number, key: FollowedWish): boolean {
    if (ref !== this.#asked?.ref) return false;
    this.#next = makeStream(number, this.#asked.key, key);
    this.#asked = null;
    return true;
  }

  /** Takes a refusal; false when it was not of its question. */
  refused(ref: number): boolean {
    if (ref !== this.#asked?.ref) return false;
    this.#asked = null;
    return true;
  }

  state(number: number, state: StreamState): void {
    if (number === this.#next?.number) this.#next.state = state;
    if (number !== this.#current?.number) return;
    this.#current.state = state;
    this.#events.state(this.#current);
  }

  /** Takes a change of slow facts; without those it applies to, there is nothing to change. */
  changes(number: number, changes: Patch): void {
    const stream = number === this.#next?.number ? this.#next : this.#current;
    if (number === stream?.number && stream.state) this.state(number, patched(stream.state, changes));
  }

  frame(message: Keyframe | Delta | Streamed): void {
    const next = this.#next;
    if (next && message.stream === next.number) {
      if (!this.#apply(next, message)) return;
      const before = this.#current;
      this.#next = null;
      this.#current = next;
      if (before && before.number !== next.number) this.#leave(before);
      this.#events.shown(next);
      return;
    }
    const current = this.#current;
    if (current && message.stream === current.number && this.#apply(current, message)) {
      this.#events.frame(current);
    }
  }

  mendSoon(): void {
    this.#mend ??= setTimeout(() => {
      this.#mend = undefined;
      this.restart();
    }, this.#mendDelayMs());
  }

  /** Takes a frame into a stream; a gap or a broken frame has the stream asked for again. */
  #apply(stream: Stream, message: Keyframe | Delta | Streamed): boolean {
    try {
      if (applyTo(stream, message)) return true;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
    }
    this.mendSoon();
    return false;
  }

  /** The first mending is at once; a stream that stays broken is not asked for in a tight loop. */
  #mendDelayMs(): number {
    const nowMs = performance.now();
    const delayMs = Math.max(0, this.#mendedMs + MEND_EVERY_MS - nowMs);
    this.#mendedMs = nowMs + delayMs;
    return delayMs;
  }

  #leave(stream: Stream | null): void {
    if (stream) this.#events.leave(stream.number);
  }
}
