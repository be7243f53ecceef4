/** Dark diagonals over what has not been calibrated. */

import { type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";

const PITCH = 5;

/** A pattern in the ground's colour: it shows only where something is drawn. */
export function makeHatch(surface: Surface, palette: Palette): CanvasPattern | null {
  const ratio = surface.pixelRatio;
  const size = Math.max(4, Math.round(PITCH * Math.SQRT2 * ratio));
  const tile = new OffscreenCanvas(size, size);
  const context = tile.getContext("2d");
  if (!context) return null;
  context.strokeStyle = withAlpha(palette.ground.bg, 0.4);
  context.lineWidth = 1.4 * ratio;
  context.beginPath();
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift - 1, size + 1);
    context.lineTo(shift + size + 1, -1);
  }
  context.stroke();
  const hatch = surface.context.createPattern(tile, "repeat");
  hatch?.setTransform(new DOMMatrix().scale(1 / ratio));
  return hatch;
}
