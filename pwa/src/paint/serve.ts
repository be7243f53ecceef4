/** What runs beside the page, in a thread of its own: paints pictures with the frames of the screen. */

import type { FromPainter, ToPainter } from "./messages.ts";

/** Paints one picture on its canvases, the lowest first, and tells the page what it has to know of it. */
interface Scene<F> {
  /** At `nowMs` since 1970. */
  paint(frame: F, nowMs: number): void;
}
/** `again` has a picture painted once more after so many ms, unless it changes before. */
type SceneClass<F, T> = new (
  canvases: readonly OffscreenCanvas[],
  tell: (told: T) => void,
  again: (afterMs: number) => void,
) => Scene<F>;

/** A picture, all it is made of as far as that is known, and the turn that was painted last. */
interface Held<F> {
  readonly id: number;
  readonly scene: Scene<F>;
  readonly frame: F;
  turn: number;
  painted: number;
  later?: ReturnType<typeof setTimeout>;
}

/** Paints pictures of one kind for the page, until the page is gone. */
export function serve<F extends object, T>(SceneOf: SceneClass<F, T>): void {
  const page = self as unknown as MessagePort;
  const pictures = new Map<number, Held<F>>();
  const changed = new Set<Held<F>>();
  let asked = false;
  const tell = (message: FromPainter) => page.postMessage(message);

  page.onmessage = ({ data }: MessageEvent<ToPainter>) => {
    const { id } = data;
    if ("canvases" in data) {
      pictures.set(id, begin(id, data.canvases));
      return;
    }
    const held = pictures.get(id);
    if (!held) return;
    if ("end" in data) {
      pictures.delete(id);
      changed.delete(held);
      clearTimeout(held.later);
      return;
    }
    Object.assign(held.frame, data.change);
    held.turn = data.turn;
    paintSoon(held);
  };

  function begin(id: number, canvases: readonly OffscreenCanvas[]): Held<F> {
    const again = (afterMs: number) => {
      held.later = setTimeout(() => paintSoon(held), afterMs);
    };
    const scene = new SceneOf(canvases, (told) => tell({ id, told }), again);
    const held: Held<F> = { id, scene, frame: {} as F, turn: 0, painted: Number.NaN };
    return held;
  }

  function paintSoon(held: Held<F>): void {
    clearTimeout(held.later);
    changed.add(held);
    if (!asked) requestAnimationFrame(paint);
    asked = true;
  }

  /** What changed more than once since the last frame of the screen is painted once. */
  function paint(): void {
    asked = false;
    const due = [...changed];
    changed.clear();
    for (const held of due) {
      const { id, scene, frame, turn } = held;
      scene.paint(frame, performance.timeOrigin + performance.now());
      if (turn !== held.painted) tell({ id, turn });
      held.painted = turn;
    }
  }
}
