/** Numbers in fixed cells: a digit never moves its neighbours, and never changes its own width. */

import type { Surface } from "./surface.ts";

export interface TextInk {
  readonly font: string;
  readonly colour: string;
}

type Measure = (font: string, text: string) => number;

/** Characters that are drawn at once, and where their middle is, in CSS pixels from the text's left end. */
export interface Run {
  readonly text: string;
  readonly middle: number;
}

export interface Line {
  readonly runs: readonly Run[];
  readonly width: number;
}

const DIGITS = Array.from("0123456789");
const SEPARATORS = [",", "."];
/** Widths so near each other are the same: far below what a screen can show. */
const SAME_PX = 0.01;
/** Lines kept per font: many more than a picture has. */
const LINES_MAX = 2_000;

/** Cell widths of one font in CSS pixels. */
export class Cells {
  readonly digit: number;
  readonly separator: number;
  readonly #font: string;
  readonly #measure: Measure;
  readonly #others = new Map<string, number>();
  readonly #lines = new Map<string, Line>();
  /** Characters that stand among themselves as their cells do, and so need no cell each. */
  readonly #joined: ReadonlySet<string>;

  constructor(font: string, measure: Measure) {
    this.#font = font;
    this.#measure = measure;
    this.digit = Math.max(...DIGITS.map((digit) => measure(font, digit)));
    this.separator = this.digit / 2;
    const joined = [[...DIGITS, ...SEPARATORS], DIGITS].find((characters) => this.#standInCells(characters));
    this.#joined = new Set(joined);
  }

  width(character: string): number {
    if (character >= "0" && character <= "9") return this.digit;
    if (character === "," || character === ".") return this.separator;
    if (character === "+" || character === "\u2212") return this.digit;
    let width = this.#others.get(character);
    if (width === undefined) {
      width = this.#measure(this.#font, character);
      this.#others.set(character, width);
    }
    return width;
  }

  total(text: string): number {
    return this.line(text).width;
  }

  /** Where the characters of a text stand, in as few runs as draw them in their cells. */
  line(text: string): Line {
    let line = this.#lines.get(text);
    if (line === undefined) {
      line = this.#makeLine(text);
      if (this.#lines.size >= LINES_MAX) this.#lines.clear();
      this.#lines.set(text, line);
    }
    return line;
  }

  #makeLine(text: string): Line {
    const runs: Run[] = [];
    let [run, from, to] = ["", 0, 0];
    const end = (): void => {
      if (run) runs.push({ text: run, middle: (from + to) / 2 });
      [run, from] = ["", to];
    };
    for (const character of text) {
      const joins = this.#joined.has(character);
      if (!joins) end();
      run += character;
      to += this.width(character);
      if (!joins) end();
    }
    end();
    return { runs, width: to };
  }

  /** Whether the font itself sets these characters into their cells, whichever of them meet. */
  #standInCells(characters: readonly string[]): boolean {
    const fits = (text: string): boolean => {
      const cells = Array.from(text).reduce((sum, character) => sum + this.width(character), 0);
      return Math.abs(this.#measure(this.#font, text) - cells) < SAME_PX;
    };
    return (
      characters.every(fits) && characters.every((one) => fits(characters.map((it) => one + it).join("")))
    );
  }
}

/** Draws numbers in cells on one canvas; cell widths are kept per font. */
export class Digits {
  readonly #surface: Surface;
  readonly #cells = new Map<string, Cells>();

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  cells(font: string): Cells {
    let cells = this.#cells.get(font);
    if (!cells) {
      cells = new Cells(font, (face, text) => {
        this.#surface.context.font = face;
        return this.#surface.context.measureText(text).width;
      });
      this.#cells.set(font, cells);
    }
    return cells;
  }

  /** Forgets the widths; to be called when a font has arrived late. */
  forget(): void {
    this.#cells.clear();
  }

  width(text: string, font: string): number {
    return this.cells(font).total(text);
  }

  /** Draws from `left`, with the digits' middle at `y`; returns where the text ends. */
  drawLeft(text: string, left: number, y: number, ink: TextInk): number {
    const { context } = this.#surface;
    const cells = this.cells(ink.font);
    const baseline = this.#surface.baseline(ink.font, y);
    context.font = ink.font;
    context.fillStyle = ink.colour;
    context.textAlign = "center";
    const line = cells.line(text);
    for (const run of line.runs) context.fillText(run.text, left + run.middle, baseline);
    return left + line.width;
  }

  /** Draws so that the last digit ends at `right`. */
  drawRight(text: string, right: number, y: number, ink: TextInk): void {
    this.drawLeft(text, right - this.width(text, ink.font), y, ink);
  }
}

/** How many characters two texts of one length begin with alike; 0 for texts of two lengths. */
export function sameStart(one: string, other: string): number {
  if (one.length !== other.length) return 0;
  let same = 0;
  while (same < one.length && one[same] === other[same]) same++;
  return same;
}

/**
 * Length of the part that two prices share up to their last common thousands separator: the digits
 * that need not be read again. 0 when there is none.
 */
export function sharedPrefix(one: string, other: string): number {
  if (one.length !== other.length) return 0;
  let shared = 0;
  for (let i = 0; i < one.length && one[i] === other[i]; i++) {
    if (one[i] === ",") shared = i + 1;
  }
  return shared;
}
