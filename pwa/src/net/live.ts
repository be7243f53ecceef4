/** What the phone asks the server for, and the streams it gets: those of the screen in view. */

import type { ConnectionState } from "./connection.ts";
import {
  decode,
  encodeMark,
  encodePing,
  encodeSubscribe,
  encodeUnsubscribe,
  FrameError,
  type Hello,
  type MarkOrder,
  type RefusalCode,
  type RowFacts,
  type ServerMessage,
} from "./frames.ts";
import { Slot, type SlotEvents } from "./slot.ts";
import { FOLLOWED, type Followed, type FollowedWish } from "./streams.ts";
import type { RowWish } from "./wishes.ts";

export interface LiveEvents extends Pick<SlotEvents, "shown" | "frame" | "state"> {
  hello(hello: Hello): void;
  /** The answer to the last row asked for. */
  row(row: RowFacts): void;
  /** The order sent under this number has been carried out. */
  kept(ref: number): void;
  refused(code: RefusalCode, text: string, ref: number): void;
  notice(symbol: string, kind: string, text: string): void;
  pong(number: number, serverMs: number): void;
}

export class Live {
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => boolean;
  readonly #events: LiveEvents;
  readonly #slots: ReadonlyMap<Followed, Slot>;
  readonly #all: readonly Slot[];
  #greeted = false;
  #watching = true;
  #refs = 0;
  #rowRef = 0;

  constructor(send: (bytes: Uint8Array<ArrayBuffer>) => boolean, events: LiveEvents) {
    this.#send = send;
    this.#events = events;
    const slotEvents: SlotEvents = {
      ask: (wish) => this.#ask(wish),
      leave: (stream) => this.#leave(stream),
      shown: events.shown,
      frame: events.frame,
      state: events.state,
    };
    this.#slots = new Map(FOLLOWED.map((kind) => [kind, new Slot(slotEvents)]));
    this.#all = [...this.#slots.values()];
  }

  /** Asks for the streams of a screen, one a kind; those of other kinds are left. */
  want(wishes: readonly FollowedWish[]): void {
    for (const [kind, slot] of this.#slots) slot.want(wishes.find((it) => it.kind === kind) ?? null);
  }

  /** Asks once what a row is made of; only the last question is answered. */
  askRow(row: RowWish): void {
    this.#rowRef = this.#ask(row) ?? 0;
  }

  /** Sends an order about a mark; returns its number, 0 when it could not be sent. */
  order(order: MarkOrder): number {
    const ref = this.#refs + 1;
    if (!this.#greeted || !this.#send(encodeMark(ref, order))) return 0;
    this.#refs = ref;
    return ref;
  }

  /** Drops what is in view and asks for it anew: its numbers have another meaning now. */
  restart(): void {
    for (const slot of this.#all) slot.restart();
  }

  ping(number: number): void {
    this.#send(encodePing(number));
  }

  /** The socket opened or closed: streams end with it. */
  connection(state: ConnectionState): void {
    if (state === "open") return;
    for (const slot of this.#all) slot.forget();
    this.#greeted = false;
  }

  /** Nobody looks for a while (false) or again (true): data that nobody sees is not asked for. */
  watching(watching: boolean): void {
    this.#watching = watching;
    for (const slot of this.#all) {
      if (watching) slot.ask();
      else slot.leave();
    }
  }

  message(bytes: Uint8Array): void {
    let message: ServerMessage;
    try {
      message = decode(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      for (const slot of this.#all) slot.mendSoon();
      return;
    }
    this.#take(message);
  }

  #take(message: ServerMessage): void {
    const slots = this.#all;
    switch (message.type) {
      case "hello":
        this.#greeted = true;
        this.#events.hello(message.hello);
        for (const slot of slots) slot.ask();
        break;
      case "subscribed": {
        const { ref, stream, key } = message;
        if (slots.some((slot) => slot.granted(ref, stream, key as FollowedWish))) break;
        // An answer to a question that is no longer ours.
        if (!slots.some((slot) => slot.holds(stream))) this.#leave(stream);
        break;
      }
      case "refused":
        if (message.ref === this.#rowRef && message.ref > 0) break;
        for (const slot of slots) slot.refused(message.ref);
        this.#events.refused(message.code, message.text, message.ref);
        break;
      case "pong":
        this.#events.pong(message.number, message.serverMs);
        break;
      case "kept":
        this.#events.kept(message.ref);
        break;
      case "row":
        if (message.ref === this.#rowRef) this.#events.row(message.row);
        break;
      case "state":
        for (const slot of slots) slot.state(message.stream, message.state);
        break;
      case "changes":
        for (const slot of slots) slot.changes(message.stream, message.changes);
        break;
      case "notice":
        this.#events.notice(message.symbol, message.kind, message.text);
        break;
      default:
        for (const slot of slots) slot.frame(message);
    }
  }

  #ask(wish: FollowedWish | RowWish): number | null {
    if (!this.#greeted || !this.#watching) return null;
    const ref = this.#refs + 1;
    if (!this.#send(encodeSubscribe(ref, wish))) return null;
    this.#refs = ref;
    return ref;
  }

  #leave(stream: number): void {
    this.#send(encodeUnsubscribe(stream));
  }
}
