/** The user's own marks: what the server keeps, and what it has not heard of yet. */

import { signal } from "@preact/signals";
import { stepValue } from "../format.ts";
import type { MarkOrder, SymbolFacts } from "../net/frames.ts";
import type { Mark } from "../net/marks_frames.ts";

const KEY = "leadline.marks";
/** More the server does not keep either. */
const MOST = 200;

interface Waiting {
  readonly order: MarkOrder;
  /** The number it was sent under over this connection; 0: not sent. */
  ref: number;
}

interface Kept {
  readonly marks: readonly Mark[];
  readonly waiting: readonly MarkOrder[];
}

/** A price that is marked, and its word. */
export interface MarkTick {
  readonly tick: number;
  readonly text: string;
}

export class Marks {
  /** What is shown: the server's list with what waits applied to it. */
  readonly shown = signal<readonly Mark[]>([]);
  readonly #storage: Storage;
  #told: readonly Mark[] = [];
  #waiting: Waiting[] = [];

  constructor(storage: Storage) {
    this.#storage = storage;
    try {
      const kept = JSON.parse(storage.getItem(KEY) ?? "null") as Kept | null;
      this.#told = kept?.marks ?? [];
      this.#waiting = (kept?.waiting ?? []).map((order) => ({ order, ref: 0 }));
    } catch {
      // An unreadable note is as good as none: the server has the marks.
    }
    this.#show();
  }

  put(symbol: string, price: string, label: string): void {
    this.#wait({ op: "put", symbol, price, label, colour: 0 });
  }

  remove(mark: Mark): void {
    if (mark.id > 0) this.#wait({ op: "remove", id: mark.id });
    // The server has not heard of it, or its answer is on the way: then it comes back and can be removed.
    else this.#waiting = this.#waiting.filter((it) => !puts(it.order, mark));
    this.#show();
  }

  /** Sends what waits; `send` returns the number it was sent under, 0 when it could not be sent. */
  flush(send: (order: MarkOrder) => number): void {
    for (const it of this.#waiting) if (it.ref === 0) it.ref = send(it.order);
  }

  /** The connection is gone: what it has not answered is sent again. */
  lost(): void {
    for (const it of this.#waiting) it.ref = 0;
  }

  /** The server told its list. */
  told(marks: readonly Mark[]): void {
    this.#told = marks;
    this.#show();
  }

  /** The server did what was asked under this number, or will not; false when nothing was. */
  answered(ref: number): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((it) => it.ref !== ref);
    if (this.#waiting.length === before) return false;
    this.#show();
    return true;
  }

  #wait(order: MarkOrder): void {
    this.#waiting.push({ order, ref: 0 });
    this.#show();
  }

  #show(): void {
    let shown = [...this.#told];
    for (const { order } of this.#waiting) {
      shown = shown.filter((it) => (order.op === "put" ? !puts(order, it) : it.id !== order.id));
      if (order.op === "put") shown.push({ id: 0, ...order });
    }
    this.shown.value = shown.slice(-MOST);
    const kept: Kept = { marks: this.#told, waiting: this.#waiting.map((it) => it.order) };
    try {
      this.#storage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // A full or forbidden store costs what the server has not heard of at the next start.
    }
  }
}

const puts = (order: MarkOrder, mark: Pick<Mark, "symbol" | "price">): boolean =>
  order.op === "put" && order.symbol === mark.symbol && Number(order.price) === Number(mark.price);

/** The tick a mark stands at. */
export const markTick = (mark: Pick<Mark, "price">, facts: SymbolFacts): number =>
  Math.round(Number(mark.price) / stepValue(facts.tick));
