/** The map's picture as a whole: heat with prices and scales over it, and what lies over both. */

import { type Fit, Layers } from "./layers.ts";
import { MapCamera, type MapPlace } from "./map_camera.ts";
import { mapFrame } from "./map_frame.ts";
import { MapOverlayPainter, type Overlay } from "./map_overlay.ts";
import { type MapLook, type MapPicture, MapPlotPainter } from "./map_plot.ts";

/** Everything that the picture is made of. */
export interface MapShown extends Overlay, MapLook, Fit {
  readonly place: MapPlace;
  readonly picture: MapPicture;
  /** Of the widest price of the axis, in CSS pixels. */
  readonly labelWidth: number;
}

export class MapScene {
  readonly #layers = new Layers();
  readonly #plot: MapPlotPainter;
  readonly #overlay: MapOverlayPainter;
  readonly #camera = new MapCamera();

  constructor([plot, overlay]: readonly OffscreenCanvas[]) {
    this.#plot = this.#layers.add(MapPlotPainter, plot);
    this.#overlay = this.#layers.add(MapOverlayPainter, overlay);
  }

  paint(shown: MapShown): void {
    this.#layers.fit(shown);
    const [width, height] = shown.size;
    const frame = mapFrame(width, height, shown.labelWidth);
    this.#camera.resize(frame.plotWidth, frame.plotHeight);
    this.#camera.take(shown.place);
    this.#plot.paint(shown.picture, this.#camera, frame, shown);
    this.#overlay.paint(shown, this.#camera, frame);
  }
}
