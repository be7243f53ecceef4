import { expect, it } from "vitest";
import { LadderModel } from "../net/frames.ts";
import { boundaryOf } from "./boundary.ts";

const book = (bidTick: number, askTick: number) =>
  Object.assign(new LadderModel(10, 1), { bidTick, askTick });

it("lies at the best bid's row when the spread is within a row", () => {
  expect(boundaryOf(book(774228, 774229), 0)).toBe(77422);
  expect(boundaryOf(book(774220, 774221), 0)).toBe(77422);
});

it("stays where it is while it is inside a wide spread", () => {
  const wide = book(774000, 774500);
  expect(boundaryOf(wide, 77430)).toBe(77430);
  expect(boundaryOf(wide, 77390)).toBe(77400);
  expect(boundaryOf(wide, 77490)).toBe(77449);
});

it("follows the side that is left when the other is empty, and rests when both are", () => {
  expect(boundaryOf(book(0, 774500), 5)).toBe(77449);
  expect(boundaryOf(book(774000, 0), 5)).toBe(77400);
  expect(boundaryOf(book(0, 0), 5)).toBe(5);
});

it("follows the bid when venues cross each other", () => {
  expect(boundaryOf(book(774520, 774500), 0)).toBe(77452);
});
