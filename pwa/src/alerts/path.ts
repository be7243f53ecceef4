/** Price since an alert, minute by minute, and its replay over the book as it was. */

import { fromServer } from "./client.ts";
import { isRecord } from "./inbox.ts";

export interface Point {
  /** Unix ms. */
  readonly atMs: number;
  readonly price: number;
}

/** A replay takes no longer than this, however long ago the alert was. */
const LONGEST_MS = 8_000;
const STEP_MS = 80;

export function readPath(told: unknown): Point[] {
  const answer = isRecord(told) ? told : {};
  const path = Array.isArray(answer.path) ? answer.path : [];
  return path
    .filter((it): it is [number, number] => Array.isArray(it) && it.every(Number.isFinite) && it[1] > 0)
    .map(([atMs, price]) => ({ atMs, price }));
}

export async function loadPath(id: number): Promise<Point[]> {
  try {
    return readPath(await fromServer(`inbox/${id}/path`));
  } catch {
    return [];
  }
}

/** As many points of a path as a replay has steps, its last one among them. */
export function stepsOf(path: readonly Point[]): readonly Point[] {
  const most = LONGEST_MS / STEP_MS;
  const every = Math.max(1, Math.ceil(path.length / most));
  return path.filter((_, at) => (path.length - 1 - at) % every === 0);
}

/** Shows a path's points one after the other; returns what stops it. `done` is called at the end, once. */
export function play(path: readonly Point[], show: (point: Point) => void, done: () => void): () => void {
  const steps = stepsOf(path);
  let at = 0;
  const end = () => {
    clearInterval(timer);
    done();
  };
  const next = () => {
    const point = steps[at++];
    if (point) show(point);
    else end();
  };
  const timer = setInterval(next, STEP_MS);
  return end;
}
