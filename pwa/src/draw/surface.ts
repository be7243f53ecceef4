/** A canvas drawn in CSS pixels, sharp on every screen. */

const PIXEL_RATIO_MAX = 3;

/** A canvas of the page, or one that lives apart from it. */
export type AnyCanvas = HTMLCanvasElement | OffscreenCanvas;
type AnyContext = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Of a canvas in CSS pixels, and the device's pixels to one of them. */
export type Size = readonly [width: number, height: number, devicePixelRatio: number];

export class Surface {
  readonly context: AnyContext;
  width = 0;
  height = 0;
  /** Pixels drawn to a CSS pixel. */
  pixelRatio = 1;
  readonly #canvas: AnyCanvas;
  readonly #rises = new Map<string, number>();

  constructor(canvas: AnyCanvas, opaque: boolean) {
    // The two kinds of canvas have the same call, of types that do not fit.
    const context = (canvas as OffscreenCanvas).getContext("2d", { alpha: !opaque });
    if (!context) throw new Error("expected a browser that can draw in two dimensions");
    this.#canvas = canvas;
    this.context = context;
  }

  /** Takes the size of the element in CSS pixels; the picture is empty afterwards, unless it is as before. */
  resize(width: number, height: number, devicePixelRatio: number): void {
    this.pixelRatio = Math.min(devicePixelRatio, PIXEL_RATIO_MAX);
    this.width = width;
    this.height = height;
    const [across, down] = [Math.round(width * this.pixelRatio), Math.round(height * this.pixelRatio)];
    if (this.#canvas.width !== across || this.#canvas.height !== down) {
      this.#canvas.width = across;
      this.#canvas.height = down;
    }
    this.inPoints();
  }

  /** Draws in CSS pixels, as always but while numbers are printed. */
  inPoints(): void {
    this.context.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
  }

  /** Moves the whole picture down, by whole pixels of the device; what comes in shows what was there. */
  shift(down: number): void {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(this.#canvas, 0, Math.round(down * this.pixelRatio));
    this.inPoints();
  }

  /** Moves a length or place onto a whole device pixel. */
  snap(value: number): number {
    return Math.round(value * this.pixelRatio) / this.pixelRatio;
  }

  /** Height of the thinnest line of at least `size` that the screen shows evenly. */
  hairline(size = 1): number {
    return Math.max(1, Math.floor(size * this.pixelRatio)) / this.pixelRatio;
  }

  /**
   * Baseline of text whose digits shall have their middle at `y`. The canvas's own "middle" is that of
   * the font's box, which sits differently around the digits in every face.
   */
  baseline(font: string, y: number): number {
    let rise = this.#rises.get(font);
    if (rise === undefined) {
      this.context.font = font;
      rise = this.context.measureText("0").actualBoundingBoxAscent / 2;
      this.#rises.set(font, rise);
    }
    return this.snap(y + rise);
  }

  /** Forgets what was measured; to be called when a font has arrived late. */
  forgetFonts(): void {
    this.#rises.clear();
  }

  clear(): void {
    this.context.clearRect(0, 0, this.width, this.height);
  }
}
