/** What the page and its painter tell each other: of a picture only what changed. */

import type { LadderFrame, LadderTold } from "../draw/ladder_scene.ts";

/** The kinds of pictures: what each is made of, and what the page is told when that is painted. */
export interface Pictures {
  readonly ladder: { readonly frame: LadderFrame; readonly told: LadderTold };
}

export type Kind = keyof Pictures;

/** About the picture of a number: begins it on its canvases, the lowest first; changes it; ends it. */
export type ToPainter =
  | { readonly id: number; readonly kind: Kind; readonly canvases: readonly OffscreenCanvas[] }
  | { readonly id: number; readonly change: object }
  | { readonly id: number; readonly end: true };

export interface FromPainter {
  readonly id: number;
  readonly told: unknown;
}
