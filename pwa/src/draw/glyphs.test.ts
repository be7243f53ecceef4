// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Digits } from "./digits.ts";
import { Glyphs } from "./glyphs.ts";
import { Surface } from "./surface.ts";

const INK = { font: "500 12px test", colour: "#fff" };
const CHARACTERS = "0123456789,.+\u2212σ ";
const DIGIT = 7.4;
/** Of the ink about a character's middle; a picture has a pixel of air more on each side. */
const INK_BOX = {
  actualBoundingBoxLeft: 3,
  actualBoundingBoxRight: 3,
  actualBoundingBoxAscent: 9,
  actualBoundingBoxDescent: 2,
};
const WIDTH = 3 * 6 + 2;
/** What was laid down: which picture of the strip, and where to, in pixels of the device. */
let copied: { index: number; left: number; top: number; width: number; height: number }[];
/** Where each character was written in the strip. */
let written: { character: string; x: number; y: number }[];

/** A context that measures every digit alike and writes down what of a pattern is laid down. */
function context(): unknown {
  let [right, down] = [0, 0];
  return {
    measureText: (text: string) => ({ width: DIGIT * text.length, ...INK_BOX }),
    createPattern: () => ({}),
    drawImage: (...call: number[]) => {
      const [, from = 0, , width = 0, height = 0, left = 0, top = 0] = call;
      copied.push({ index: from / width, left: right + left, top: down + top, width, height });
    },
    fillRect: (from: number, top: number, width: number, height: number) =>
      copied.push({ index: from / width, left: right + from, top: down + top, width, height }),
    fillText: (character: string, x: number, y: number) => written.push({ character, x, y }),
    scale: () => {},
    setTransform: (...matrix: number[]) => {
      [, , , , right = 0, down = 0] = matrix;
    },
  };
}

let surface: Surface;
let glyphs: Glyphs;

beforeEach(() => {
  copied = [];
  written = [];
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(context as never);
  vi.stubGlobal(
    "OffscreenCanvas",
    class {
      getContext = context;
      transferToImageBitmap = () => ({});
    },
  );
  surface = new Surface(document.createElement("canvas"), true);
  surface.resize(390, 600, 3);
  glyphs = new Glyphs(surface, new Digits(surface));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("lays down each character of a number, and nothing for a blank", () => {
  glyphs.left("12.3 ", 10, 50, INK);
  expect(copied.map((it) => it.index)).toEqual([1, 2, 11, 3]);
});

it("lays down no more than a character's ink and its edge", () => {
  glyphs.left("7", 10, 50, INK);
  expect(copied[0]).toMatchObject({ index: 7, width: WIDTH, height: 3 * 11 + 2 });
  const seven = written.find((it) => it.character === "7");
  expect(seven).toEqual({ character: "7", x: (7.5 * WIDTH) / 3, y: (3 * 9 + 1) / 3 });
  expect(written.map((it) => it.character).join("")).toBe(CHARACTERS);
});

it("draws the numbers of a whole picture where it draws those that changed", () => {
  glyphs.left("77,270.5", 10.1, 50.3, INK);
  const changed = copied;
  copied = [];
  glyphs.many = true;
  glyphs.left("77,270.5", 10.1, 50.3, INK);
  expect(copied).toEqual(changed);
});

it("puts every character on whole pixels of the device, a cell from the next", () => {
  glyphs.left("77,270", 10.1, 50.3, INK);
  for (const { left, top } of copied) expect([left % 1, top % 1]).toEqual([0, 0]);
  const [one = 0, two = 0] = copied.map((it) => it.left);
  expect(Math.abs(two - one - 3 * DIGIT)).toBeLessThan(1);
});

it("ends a number at the right where it is told to, however long it is", () => {
  const ends = ["1", "12", "123"].map((text) => {
    glyphs.left(text, 100 - glyphs.width(text, INK), 50, INK);
    return copied.at(-1)?.left;
  });
  expect(new Set(ends).size).toBe(1);
  expect(glyphs.width("123", INK)).toBeCloseTo(3 * DIGIT);
});

it("writes nothing wrong for a character that it has no picture of", () => {
  expect(() => glyphs.left("12M", 0, 0, INK)).toThrow("expected a number's characters, got 12M");
});
