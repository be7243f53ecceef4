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
export interface LadderFrame extends Omit<LadderPicture, "rows">, MarksPicture {
  readonly place: CameraPlace;
  readonly appearance: Appearance;
  readonly rows: PackedRows;
  readonly size: Size;
  /** Another number: all is to be painted and measured again. */
  readonly fresh: number;
}

/** Where the columns lie, when that changes. */
export type LadderTold = Columns;

export class LadderScene {
  readonly #rowSurface: Surface;
  readonly #markSurface: Surface;
  readonly #tell: (told: LadderTold) => void;
  readonly #painter: LadderPainter;
  readonly #marks: MarksPainter;
  readonly #camera = new Camera();
  readonly #rows = new LadderRows();
  #appearance: Appearance | null = null;
  readonly #sizeSeen = new Seen();
  #told: Columns | null = null;

  constructor([rows, marks]: readonly OffscreenCanvas[], tell: (told: LadderTold) => void) {
    if (!rows || !marks) throw new Error("expected a canvas for rows and one for marks");
    const palette = makePalette("inferno", "default", "default");
    this.#rowSurface = new Surface(rows, true);
    this.#markSurface = new Surface(marks, false);
    this.#tell = tell;
    this.#painter = new LadderPainter(this.#rowSurface, palette);
    this.#marks = new MarksPainter(this.#markSurface, palette);
  }

  paint(frame: LadderFrame): void {
    this.#dress(frame);
    this.#fit(frame);
    this.#camera.take(frame.place);
    this.#rows.take(frame.rows);
    this.#painter.paint({ ...frame, rows: this.#rows }, this.#camera);
    const { columns } = this.#painter;
    this.#marks.paint(frame, this.#camera, columns);
    if (columns !== this.#told) this.#tell(columns);
    this.#told = columns;
  }

  #dress({ appearance }: LadderFrame): void {
    if (appearance === this.#appearance) return;
    this.#appearance = appearance;
    const palette = makePalette(appearance.heat, appearance.side, appearance.ground);
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
