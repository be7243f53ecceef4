import { expect, it } from "vitest";
import { Cells, sameStart, sharedPrefix } from "./digits.ts";

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

it("without even digits each character is drawn in its own cell", () => {
  expect(new Cells("13px test", measure).line("14").runs).toEqual([
    { text: "1", middle: 4 },
    { text: "4", middle: 12 },
  ]);
});

/** Every digit 8 wide, other characters as given. */
const even =
  (others: Readonly<Record<string, number>>, kerned = "") =>
  (_font: string, text: string): number =>
    Array.from(text).reduce((sum, it) => sum + (others[it] ?? 8), kerned && text.includes(kerned) ? -1 : 0);

it("characters that the font sets into their cells by itself are drawn at once", () => {
  const { runs, width } = new Cells("13px test", even({ ",": 4, ".": 4 })).line("77,422.5");
  expect(runs).toEqual([{ text: "77,422.5", middle: 28 }]);
  expect(width).toBe(56);
});

it("separators of another width than their cell are drawn alone", () => {
  const { runs } = new Cells("13px test", even({ ",": 3, ".": 3 })).line("\u221277,4");
  expect(runs).toEqual([
    { text: "\u2212", middle: 4 },
    { text: "77", middle: 16 },
    { text: ",", middle: 26 },
    { text: "4", middle: 32 },
  ]);
});

it("a font that moves two digits together has them drawn alone", () => {
  const { runs } = new Cells("13px test", even({ ",": 4, ".": 4 }, "11")).line("12");
  expect(runs.map((it) => it.text)).toEqual(["1", "2"]);
});

it("the shared digits end at the last common thousands separator", () => {
  expect(sharedPrefix("77,560", "77,340")).toBe(3);
  expect(sharedPrefix("1,077,560", "1,077,340")).toBe(6);
  expect(sharedPrefix("77,010", "76,990")).toBe(0);
  expect(sharedPrefix("10,000", "9,990")).toBe(0);
  expect(sharedPrefix("2.310", "2.290")).toBe(0);
});

it("texts of one length share what they begin with", () => {
  expect(sameStart("77,422.5", "77,418.5")).toBe(4);
  expect(sameStart("77,422.5", "77,422.5")).toBe(8);
  expect(sameStart("9,999.9", "10,000.0")).toBe(0);
});
