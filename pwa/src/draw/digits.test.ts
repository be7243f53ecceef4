import { expect, it } from "vitest";
import { Cells, sharedPrefix } from "./digits.ts";

/** A font whose digits differ in width, as in most proportional faces. */
const measure = (_font: string, text: string) => ({ "1": 5, "4": 8, ",": 2, M: 11 })[text] ?? 7 * text.length;

it("every digit gets the cell of the widest one, so a number never changes its width", () => {
  const cells = new Cells("13px test", measure);
  expect(cells.digit).toBe(8);
  expect(cells.total("77,422")).toBe(cells.total("11,111"));
});

it("separators take half a cell, signs a whole one, other characters their own width", () => {
  const cells = new Cells("13px test", measure);
  expect(cells.width(",")).toBe(4);
  expect(cells.width(".")).toBe(4);
  expect(cells.width("\u2212")).toBe(8);
  expect(cells.width("M")).toBe(11);
});

it("the shared digits end at the last common thousands separator", () => {
  expect(sharedPrefix("77,560", "77,340")).toBe(3);
  expect(sharedPrefix("1,077,560", "1,077,340")).toBe(6);
  expect(sharedPrefix("77,010", "76,990")).toBe(0);
  expect(sharedPrefix("10,000", "9,990")).toBe(0);
  expect(sharedPrefix("2.310", "2.290")).toBe(0);
});
