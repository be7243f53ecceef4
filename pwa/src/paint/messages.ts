/** What the page and its painters tell each other: of a picture only what changed. */

import type { LadderFrame, LadderTold } from "../draw/ladder_scene.ts";
import type { MapShown } from "../draw/map_scene.ts";

/** The kinds of pictures: what each is made of, and what the page is told when that is painted. */
export interface Pictures {
  readonly ladder: { readonly frame: LadderFrame; readonly told: LadderTold };
  readonly map: { readonly frame: MapShown; readonly told: never };
}

export type Kind = keyof Pictures;

/** About the picture of a number: begins it on its canvases, the lowest first; changes it; ends it. */
export type ToPainter =
  | { readonly id: number; readonly canvases: readonly OffscreenCanvas[] }
  /** After another turn nothing is to be seen of what was painted before. */
  | { readonly id: number; readonly change: object; readonly turn: number }
  | { readonly id: number; readonly end: true };

/** What the page has to know of a picture, or that the first one of a turn is painted. */
export type FromPainter =
  | { readonly id: number; readonly told: unknown }
  | { readonly id: number; readonly turn: number };
