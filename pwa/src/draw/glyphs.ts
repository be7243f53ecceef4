/** Numbers from ready pictures of their characters: copying one costs a fraction of setting a text. */

import type { Digits, TextInk } from "./digits.ts";
import type { Surface } from "./surface.ts";

/** All that numbers are written with; the first ten stand at their own value. */
const CHARACTERS = "0123456789,.+\u2212σ ";
const BLANK = CHARACTERS.indexOf(" ");
/** Air about a character in CSS pixels: some reach beyond their cell. */
const AIR = 2;

/** The characters of one ink side by side, in pixels of the device. */
interface Strip {
  readonly canvas: HTMLCanvasElement;
  /** How far each character moves the next one, in the order of CHARACTERS. */
  readonly advances: Float64Array;
  /** Width of a picture; the character's middle is the picture's. */
  readonly cell: number;
  readonly height: number;
  /** From a picture's top down to the baseline. */
  readonly rise: number;
}

/**
 * Draws numbers in the cells of their font, each character on whole pixels of the device. An ink's
 * pictures are made when it is first used, and found again by the ink object itself.
 */
export class Glyphs {
  readonly #surface: Surface;
  readonly #digits: Digits;
  readonly #strips = new Map<TextInk, Strip>();

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

  /** Draws from `left`, with the digits' middle at `y`; the surface has to be `inPixels`. */
  left(text: string, left: number, y: number, ink: TextInk): number {
    const { context, pixelRatio } = this.#surface;
    const { canvas, advances, cell, height, rise } = this.#strip(ink);
    const top = Math.round(this.#surface.baseline(ink.font, y) * pixelRatio) - rise;
    let x = left * pixelRatio;
    for (let i = 0; i < text.length; i++) {
      const index = indexOf(text, i);
      const advance = advances[index] as number;
      if (index !== BLANK) {
        const place = Math.round(x + (advance - cell) / 2);
        context.drawImage(canvas, index * cell, 0, cell, height, place, top, cell, height);
      }
      x += advance;
    }
    return x / pixelRatio;
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
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) throw new Error("expected a browser that can draw in two dimensions");
  const characters = Array.from(CHARACTERS);
  const cells = digits.cells(ink.font);
  context.font = ink.font;
  const box = context.measureText(CHARACTERS);
  const widest = Math.max(...characters.map((it) => context.measureText(it).width));
  const rise = Math.ceil((box.actualBoundingBoxAscent + AIR) * pixelRatio);
  const height = rise + Math.ceil((box.actualBoundingBoxDescent + AIR) * pixelRatio);
  const cell = Math.ceil((widest + 2 * AIR) * pixelRatio);
  canvas.width = cell * characters.length;
  canvas.height = height;
  context.scale(pixelRatio, pixelRatio);
  context.font = ink.font;
  context.fillStyle = ink.colour;
  context.textAlign = "center";
  for (const [index, character] of characters.entries()) {
    context.fillText(character, ((index + 0.5) * cell) / pixelRatio, rise / pixelRatio);
  }
  const advances = Float64Array.from(characters, (it) => cells.width(it) * pixelRatio);
  return { canvas, advances, cell, height, rise };
}
