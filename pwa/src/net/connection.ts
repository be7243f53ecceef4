/**
 * One class owns one WebSocket: it opens, watches, replaces and rests it.
 *
 * A phone's socket can look open long after it died, and can hang while it connects; nothing here
 * trusts `readyState`. What it carries is the business of the caller.
 */

import { Backoff } from "./backoff.ts";

/** "hidden": closed because nobody looks. "refused": the server asked us not to come back by ourselves. */
export type ConnectionState = "connecting" | "open" | "waiting" | "hidden" | "refused";

export interface ConnectionEvents {
  state(state: ConnectionState): void;
  message(bytes: Uint8Array<ArrayBuffer>): void;
  /** Sends a ping; its answer is to be told by `answered`. */
  ping(number: number): void;
  /** The page has been hidden long enough that data is wasted (false), or is looked at again (true). */
  watching(watching: boolean): void;
}

/** How a connection does. */
export interface ConnectionFacts {
  /** Bytes of all messages heard since the start. */
  readonly bytes: number;
  /** The last round trip; null before one was made. */
  readonly roundTripMs: number | null;
  /** The server's clock minus the phone's, give or take half a round trip. */
  readonly clockMs: number | null;
}

/** The part of WebSocket that is used. */
export interface Socket {
  binaryType: BinaryType;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  /** What it heard before it was handed over open; nothing for one that has yet to open. */
  readonly heard?: readonly unknown[];
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

export const CONNECT_TIMEOUT_MS = 5_000;
export const ANSWER_TIMEOUT_MS = 1_500;
/** An open socket that has said nothing for so long is asked whether it lives. */
export const SILENCE_MS = 5_000;
export const CLOCK_JUMP_MS = 3_000;
export const HIDDEN_UNWATCH_MS = 10_000;
export const HIDDEN_CLOSE_MS = 60_000;
const TICK_MS = 1_000;
/** Close codes from here on mean: do not come back by yourself. */
const CLOSE_FINAL_FROM = 4_500;
const CLOSE_FINAL_TO = 4_999;

export class Connection {
  readonly #open: () => Socket;
  readonly #events: ConnectionEvents;
  readonly #backoff: Backoff;
  #socket: Socket | null = null;
  #state: ConnectionState = "waiting";
  #attempt: ReturnType<typeof setTimeout> | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  #unwatchTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #heardMs = 0;
  #clockOffsetMs = 0;
  #tickedMs = 0;
  #pings = 0;
  #pingedMs = 0;
  #watching = true;
  #bytes = 0;
  #roundTripMs: number | null = null;
  #clockMs: number | null = null;

  constructor(open: () => Socket, events: ConnectionEvents, backoff = new Backoff()) {
    this.#open = open;
    this.#events = events;
    this.#backoff = backoff;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get facts(): ConnectionFacts {
    return { bytes: this.#bytes, roundTripMs: this.#roundTripMs, clockMs: this.#clockMs };
  }

  start(): void {
    this.#clockOffsetMs = Date.now() - performance.now();
    this.#tickedMs = performance.now();
    this.#connect();
  }

  /** Sends when there is an open socket; tells whether there was. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.#state !== "open" || !this.#socket) return false;
    this.#socket.send(bytes);
    return true;
  }

  /** The server answered ping `number`, at `serverMs` on its clock. */
  answered(number: number, serverMs: number): void {
    if (number !== this.#pings) return;
    this.#stopAnswerTimer();
    this.#roundTripMs = performance.now() - this.#pingedMs;
    this.#clockMs = serverMs + this.#roundTripMs / 2 - Date.now();
  }

  /** Makes sure that data flows now: asks an open socket, replaces a dead one, skips any waiting. */
  wake(): void {
    if (this.#state === "open") {
      this.#probe();
    } else if (this.#state !== "connecting") {
      this.#backoff.reset();
      this.#connect();
    }
  }

  /** The page became visible, or was shown again by the browser's cache. */
  shown(): void {
    clearTimeout(this.#unwatchTimer);
    clearTimeout(this.#closeTimer);
    if (!this.#watching) {
      this.#watching = true;
      this.#events.watching(true);
    }
    this.wake();
  }

  hidden(): void {
    clearTimeout(this.#unwatchTimer);
    clearTimeout(this.#closeTimer);
    this.#unwatchTimer = setTimeout(() => this.#unwatch(), HIDDEN_UNWATCH_MS);
    this.#closeTimer = setTimeout(() => this.#rest(), HIDDEN_CLOSE_MS);
  }

  #unwatch(): void {
    this.#watching = false;
    this.#events.watching(false);
  }

  #rest(): void {
    clearTimeout(this.#attempt);
    this.#drop();
    this.#enter("hidden");
  }

  #connect(): void {
    clearTimeout(this.#attempt);
    this.#drop();
    this.#enter("connecting");
    let socket: Socket;
    try {
      socket = this.#open();
    } catch {
      this.#retry();
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.#closed(event.code);
    this.#connectTimer = setTimeout(() => this.#lost(), CONNECT_TIMEOUT_MS);
    if (!socket.heard) return;
    this.#opened();
    for (const data of socket.heard) this.#heard(data);
  }

  #opened(): void {
    clearTimeout(this.#connectTimer);
    this.#heardMs = performance.now();
    this.#enter("open");
  }

  #heard(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return;
    this.#heardMs = performance.now();
    // Only a server that talks has earned a quick next attempt.
    this.#backoff.reset();
    this.#bytes += data.byteLength;
    this.#events.message(new Uint8Array(data));
  }

  #closed(code: number): void {
    if (code < CLOSE_FINAL_FROM || code > CLOSE_FINAL_TO) {
      this.#lost();
      return;
    }
    this.#drop();
    this.#enter("refused");
  }

  #lost(): void {
    this.#drop();
    this.#retry();
  }

  #retry(): void {
    this.#enter("waiting");
    this.#attempt = setTimeout(() => this.#connect(), this.#backoff.next());
  }

  /** Lets go of the socket without waiting for it: a dead one may never answer a close. */
  #drop(): void {
    clearTimeout(this.#connectTimer);
    this.#stopAnswerTimer();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #probe(): void {
    if (this.#answerTimer !== undefined) return;
    this.#pings += 1;
    this.#pingedMs = performance.now();
    this.#answerTimer = setTimeout(() => {
      this.#backoff.reset();
      this.#connect();
    }, ANSWER_TIMEOUT_MS);
    this.#events.ping(this.#pings);
  }

  #stopAnswerTimer(): void {
    clearTimeout(this.#answerTimer);
    this.#answerTimer = undefined;
  }

  /** To be called once a second: finds a socket that has gone silent, and that the phone slept. */
  tick(): void {
    const nowMs = performance.now();
    const offsetMs = Date.now() - nowMs;
    // Asleep, some phones stop the monotonic clock and others let it run: the first shows as a jump
    // between the clocks, the second as a tick that came too late.
    const jumpMs = Math.max(Math.abs(offsetMs - this.#clockOffsetMs), nowMs - this.#tickedMs - TICK_MS);
    this.#clockOffsetMs = offsetMs;
    this.#tickedMs = nowMs;
    if (jumpMs > CLOCK_JUMP_MS && this.#watching) this.wake();
    else if (this.#state === "open" && nowMs - this.#heardMs > SILENCE_MS) this.#probe();
  }

  #enter(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#events.state(state);
  }
}
