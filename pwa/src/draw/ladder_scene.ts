/** The ladder's picture as a whole: rows, and what lies over them on a canvas of its own. */

import { LadderRows, type PackedRows } from "../model/ladder_rows.ts";
import { Seen } from "../model/seen.ts";
import { Camera, type CameraPlace } from "./camera.ts";
import type { Columns } from "./columns.ts";
import { LadderPainter, type LadderPicture } from "./ladder.ts";
import { MarksPainter, type MarksPicture } from "./marks.ts";
import { type Appearance, makePalette } from "./palette.ts";
import { type Size, Surface } from "./surface.ts";

/** Everything that the picture is made of. */
export interface LadderFrame extends Omit<LadderPicture, "rows">, MarksPicture, CameraPlace, Appearance {
  readonly rows: PackedRows;
  readonly size: Size;
  /** Another number: all is to be painted and measured again. */
  readonly fresh: number;
  /** Another number: nothing that was painted before is to be seen any more. */
  readonly turn: number;
}

/** What the page is told of the picture when it changes. */
export interface LadderTold {
  readonly columns: Columns;
  /** The turn of the frame that is painted. */
  readonly turn: number;
}

export class LadderScene {
  readonly #rowSurface: Surface;
  readonly #markSurface: Surface;
  readonly #told: (told: LadderTold) => void;
  readonly #painter: LadderPainter;
  readonly #marks: MarksPainter;
  readonly #camera = new Camera();
  readonly #rows = new LadderRows();
  readonly #lookSeen = new Seen();
  readonly #sizeSeen = new Seen();
  readonly #toldSeen = new Seen();

  constructor([rows, marks]: readonly OffscreenCanvas[], told: (told: LadderTold) => void) {
    if (!rows || !marks) throw new Error("expected a canvas for rows and one for marks");
    const palette = makePalette("inferno", "default", "default");
    this.#rowSurface = new Surface(rows, true);
    this.#markSurface = new Surface(marks, false);
    this.#told = told;
    this.#painter = new LadderPainter(this.#rowSurface, palette);
    this.#marks = new MarksPainter(this.#markSurface, palette);
  }

  paint(frame: LadderFrame): void {
    this.#dress(frame);
    this.#fit(frame);
    this.#camera.take(frame);
    this.#rows.take(frame.rows);
    this.#painter.paint({ ...frame, rows: this.#rows }, this.#camera);
    const { columns } = this.#painter;
    this.#marks.paint(frame, this.#camera, columns);
    const { turn } = frame;
    if (this.#toldSeen.begin().add(columns).add(turn).differs()) this.#told({ columns, turn });
  }

  #dress(frame: LadderFrame): void {
    if (!this.#lookSeen.begin().add(frame.heat).add(frame.side).add(frame.ground).differs()) return;
    const palette = makePalette(frame.heat, frame.side, frame.ground);
    this.#painter.palette = palette;
    this.#marks.palette = palette;
  }

  #fit({ size, fresh }: LadderFrame): void {
    if (!this.#sizeSeen.begin().add(size).add(fresh).differs()) return;
    this.#rowSurface.resize(...size);
    this.#markSurface.resize(...size);
    this.#painter.invalidate();
    this.#marks.invalidate();
  }
}
