/** Reads gestures from pointers: one table, one meaning each. No elements, no clocks. */

export const TAP_SLOP_PX = 8;
export const DOUBLE_TAP_MS = 300;
export const DOUBLE_TAP_PX = 28;
/** A finger that rests so long inspects what is under it. */
export const LONG_PRESS_MS = 380;
export const EDGE_PX = 48;
export const SWIPE_PX = 64;
/** Speed is measured over the last part of a drag only. */
const SPEED_WINDOW_MS = 100;
/** A pinch belongs to one axis until the fingers clearly move along the other. */
const AXIS_HYSTERESIS = 1.3;

/** Where a gesture began: on the picture itself, on its price axis or on its time axis. */
export type Zone = "body" | "price" | "time";

export interface Pinch {
  /** The distance of the fingers over what it was at the event before. */
  readonly ratio: number;
  /** The direction that the fingers move in most. */
  readonly axis: "x" | "y";
  /** The point between the fingers, and how far it has moved. */
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

export interface GestureEvents {
  /** A finger is down: whatever moves by itself stops. */
  press(): void;
  drag(dx: number, dy: number, zone: Zone): void;
  /** The finger left while it moved; pixels a millisecond. */
  fling(speedX: number, speedY: number, zone: Zone): void;
  pinch(pinch: Pinch): void;
  tap(x: number, y: number, zone: Zone): void;
  doubleTap(x: number, y: number): void;
  /** A finger rests, and then moves without having been lifted. */
  inspect(x: number, y: number): void;
  inspected(): void;
  /** Along an edge, sideways: the symbol before (-1) or after (+1). */
  swipe(direction: 1 | -1): void;
}

export interface GestureRules {
  /** What a sideways drag means: going along time, or to another symbol when it began at an edge. */
  readonly sideways: "pan" | "swipe";
  zone(x: number, y: number): Zone;
}

interface Pointer {
  x: number;
  y: number;
}

type Phase = "idle" | "pressed" | "dragging" | "swiping" | "pinching" | "inspecting" | "spent";

interface Sample {
  readonly x: number;
  readonly y: number;
  readonly ms: number;
}

export class Gestures {
  readonly #events: GestureEvents;
  readonly #rules: GestureRules;
  readonly #pointers = new Map<number, Pointer>();
  #width = 0;
  #phase: Phase = "idle";
  #zone: Zone = "body";
  #start: Sample = { x: 0, y: 0, ms: 0 };
  #samples: Sample[] = [];
  #tap: Sample = { x: 0, y: 0, ms: Number.NEGATIVE_INFINITY };
  #spread: Pointer = { x: 1, y: 1 };
  #middle: Pointer = { x: 0, y: 0 };
  #axis: "x" | "y" = "y";

  constructor(events: GestureEvents, rules: GestureRules) {
    this.#events = events;
    this.#rules = rules;
  }

  /** Width of the pane, whose sides are the swipe zones. */
  resize(width: number): void {
    this.#width = width;
  }

  /** When a resting finger begins to inspect, in the time of its event; null when none can. */
  get holdDueMs(): number | null {
    return this.#phase === "pressed" ? this.#start.ms + LONG_PRESS_MS : null;
  }

  down(id: number, x: number, y: number, ms: number): void {
    this.#pointers.set(id, { x, y });
    this.#events.press();
    if (this.#phase === "inspecting") this.#events.inspected();
    if (this.#pointers.size === 1) {
      this.#phase = "pressed";
      this.#zone = this.#rules.zone(x, y);
      this.#start = { x, y, ms };
      this.#samples = [this.#start];
    } else if (this.#pointers.size === 2) {
      this.#phase = "pinching";
      this.#spread = this.#spreadOf();
      this.#middle = this.#middleOf();
      this.#axis = this.#spread.x > this.#spread.y ? "x" : "y";
    } else {
      this.#phase = "spent";
    }
  }

  /** To be called when `holdDueMs` has come: a finger that still rests begins to inspect. */
  hold(ms: number): void {
    const due = this.holdDueMs;
    const [pointer] = this.#pointers.values();
    if (due === null || ms < due || !pointer) return;
    this.#phase = "inspecting";
    this.#events.inspect(pointer.x, pointer.y);
  }

  move(id: number, x: number, y: number, ms: number): void {
    const pointer = this.#pointers.get(id);
    if (!pointer) return;
    const dx = x - pointer.x;
    const dy = y - pointer.y;
    [pointer.x, pointer.y] = [x, y];
    if (this.#phase === "pinching") this.#pinch();
    else if (this.#phase === "pressed") this.#decide(x, y);
    else if (this.#phase === "dragging") this.#events.drag(dx, dy, this.#zone);
    else if (this.#phase === "swiping") this.#swipe(x);
    else if (this.#phase === "inspecting") this.#events.inspect(x, y);
    this.#samples.push({ x, y, ms });
    while (this.#samples.length > 2 && ms - (this.#samples[0] as Sample).ms > SPEED_WINDOW_MS) {
      this.#samples.shift();
    }
  }

  up(id: number, ms: number): void {
    const pointer = this.#pointers.get(id);
    if (!pointer) return;
    this.#pointers.delete(id);
    if (this.#phase === "pressed") this.#tapped(pointer.x, pointer.y, ms);
    else if (this.#phase === "dragging") this.#release(ms);
    this.#leave();
  }

  cancel(id: number): void {
    if (this.#pointers.delete(id)) this.#leave();
  }

  #leave(): void {
    if (this.#phase === "inspecting") this.#events.inspected();
    // The finger that is left after a pinch does not scroll: it rarely means to.
    this.#phase = this.#pointers.size === 0 ? "idle" : "spent";
  }

  #decide(x: number, y: number): void {
    const dx = x - this.#start.x;
    const dy = y - this.#start.y;
    if (Math.hypot(dx, dy) <= TAP_SLOP_PX) return;
    const sideways = Math.abs(dx) > Math.abs(dy);
    if (sideways && this.#rules.sideways === "swipe") {
      const atEdge = this.#start.x <= EDGE_PX || this.#start.x >= this.#width - EDGE_PX;
      this.#phase = atEdge ? "swiping" : "spent";
      return;
    }
    this.#phase = "dragging";
    // The slop is given back, so that what is under the finger stays there.
    this.#events.drag(dx, dy, this.#zone);
  }

  #swipe(x: number): void {
    const dx = x - this.#start.x;
    if (Math.abs(dx) < SWIPE_PX) return;
    this.#phase = "spent";
    this.#events.swipe(dx < 0 ? 1 : -1);
  }

  #pinch(): void {
    const spread = this.#spreadOf();
    const middle = this.#middleOf();
    const grown = { x: Math.abs(spread.x - this.#spread.x), y: Math.abs(spread.y - this.#spread.y) };
    if (this.#axis === "y" && grown.x > grown.y * AXIS_HYSTERESIS && spread.x > spread.y) this.#axis = "x";
    if (this.#axis === "x" && grown.y > grown.x * AXIS_HYSTERESIS && spread.y > spread.x) this.#axis = "y";
    const ratio = Math.hypot(spread.x, spread.y) / Math.hypot(this.#spread.x, this.#spread.y);
    const [dx, dy] = [middle.x - this.#middle.x, middle.y - this.#middle.y];
    this.#spread = spread;
    this.#middle = middle;
    this.#events.pinch({ ratio, axis: this.#axis, x: middle.x, y: middle.y, dx, dy });
  }

  #tapped(x: number, y: number, ms: number): void {
    const near = Math.hypot(x - this.#tap.x, y - this.#tap.y) <= DOUBLE_TAP_PX;
    if (near && ms - this.#tap.ms <= DOUBLE_TAP_MS) {
      this.#tap = { x, y, ms: Number.NEGATIVE_INFINITY };
      this.#events.doubleTap(x, y);
      return;
    }
    this.#tap = { x, y, ms };
    this.#events.tap(x, y, this.#zone);
  }

  #release(ms: number): void {
    const first = this.#samples[0] as Sample;
    const last = this.#samples.at(-1) as Sample;
    // A finger that rested before it left throws nothing.
    if (ms - last.ms > SPEED_WINDOW_MS || last.ms <= first.ms) return;
    const over = last.ms - first.ms;
    this.#events.fling((last.x - first.x) / over, (last.y - first.y) / over, this.#zone);
  }

  #spreadOf(): Pointer {
    const [one, other] = [...this.#pointers.values()] as [Pointer, Pointer];
    return { x: Math.max(1, Math.abs(one.x - other.x)), y: Math.max(1, Math.abs(one.y - other.y)) };
  }

  #middleOf(): Pointer {
    const [one, other] = [...this.#pointers.values()] as [Pointer, Pointer];
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
  }
}
