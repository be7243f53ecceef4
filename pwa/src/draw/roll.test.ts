import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Roll } from "./roll.ts";

const WIDTH = 390;
const HEIGHT = 610.4;
const MARGIN = 30;
const RATIOS = [1, 2, 2.625, 3];

let host: HTMLElement;
let roll: Roll;
let contexts: unknown[];

beforeEach(() => {
  contexts = [];
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation((() => {
    const made = { setTransform: () => {} };
    contexts.push(made);
    return made;
  }) as never);
  host = document.createElement("div");
  roll = new Roll(host);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const shiftOf = (element: Element): number =>
  Number(/translateY\((.+)px\)/.exec((element as HTMLElement).style.transform)?.[1] ?? "0");

const shown = (): boolean[] => Array.from(host.children, (it) => !(it as HTMLElement).hidden);

/** Which canvas is drawn on while a sheet is open. */
function canvasOf(sheet: number): Element {
  roll.open(sheet);
  return host.children[contexts.indexOf(roll.surface.context)] as Element;
}

/** Where a place of the roll is seen, from the top of the pane, by what was drawn on one of its sheets. */
const seenAt = (place: number, sheet: number): number =>
  shiftOf(host) + shiftOf(canvasOf(sheet)) + roll.onSheet(sheet, place);

/** Places that a hand could bring to the pane's upper edge: small steps, throws, and leaps. */
function* walk(): Generator<number> {
  let top = -560_123.37;
  for (let step = 0; step < 400; step++) {
    top += [0.37, -7.3, 55.1, -160.7, 333.3, -29.9, 1_900.3, -0.01][step % 8] as number;
    yield top;
  }
}

describe.each(RATIOS)("on a screen of %s pixels to a point", (ratio) => {
  beforeEach(() => {
    roll.resize(WIDTH, HEIGHT, ratio, MARGIN);
    roll.begin(-560_123.37);
  });

  it("begins with all that shows on one sheet", () => {
    expect([roll.first, roll.last]).toEqual([0, 0]);
    expect(shiftOf(host.children[0] as Element)).toBe(0);
    expect(shown()).toEqual([true, false]);
  });

  it("has only those canvases in the page whose sheets are near", () => {
    for (const top of walk()) {
      roll.moveTo(top);
      const near = [roll.first & 1, roll.last & 1];
      expect(shown()).toEqual([near.includes(0), near.includes(1)]);
    }
  });

  it("shows what lies on its sheets where the pane is, wherever it has moved to", () => {
    for (const top of walk()) {
      roll.moveTo(top);
      for (let sheet = roll.first; sheet <= roll.last; sheet++) {
        for (const at of [0, 1 / 3, 123.4, HEIGHT])
          expect(Math.abs(seenAt(top + at, sheet) - at)).toBeLessThanOrEqual(1 / ratio + 1e-6);
      }
    }
  });

  it("has a place on an open sheet for every pixel of all that an edge of the pane may cut", () => {
    for (const top of walk()) {
      roll.moveTo(top);
      expect(roll.last - roll.first).toBeLessThanOrEqual(1);
      const sheets = [roll.first, roll.last];
      for (const at of [-MARGIN, 0, HEIGHT / 2, HEIGHT, HEIGHT + MARGIN]) {
        const held = sheets.some((sheet) => {
          const place = roll.onSheet(sheet, top + at);
          return roll.holds(place, place + 1 / ratio);
        });
        expect(held).toBe(true);
      }
    }
  });

  it("draws two sheets that follow each other on two canvases", () => {
    for (const top of walk()) {
      roll.moveTo(top);
      if (roll.first !== roll.last) expect(canvasOf(roll.first)).not.toBe(canvasOf(roll.last));
    }
  });

  it("puts rows on whole pixels, edge to edge", () => {
    roll.moveTo(-560_000);
    const edges = Array.from({ length: 40 }, (_, row) => roll.onSheet(roll.first, -560_000 + row * 19.9));
    for (const edge of edges) expect(Math.abs(edge * ratio - Math.round(edge * ratio))).toBeLessThan(1e-6);
  });
});

it("moves nothing within a pixel", () => {
  roll.resize(WIDTH, HEIGHT, 3, MARGIN);
  roll.begin(100);
  const before = host.style.transform;
  roll.moveTo(100.1);
  expect(host.style.transform).toBe(before);
  roll.moveTo(100.4);
  expect(host.style.transform).not.toBe(before);
});

it("is hidden until it begins", () => {
  roll.hide();
  expect(host.hidden).toBe(true);
  roll.resize(WIDTH, HEIGHT, 3, MARGIN);
  roll.begin(0);
  expect(host.hidden).toBe(false);
});

it("keeps both canvases where a size comes again", () => {
  roll.resize(WIDTH, HEIGHT, 3, MARGIN);
  const canvas = host.children[0] as HTMLCanvasElement;
  const height = vi.spyOn(canvas, "height", "set");
  roll.resize(WIDTH, HEIGHT, 3, MARGIN);
  expect(height).not.toHaveBeenCalled();
});
