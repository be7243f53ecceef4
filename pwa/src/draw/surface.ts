/** One canvas, or several of one size, drawn in CSS pixels, sharp on every screen. */

const PIXEL_RATIO_MAX = 3;

/** Pixels drawn to a CSS pixel. */
export const pixelRatioOf = (devicePixelRatio: number): number => Math.min(devicePixelRatio, PIXEL_RATIO_MAX);

export class Surface {
  /** Of the canvas that is drawn on. */
  context: CanvasRenderingContext2D;
  width = 0;
  height = 0;
  pixelRatio = 1;
  readonly #canvases: readonly HTMLCanvasElement[];
  readonly #contexts: readonly CanvasRenderingContext2D[];
  readonly #rises = new Map<string, number>();

  constructor(opaque: boolean, ...canvases: readonly HTMLCanvasElement[]) {
    this.#canvases = canvases;
    this.#contexts = canvases.map((canvas) => {
      const context = canvas.getContext("2d", { alpha: !opaque });
      if (!context) throw new Error("expected a browser that can draw in two dimensions");
      return context;
    });
    this.context = this.#contexts[0] as CanvasRenderingContext2D;
  }

  /** Draws on another of its canvases from now on. */
  turnTo(index: number): void {
    this.context = this.#contexts[index] as CanvasRenderingContext2D;
  }

  /** Takes the size of the element in CSS pixels; the picture is empty afterwards, unless it is as before. */
  resize(width: number, height: number, devicePixelRatio: number): void {
    this.pixelRatio = pixelRatioOf(devicePixelRatio);
    this.width = width;
    this.height = height;
    const [across, down] = [Math.round(width * this.pixelRatio), Math.round(height * this.pixelRatio)];
    for (const [index, canvas] of this.#canvases.entries()) {
      if (canvas.width !== across || canvas.height !== down) {
        canvas.width = across;
        canvas.height = down;
      }
      this.#contexts[index]?.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    }
  }

  /** Draws in CSS pixels, as always but while numbers are printed. */
  inPoints(): void {
    this.context.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
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
