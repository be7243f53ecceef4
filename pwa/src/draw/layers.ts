/** The canvases of one picture, one over the other, and who paints on each: they share a size and colours. */

import { Seen } from "../model/seen.ts";
import { type Appearance, type Palette, PLAIN, paletteOf } from "./palette.ts";
import { type Size, Surface } from "./surface.ts";

interface LayerPainter {
  set palette(palette: Palette);
  /** Everything is to be painted again, and texts measured again. */
  invalidate(): void;
}

/** What the layers of a picture are fitted to. */
export interface Fit {
  readonly appearance: Appearance;
  readonly size: Size;
  /** Another number: all is to be painted and measured again. */
  readonly fresh: number;
}

export class Layers {
  readonly #surfaces: Surface[] = [];
  readonly #painters: LayerPainter[] = [];
  readonly #sizeSeen = new Seen();
  #appearance: Appearance | null = null;

  /** Puts a painter of this class on the next canvas; only the lowest lets nothing through. */
  add<P extends LayerPainter>(
    Painter: new (surface: Surface, palette: Palette) => P,
    canvas: OffscreenCanvas | undefined,
  ): P {
    if (!canvas) throw new Error("expected a canvas for each layer of the picture");
    const surface = new Surface(canvas, this.#surfaces.length === 0);
    const painter = new Painter(surface, paletteOf(PLAIN));
    this.#surfaces.push(surface);
    this.#painters.push(painter);
    return painter;
  }

  /** Takes colours and size where they are others than before. */
  fit({ appearance, size, fresh }: Fit): void {
    if (appearance !== this.#appearance) {
      const palette = paletteOf(appearance);
      for (const painter of this.#painters) painter.palette = palette;
    }
    this.#appearance = appearance;
    if (!this.#sizeSeen.begin().add(size).add(fresh).differs()) return;
    for (const surface of this.#surfaces) surface.resize(...size);
    for (const painter of this.#painters) painter.invalidate();
  }
}
