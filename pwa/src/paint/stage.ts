/** A picture in the page that the painter paints: the page says what it is made of. */

import type { FromPainter, Kind, Pictures, ToPainter } from "./messages.ts";
import { startPainter } from "./start.ts";

/** How long to wait before another try where the painter could not be fetched. */
const AGAIN_MS = 1_000;

type Change = { [key: string]: unknown };

const stages = new Map<number, { begin(): void; hear(told: unknown): void }>();
let painter: Worker | null = null;
let last = 0;

function start(): void {
  painter = startPainter();
  painter.onmessage = ({ data }: MessageEvent<FromPainter>) => stages.get(data.id)?.hear(data.told);
  painter.onerror = (event) => {
    // What failed in a picture is told by the browser, and is over with the next one.
    if (event instanceof ErrorEvent) return;
    painter?.terminate();
    setTimeout(() => {
      start();
      for (const stage of stages.values()) stage.begin();
    }, AGAIN_MS);
  };
}

/** What is sent to a painter that could not be fetched is lost; another one is told everything. */
function send(message: ToPainter, transfer: Transferable[] = []): void {
  if (!painter) start();
  painter?.postMessage(message, transfer);
}

export class Stage<K extends Kind> {
  readonly #id = ++last;
  readonly #kind: K;
  readonly #host: HTMLElement;
  readonly #layers: number;
  readonly #told: (told: Pictures[K]["told"]) => void;
  /** What the painter holds. */
  #held: Change = {};

  /** Shows a picture in an element of its own, on so many canvases. */
  constructor(kind: K, host: HTMLElement, layers: number, told: (told: Pictures[K]["told"]) => void) {
    this.#kind = kind;
    this.#host = host;
    this.#layers = layers;
    this.#told = told;
    stages.set(this.#id, {
      begin: () => this.#begin(this.#held),
      hear: (it) => this.#told(it as Pictures[K]["told"]),
    });
    this.#begin({});
  }

  /** Has a frame painted with the screen's next one; a later one may come before it. */
  show(frame: Pictures[K]["frame"]): void {
    const held = this.#held;
    const change: Change = {};
    for (const [key, value] of Object.entries(frame)) {
      if (held[key] !== value) change[key] = held[key] = value;
    }
    send({ id: this.#id, change });
  }

  end(): void {
    stages.delete(this.#id);
    send({ id: this.#id, end: true });
  }

  /** A canvas belongs to the painter that it was handed to: another one gets others. */
  #begin(frame: Change): void {
    const canvases = Array.from({ length: this.#layers }, () => document.createElement("canvas"));
    this.#host.replaceChildren(...canvases);
    const handed = canvases.map((canvas) => canvas.transferControlToOffscreen());
    send({ id: this.#id, kind: this.#kind, canvases: handed }, handed);
    if (Object.keys(frame).length > 0) send({ id: this.#id, change: frame });
  }
}
