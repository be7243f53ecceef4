import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Digits } from "./digits.ts";
import { Glyphs } from "./glyphs.ts";
import { Surface } from "./surface.ts";

const INK = { font: "500 12px test", colour: "#fff" };
const DIGIT = 7.4;
/** What was copied: which picture of the strip, and where to, in pixels of the device. */
let copied: { index: number; left: number; top: number }[];

/** A context that measures every digit alike and writes down what is copied. */
function context(): unknown {
  return {
    measureText: (text: string) => ({
      width: DIGIT * text.length,
      actualBoundingBoxAscent: 9,
      actualBoundingBoxDescent: 2,
    }),
    drawImage: (...call: number[]) => {
      const [, from, , width, , left, top] = call as [
        unknown,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      copied.push({ index: from / width, left, top });
    },
    fillText: () => {},
    scale: () => {},
    setTransform: () => {},
  };
}

let surface: Surface;
let glyphs: Glyphs;

beforeEach(() => {
  copied = [];
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(context as never);
  surface = new Surface(document.createElement("canvas"), true);
  surface.resize(390, 600, 3);
  glyphs = new Glyphs(surface, new Digits(surface));
});
afterEach(() => vi.restoreAllMocks());

it("copies each character of a number, and nothing for a blank", () => {
  glyphs.left("12.3 ", 10, 50, INK);
  expect(copied.map((it) => it.index)).toEqual([1, 2, 11, 3]);
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
