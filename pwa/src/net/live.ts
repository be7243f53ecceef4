/** What the phone asks the server for, and the streams it gets: one ladder in view at a time. */

import type { StreamState } from "../model/state.ts";
import type { ConnectionState } from "./connection.ts";
import {
  type Delta,
  decode,
  encodePing,
  encodeSubscribe,
  encodeUnsubscribe,
  FrameError,
  type Hello,
  type Keyframe,
  type LadderKey,
  LadderModel,
  type RefusalCode,
  type ServerMessage,
} from "./frames.ts";

/** Shortest time between two attempts to mend a stream. */
const MEND_EVERY_MS = 1_000;

export interface Stream {
  readonly number: number;
  readonly key: LadderKey;
  readonly ladder: LadderModel;
  state: StreamState | null;
}

export interface LiveEvents {
  hello(hello: Hello): void;
  /** Another stream is in view from now on; its keyframe has been taken. */
  shown(stream: Stream): void;
  /** The stream in view took a frame. */
  frame(stream: Stream): void;
  state(stream: Stream): void;
  refused(code: RefusalCode, text: string): void;
  notice(symbol: string, kind: string, text: string): void;
  pong(number: number): void;
}

const sameKey = (one: LadderKey, other: LadderKey): boolean =>
  one.symbol === other.symbol &&
  one.venue === other.venue &&
  one.group === other.group &&
  one.depth === other.depth &&
  one.hz === other.hz;

export class Live {
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => boolean;
  readonly #events: LiveEvents;
  #greeted = false;
  #watching = true;
  #wanted: LadderKey | null = null;
  #refs = 0;
  /** The request that has not been answered yet. */
  #asked: { readonly ref: number; readonly key: LadderKey } | null = null;
  /** A stream that was granted and has not sent its keyframe yet. */
  #next: Stream | null = null;
  #current: Stream | null = null;
  #mend: ReturnType<typeof setTimeout> | undefined;
  #mendedMs = Number.NEGATIVE_INFINITY;

  constructor(send: (bytes: Uint8Array<ArrayBuffer>) => boolean, events: LiveEvents) {
    this.#send = send;
    this.#events = events;
  }

  /** Asks for another ladder; the one in view stays until the new one has come. */
  want(key: LadderKey): void {
    this.#wanted = key;
    this.#ask();
  }

  /** Drops what is in view and asks for it anew: its numbers have another meaning now. */
  restart(): void {
    this.#leave(this.#next);
    this.#leave(this.#current);
    this.#forget();
    this.#ask();
  }

  ping(number: number): void {
    this.#send(encodePing(number));
  }

  /** The socket opened or closed: streams end with it. */
  connection(state: ConnectionState): void {
    if (state === "open") return;
    this.#forget();
    this.#greeted = false;
  }

  /** Nobody looks for a while (false) or again (true): data that nobody sees is not asked for. */
  watching(watching: boolean): void {
    this.#watching = watching;
    if (watching) {
      this.#ask();
      return;
    }
    this.#leave(this.#next);
    this.#leave(this.#current);
    this.#forget();
  }

  message(bytes: Uint8Array): void {
    let message: ServerMessage;
    try {
      message = decode(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#mendSoon();
      return;
    }
    this.#take(message);
  }

  #take(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        this.#greeted = true;
        this.#events.hello(message.hello);
        this.#ask();
        break;
      case "subscribed":
        this.#granted(message.ref, message.stream, message.key);
        break;
      case "refused":
        if (this.#asked?.ref === message.ref) this.#asked = null;
        this.#events.refused(message.code, message.text);
        break;
      case "pong":
        this.#events.pong(message.number);
        break;
      case "state":
        this.#state(message.stream, message.state);
        break;
      case "notice":
        this.#events.notice(message.symbol, message.kind, message.text);
        break;
      default:
        this.#frame(message);
    }
  }

  #ask(): void {
    const key = this.#wanted;
    if (!key || !this.#greeted || !this.#watching) return;
    const onItsWay = this.#asked?.key ?? this.#next?.key;
    if (onItsWay ? sameKey(onItsWay, key) : this.#current && sameKey(this.#current.key, key)) return;
    this.#leave(this.#next);
    this.#next = null;
    this.#asked = null;
    if (this.#current && sameKey(this.#current.key, key)) return;
    this.#refs += 1;
    if (this.#send(encodeSubscribe(this.#refs, key))) this.#asked = { ref: this.#refs, key };
  }

  #granted(ref: number, number: number, key: LadderKey): void {
    if (ref !== this.#asked?.ref) {
      // An answer to a question that is no longer ours.
      if (number !== this.#current?.number && number !== this.#next?.number) {
        this.#send(encodeUnsubscribe(number));
      }
      return;
    }
    // The wish is kept as it was asked: the server may have bent it, and asking again would not help.
    this.#next = {
      number,
      key: this.#asked.key,
      ladder: new LadderModel(key.group, key.depth),
      state: null,
    };
    this.#asked = null;
  }

  #state(number: number, state: StreamState): void {
    if (number === this.#next?.number) this.#next.state = state;
    if (number !== this.#current?.number) return;
    this.#current.state = state;
    this.#events.state(this.#current);
  }

  #frame(message: Keyframe | Delta): void {
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
    if (!current || message.stream !== current.number) return;
    if (this.#apply(current, message)) this.#events.frame(current);
  }

  /** Takes a frame into a stream; a gap or a broken frame has the stream asked for again. */
  #apply(stream: Stream, message: Keyframe | Delta): boolean {
    try {
      if (stream.ladder.apply(message)) return true;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
    }
    this.#mendSoon();
    return false;
  }

  #mendSoon(): void {
    this.#mend ??= setTimeout(() => {
      this.#mend = undefined;
      this.restart();
    }, this.#mendDelayMs());
  }

  /** The first mending is at once; a stream that stays broken is not asked for in a tight loop. */
  #mendDelayMs(): number {
    const nowMs = performance.now();
    const delayMs = Math.max(0, this.#mendedMs + MEND_EVERY_MS - nowMs);
    this.#mendedMs = nowMs + delayMs;
    return delayMs;
  }

  #leave(stream: Stream | null): void {
    if (stream) this.#send(encodeUnsubscribe(stream.number));
  }

  #forget(): void {
    clearTimeout(this.#mend);
    this.#mend = undefined;
    this.#asked = null;
    this.#next = null;
    this.#current = null;
  }
}
