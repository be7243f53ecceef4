/** Reads gestures from pointers: one table, one meaning each. No elements, no clocks. */

export const TAP_SLOP_PX = 8;
export const DOUBLE_TAP_MS = 300;
export const DOUBLE_TAP_PX = 28;
export const PINCH_STEP = 1.35;
export const EDGE_PX = 48;
export const SWIPE_PX = 64;
/** Speed is measured over the last part of a drag only. */
const SPEED_WINDOW_MS = 100;

export interface GestureEvents {
  /** A finger is down: whatever moves by itself stops. */
  press(): void;
  scroll(pixels: number): void;
  /** The finger left while it moved; pixels a millisecond. */
  fling(speed: number): void;
  /** Fingers apart: finer rows (-1); together: coarser (+1). */
  pinch(direction: 1 | -1): void;
  doubleTap(): void;
  /** Along an edge, sideways: the symbol before (-1) or after (+1). */
  swipe(direction: 1 | -1): void;
}

interface Pointer {
  x: number;
  y: number;
}

type Phase = "idle" | "pressed" | "scrolling" | "swiping" | "pinching" | "spent";

interface Sample {
  readonly y: number;
  readonly ms: number;
}

export class Gestures {
  readonly #events: GestureEvents;
  readonly #pointers = new Map<number, Pointer>();
  #width = 0;
  #phase: Phase = "idle";
  #startX = 0;
  #startY = 0;
  #samples: Sample[] = [];
  #tapMs = Number.NEGATIVE_INFINITY;
  #tapX = 0;
  #tapY = 0;
  #spread = 0;

  constructor(events: GestureEvents) {
    this.#events = events;
  }

  /** Width of the pane, whose sides are the swipe zones. */
  resize(width: number): void {
    this.#width = width;
  }

  down(id: number, x: number, y: number, ms: number): void {
    this.#pointers.set(id, { x, y });
    this.#events.press();
    if (this.#pointers.size === 1) {
      this.#phase = "pressed";
      [this.#startX, this.#startY] = [x, y];
      this.#samples = [{ y, ms }];
    } else if (this.#pointers.size === 2) {
      this.#phase = "pinching";
      this.#spread = this.#distance();
    } else {
      this.#phase = "spent";
    }
  }

  move(id: number, x: number, y: number, ms: number): void {
    const pointer = this.#pointers.get(id);
    if (!pointer) return;
    const before = pointer.y;
    [pointer.x, pointer.y] = [x, y];
    if (this.#phase === "pinching") this.#pinch();
    if (this.#phase === "pressed") this.#decide(x, y);
    else if (this.#phase === "scrolling") this.#events.scroll(y - before);
    else if (this.#phase === "swiping") this.#swipe(x);
    this.#samples.push({ y, ms });
    while (this.#samples.length > 2 && ms - (this.#samples[0] as Sample).ms > SPEED_WINDOW_MS) {
      this.#samples.shift();
    }
  }

  up(id: number, ms: number): void {
    const pointer = this.#pointers.get(id);
    if (!pointer) return;
    this.#pointers.delete(id);
    if (this.#phase === "pressed") this.#tap(pointer.x, pointer.y, ms);
    else if (this.#phase === "scrolling") this.#release(ms);
    // The finger that is left after a pinch does not scroll: it rarely means to.
    this.#phase = this.#pointers.size === 0 ? "idle" : "spent";
  }

  cancel(id: number): void {
    this.#pointers.delete(id);
    this.#phase = this.#pointers.size === 0 ? "idle" : "spent";
  }

  #decide(x: number, y: number): void {
    const dx = x - this.#startX;
    const dy = y - this.#startY;
    if (Math.hypot(dx, dy) <= TAP_SLOP_PX) return;
    const atEdge = this.#startX <= EDGE_PX || this.#startX >= this.#width - EDGE_PX;
    if (Math.abs(dx) <= Math.abs(dy)) {
      this.#phase = "scrolling";
      // The slop is given back, so that the row stays under the finger.
      this.#events.scroll(dy);
    } else {
      this.#phase = atEdge ? "swiping" : "spent";
    }
  }

  #swipe(x: number): void {
    const dx = x - this.#startX;
    if (Math.abs(dx) < SWIPE_PX) return;
    this.#phase = "spent";
    this.#events.swipe(dx < 0 ? 1 : -1);
  }

  #pinch(): void {
    const distance = this.#distance();
    const ratio = distance / this.#spread;
    if (ratio < PINCH_STEP && ratio > 1 / PINCH_STEP) return;
    this.#spread = distance;
    this.#events.pinch(ratio > 1 ? -1 : 1);
  }

  #tap(x: number, y: number, ms: number): void {
    const near = Math.hypot(x - this.#tapX, y - this.#tapY) <= DOUBLE_TAP_PX;
    if (near && ms - this.#tapMs <= DOUBLE_TAP_MS) {
      this.#tapMs = Number.NEGATIVE_INFINITY;
      this.#events.doubleTap();
      return;
    }
    [this.#tapX, this.#tapY, this.#tapMs] = [x, y, ms];
  }

  #release(ms: number): void {
    const first = this.#samples[0] as Sample;
    const last = this.#samples.at(-1) as Sample;
    // A finger that rested before it left throws nothing.
    if (ms - last.ms > SPEED_WINDOW_MS || last.ms <= first.ms) return;
    this.#events.fling((last.y - first.y) / (last.ms - first.ms));
  }

  #distance(): number {
    const [one, other] = [...this.#pointers.values()] as [Pointer, Pointer];
    return Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
  }
}
