import { expect, it } from "vitest";
import { chooseGroup, nextGroup } from "./grouping.ts";

const steps = [1, 2, 5, 10, 20, 50, 100];

it("steps go up and down the list and stop at its ends", () => {
  expect(nextGroup(steps, 10, 1)).toBe(20);
  expect(nextGroup(steps, 10, -1)).toBe(5);
  expect(nextGroup(steps, 100, 1)).toBeNull();
  expect(nextGroup(steps, 1, -1)).toBeNull();
});

it("a step that is no longer offered still finds its neighbours", () => {
  expect(nextGroup(steps, 30, 1)).toBe(50);
  expect(nextGroup(steps, 30, -1)).toBe(20);
});

it("the remembered step wins while the symbol offers it", () => {
  expect(chooseGroup(steps, 10, 50)).toBe(50);
  expect(chooseGroup(steps, 10, 30)).toBe(10);
  expect(chooseGroup(steps, 10, undefined)).toBe(10);
});
