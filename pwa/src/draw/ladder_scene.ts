/** The ladder's picture as a whole: rows, and what lies over them on a canvas of its own. */

import { LadderRows, type PackedRows } from "../model/ladder_rows.ts";
import { Camera, type CameraPlace } from "./camera.ts";
import type { Columns } from "./columns.ts";
import { FLASH_STEP_MS, flashSteps } from "./flash.ts";
import { LadderPainter, type LadderPicture } from "./ladder.ts";
import { type Fit, Layers } from "./layers.ts";
import { MarksPainter, type MarksPicture } from "./marks.ts";

/** Everything that the picture is made of. */
export interface LadderFrame extends Omit<LadderPicture, "rows" | "flash">, MarksPicture, Fit {
  readonly place: CameraPlace;
  readonly rows: PackedRows;
  /** When the last trade came, in ms since 1970; 0 where nothing is to flash. */
  readonly flashedMs: number;
}

/** Where the columns lie, when that changes. */
export type LadderTold = Columns;

export class LadderScene {
  readonly #layers = new Layers();
  readonly #tell: (told: LadderTold) => void;
  readonly #again: (afterMs: number) => void;
  readonly #painter: LadderPainter;
  readonly #marks: MarksPainter;
  readonly #camera = new Camera();
  readonly #rows = new LadderRows();
  #told: Columns | null = null;

  constructor(
    [rows, marks]: readonly OffscreenCanvas[],
    tell: (told: LadderTold) => void,
    again: (afterMs: number) => void,
  ) {
    this.#tell = tell;
    this.#again = again;
    this.#painter = this.#layers.add(LadderPainter, rows);
    this.#marks = this.#layers.add(MarksPainter, marks);
  }

  /** At `nowMs` since 1970; a flash that fades is painted again as often as it looks different. */
  paint(frame: LadderFrame, nowMs: number): void {
    this.#layers.fit(frame);
    this.#camera.take(frame.place);
    this.#rows.take(frame.rows);
    const flash = frame.live && frame.last ? flashSteps(nowMs - frame.flashedMs) : 0;
    this.#painter.paint({ ...frame, rows: this.#rows, flash }, this.#camera);
    const { columns } = this.#painter;
    this.#marks.paint(frame, this.#camera, columns);
    if (columns !== this.#told) this.#tell(columns);
    this.#told = columns;
    if (flash > 0) this.#again(FLASH_STEP_MS);
  }
}
