/** A picture in the page that a painter paints: the page says what it is made of. */

import { strings } from "../strings.ts";
import type { FromPainter, Kind, Pictures, ToPainter } from "./messages.ts";
import { startPainter } from "./start.ts";

/** How long to wait before another try where a painter could not be fetched. */
const AGAIN_MS = 1_000;

const CAN_PAINT = "transferControlToOffscreen" in HTMLCanvasElement.prototype;

type Change = { [key: string]: unknown };

interface Listener {
  readonly kind: Kind;
  begin(): void;
  hear(message: FromPainter): void;
}

const stages = new Map<number, Listener>();
const painters = new Map<Kind, Worker>();
let last = 0;

function start(kind: Kind): Worker {
  const painter = startPainter(kind);
  painters.set(kind, painter);
  painter.onmessage = ({ data }: MessageEvent<FromPainter>) => stages.get(data.id)?.hear(data);
  painter.onerror = (event) => {
    // What failed in a picture is told by the browser, and is over with the next one.
    if (event instanceof ErrorEvent) return;
    painter.terminate();
    setTimeout(() => {
      start(kind);
      for (const stage of stages.values()) if (stage.kind === kind) stage.begin();
    }, AGAIN_MS);
  };
  return painter;
}

export class Stage<K extends Kind> {
  readonly #id = ++last;
  readonly #kind: K;
  readonly #host: HTMLElement;
  readonly #layers: number;
  /** What the painter holds. */
  #held: Change = {};
  #turn = 0;

  /** Shows a picture in an element of its own, on so many canvases. */
  constructor(kind: K, host: HTMLElement, layers: number, told: (told: Pictures[K]["told"]) => void) {
    this.#kind = kind;
    this.#host = host;
    this.#layers = layers;
    stages.set(this.#id, {
      kind,
      begin: () => this.#begin(),
      hear: (message) => {
        if ("told" in message) told(message.told as Pictures[K]["told"]);
        else if (message.turn === this.#turn) host.dataset.painted = "";
      },
    });
    this.#begin();
  }

  /** Has a frame painted with the screen's next one; a later one may come before it. */
  show(frame: Pictures[K]["frame"]): void {
    const held = this.#held;
    const change: Change = {};
    for (const key in frame) {
      const value = frame[key];
      if (held[key] !== value) change[key] = held[key] = value;
    }
    this.#send({ id: this.#id, change, turn: this.#turn });
  }

  /** Shows nothing until a frame that is shown from now on is painted. */
  hide(): void {
    this.#turn += 1;
    delete this.#host.dataset.painted;
  }

  end(): void {
    stages.delete(this.#id);
    this.#send({ id: this.#id, end: true });
  }

  /** A canvas belongs to the painter that it was handed to: another one gets others, and is told everything. */
  #begin(): void {
    if (!CAN_PAINT) {
      this.#host.textContent = strings.cannotPaint;
      this.#host.dataset.painted = "";
      return;
    }
    const canvases = Array.from({ length: this.#layers }, () => document.createElement("canvas"));
    this.#host.replaceChildren(...canvases);
    const handed = canvases.map((canvas) => canvas.transferControlToOffscreen());
    this.#send({ id: this.#id, canvases: handed }, handed);
    if (Object.keys(this.#held).length > 0) {
      this.#send({ id: this.#id, change: this.#held, turn: this.#turn });
    }
  }

  /** What is sent to a painter that could not be fetched is lost. */
  #send(message: ToPainter, transfer: Transferable[] = []): void {
    if (!CAN_PAINT) return;
    const painter = painters.get(this.#kind) ?? start(this.#kind);
    painter.postMessage(message, transfer);
  }
}
