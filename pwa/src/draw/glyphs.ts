/** Numbers from ready pictures of their characters: laying one down costs a fraction of setting a text. */

import type { Digits, TextInk } from "./digits.ts";
import type { Surface } from "./surface.ts";

/** All that numbers are written with; the first ten stand at their own value. */
const CHARACTERS = "0123456789,.+\u2212σ ";
const BLANK = CHARACTERS.indexOf(" ");
/** Air about a character in pixels of the device: its edge fades into the next one. */
const AIR = 1;

/** The characters of one ink side by side, in pixels of the device. */
interface Strip {
  /**
   * The same pictures twice: a copy costs script twice as much as a rectangle of a pattern, but a pattern
   * costs the browser half a copy more to paint. Copied from a canvas, each would be a snapshot of it.
   */
  readonly bitmap: ImageBitmap;
  readonly pattern: CanvasPattern;
  /** How far each character moves the next one, in the order of CHARACTERS. */
  readonly advances: Float64Array;
  readonly boxes: readonly Box[];
}

/** A character's picture: where it begins in the strip, and how large it is. */
interface Box {
  readonly from: number;
  readonly width: number;
  readonly height: number;
  /** From the character's middle and baseline to the corner of its picture. */
  readonly left: number;
  readonly top: number;
}

/**
 * Draws numbers in the cells of their font, each character on whole pixels of the device. An ink's
 * pictures are made when it is first used, and found again by the ink object itself.
 */
export class Glyphs {
  readonly #surface: Surface;
  readonly #digits: Digits;
  readonly #strips = new Map<TextInk, Strip>();
  /** Whether all numbers of a picture are drawn with this frame, rather than the few that changed. */
  many = false;

  constructor(surface: Surface, digits: Digits) {
    this.#surface = surface;
    this.#digits = digits;
  }

  /** Forgets the pictures; to be called when fonts, colours or the screen's pixels are others. */
  forget(): void {
    this.#strips.clear();
  }

  width(text: string, ink: TextInk): number {
    const { advances } = this.#strip(ink);
    let width = 0;
    for (let i = 0; i < text.length; i++) width += advances[indexOf(text, i)] as number;
    return width / this.#surface.pixelRatio;
  }

  /** Draws from `start`, with the digits' middle at `y`; call the surface's `inPoints` after the last. */
  left(text: string, start: number, y: number, ink: TextInk): number {
    const { context, pixelRatio } = this.#surface;
    const strip = this.#strip(ink);
    const { advances, boxes } = strip;
    const baseline = Math.round(this.#surface.baseline(ink.font, y) * pixelRatio);
    let x = start * pixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = strip.pattern;
    for (let i = 0; i < text.length; i++) {
      const index = indexOf(text, i);
      const advance = advances[index] as number;
      if (index !== BLANK) {
        const box = boxes[index] as Box;
        this.#put(strip, box, Math.round(x + advance / 2) + box.left, baseline + box.top);
      }
      x += advance;
    }
    return x / pixelRatio;
  }

  #put({ bitmap }: Strip, { from, width, height }: Box, left: number, top: number): void {
    const { context } = this.#surface;
    if (this.many) {
      context.drawImage(bitmap, from, 0, width, height, left, top, width, height);
    } else {
      context.setTransform(1, 0, 0, 1, left - from, top);
      context.fillRect(from, 0, width, height);
    }
  }

  #strip(ink: TextInk): Strip {
    let strip = this.#strips.get(ink);
    if (!strip) {
      strip = makeStrip(ink, this.#digits, this.#surface.pixelRatio);
      this.#strips.set(ink, strip);
    }
    return strip;
  }
}

function indexOf(text: string, at: number): number {
  const index = CHARACTERS.indexOf(text.charAt(at));
  if (index < 0) throw new RangeError(`expected a number's characters, got ${text}`);
  return index;
}

function makeStrip(ink: TextInk, digits: Digits, pixelRatio: number): Strip {
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("expected a browser that can draw in two dimensions");
  const write = (): void => {
    context.scale(pixelRatio, pixelRatio);
    context.font = ink.font;
    context.fillStyle = ink.colour;
    context.textAlign = "center";
  };
  write();
  const characters = Array.from(CHARACTERS);
  let end = 0;
  const boxes = characters.map((character) => {
    const box = boxOf(context.measureText(character), pixelRatio, end);
    end += box.width;
    return box;
  });
  canvas.width = end;
  canvas.height = Math.max(...boxes.map((box) => box.height));
  write();
  for (const [index, character] of characters.entries()) {
    const { from, left, top } = boxes[index] as Box;
    context.fillText(character, (from - left) / pixelRatio, -top / pixelRatio);
  }
  const cells = digits.cells(ink.font);
  const advances = Float64Array.from(characters, (it) => cells.width(it) * pixelRatio);
  const bitmap = canvas.transferToImageBitmap();
  const pattern = context.createPattern(bitmap, "repeat");
  if (!pattern) throw new Error("expected a strip of characters, got an empty one");
  return { bitmap, pattern, advances, boxes };
}

/** The box of a character's ink about its middle, and where its picture begins in the strip. */
function boxOf(ink: TextMetrics, pixelRatio: number, from: number): Box {
  const left = Math.floor(-ink.actualBoundingBoxLeft * pixelRatio) - AIR;
  const right = Math.ceil(ink.actualBoundingBoxRight * pixelRatio) + AIR;
  const top = Math.floor(-ink.actualBoundingBoxAscent * pixelRatio) - AIR;
  const bottom = Math.ceil(ink.actualBoundingBoxDescent * pixelRatio) + AIR;
  return { from, width: right - left, height: bottom - top, left, top };
}
