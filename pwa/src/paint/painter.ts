/** Runs beside the page, in a thread of its own: paints pictures with the frames of the screen. */

import { LadderScene } from "../draw/ladder_scene.ts";
import type { FromPainter, Kind, Pictures, ToPainter } from "./messages.ts";

interface Scene<K extends Kind> {
  paint(frame: Pictures[K]["frame"]): void;
}
type Tell<K extends Kind> = (told: Pictures[K]["told"]) => void;

const SCENES: {
  readonly [K in Kind]: new (
    canvases: readonly OffscreenCanvas[],
    tell: Tell<K>,
  ) => Scene<K>;
} = { ladder: LadderScene };

/** A picture and all it is made of, as far as that is known. */
interface Held {
  readonly scene: { paint(frame: object): void };
  readonly frame: object;
}

const page = self as unknown as MessagePort;
const pictures = new Map<number, Held>();
const changed = new Set<Held>();
let asked = false;

page.onmessage = ({ data }: MessageEvent<ToPainter>) => {
  if ("canvases" in data) {
    const { id, kind, canvases } = data;
    const tell = (told: unknown) => page.postMessage({ id, told } satisfies FromPainter);
    pictures.set(id, { scene: new SCENES[kind](canvases, tell) as Held["scene"], frame: {} });
    return;
  }
  const held = pictures.get(data.id);
  if (!held) return;
  if ("end" in data) {
    pictures.delete(data.id);
    changed.delete(held);
    return;
  }
  Object.assign(held.frame, data.change);
  changed.add(held);
  if (!asked) requestAnimationFrame(paint);
  asked = true;
};

/** What changed more than once since the last frame of the screen is painted once. */
function paint(): void {
  asked = false;
  const due = [...changed];
  changed.clear();
  for (const { scene, frame } of due) scene.paint(frame);
}
