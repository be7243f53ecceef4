/** The map's picture as a whole: heat with prices and scales over it, and what lies over both. */

import { Seen } from "../model/seen.ts";
import { MapCamera, type MapPlace } from "./map_camera.ts";
import { mapFrame } from "./map_frame.ts";
import { MapOverlayPainter, type Overlay } from "./map_overlay.ts";
import { type MapLook, type MapPicture, MapPlotPainter } from "./map_plot.ts";
import { type Appearance, makePalette } from "./palette.ts";
import { type Size, Surface } from "./surface.ts";

/** Everything that the picture is made of. */
export interface MapShown extends Overlay, MapLook {
  readonly place: MapPlace;
  readonly appearance: Appearance;
  readonly picture: MapPicture;
  readonly size: Size;
  /** Of the widest price of the axis, in CSS pixels. */
  readonly labelWidth: number;
  /** Another number: all is to be painted and measured again. */
  readonly fresh: number;
}

export class MapScene {
  readonly #plotSurface: Surface;
  readonly #overlaySurface: Surface;
  readonly #plot: MapPlotPainter;
  readonly #overlay: MapOverlayPainter;
  readonly #camera = new MapCamera();
  #appearance: Appearance | null = null;
  readonly #sizeSeen = new Seen();

  constructor([plot, overlay]: readonly OffscreenCanvas[]) {
    if (!plot || !overlay) throw new Error("expected a canvas for the plot and one for what lies over it");
    const palette = makePalette("inferno", "default", "default");
    this.#plotSurface = new Surface(plot, true);
    this.#overlaySurface = new Surface(overlay, false);
    this.#plot = new MapPlotPainter(this.#plotSurface, palette);
    this.#overlay = new MapOverlayPainter(this.#overlaySurface, palette);
  }

  paint(shown: MapShown): void {
    this.#dress(shown);
    this.#fit(shown);
    const [width, height] = shown.size;
    const frame = mapFrame(width, height, shown.labelWidth);
    this.#camera.resize(frame.plotWidth, frame.plotHeight);
    this.#camera.take(shown.place);
    this.#plot.paint(shown.picture, this.#camera, frame, shown);
    this.#overlay.paint(shown, this.#camera, frame);
  }

  #dress({ appearance }: MapShown): void {
    if (appearance === this.#appearance) return;
    this.#appearance = appearance;
    const palette = makePalette(appearance.heat, appearance.side, appearance.ground);
    this.#plot.palette = palette;
    this.#overlay.palette = palette;
  }

  #fit({ size, fresh }: MapShown): void {
    if (!this.#sizeSeen.begin().add(size).add(fresh).differs()) return;
    this.#plotSurface.resize(...size);
    this.#overlaySurface.resize(...size);
    this.#plot.invalidate();
    this.#overlaySurface.forgetFonts();
  }
}
