import { beforeEach, describe, expect, it } from "vitest";
import { Camera } from "./camera.ts";

let camera: Camera;
beforeEach(() => {
  camera = new Camera();
  camera.resize(510, 20, 30);
  camera.follow(7742, 0, false);
  camera.recentre(0, false);
});

describe("geometry", () => {
  it("puts the mid row in the middle, the rows below and above at its edges", () => {
    expect(camera.midTop()).toBe(240);
    expect(camera.top(7743)).toBe(220);
    expect(camera.top(7742)).toBe(270);
  });

  it("rowAt is the inverse of top on both sides of the mid row", () => {
    for (let row = 7732; row <= 7754; row++) {
      expect(camera.rowAt(camera.top(row))).toBe(row);
      expect(camera.rowAt(camera.top(row) + 19.9)).toBe(row);
    }
  });

  it("shows whole rows: the row height bends a little so that the pane is filled", () => {
    camera.resize(517, 20, 30);
    camera.recentre(0, false);
    const { highest, lowest } = camera.visible();
    expect(camera.top(highest)).toBeCloseTo(0, 6);
    expect(camera.top(lowest) + camera.rowHeight).toBeCloseTo(517, 6);
    expect(camera.rowHeight).toBeCloseTo(20.29, 2);
  });

  it("leaves every row where it is on the picture of all rows, wherever the camera looks", () => {
    const rows = [7732, 7742, 7743, 7754];
    const before = rows.map((row) => camera.absoluteTop(row));
    camera.scrollBy(333);
    expect(rows.map((row) => camera.absoluteTop(row))).toEqual(before);
    for (const row of rows)
      expect(camera.absoluteTop(row) - camera.paneTop()).toBeCloseTo(camera.top(row), 6);
    expect(camera.top(7742)).toBeCloseTo(270 + 333, 6);
  });

  it("moves only the row that price crosses", () => {
    const before = [7741, 7743, 7744].map((row) => camera.top(row));
    camera.follow(7743, 0, false);
    expect([7741, 7744].map((row) => camera.top(row))).toEqual([before[0], before[2]]);
    expect(camera.top(7743)).toBe((before[1] as number) + 30);
  });
});

describe("following", () => {
  it("leaves the picture alone while price is in the middle third", () => {
    camera.follow(7746, 0, true);
    expect(camera.step(1000)).toBe(false);
    expect(camera.centre).toBe(7743);
  });

  it("moves price back to the middle when it has left the middle third", () => {
    camera.follow(7747, 0, true);
    expect(camera.step(60)).toBe(true);
    expect(camera.centre).toBeGreaterThan(7743);
    expect(camera.centre).toBeLessThan(7748);
    camera.step(200);
    expect(camera.centre).toBe(7748);
    expect(camera.step(210)).toBe(false);
  });

  it("does not start a second move while the first is still on its way there", () => {
    camera.follow(7747, 0, true);
    camera.step(90);
    camera.follow(7747, 100, true);
    camera.step(185);
    expect(camera.centre).toBe(7748);
  });

  it("ends with a scroll and starts again with recentring", () => {
    camera.scrollBy(200);
    camera.follow(7760, 0, false);
    expect(camera.following).toBe(false);
    expect(camera.centre).toBe(7753);
    camera.recentre(0, false);
    expect(camera.centre).toBe(7761);
    expect(camera.following).toBe(true);
  });
});

it("regrouping keeps the price in the middle where it is", () => {
  camera.scrollBy(100);
  const price = camera.centre * 10;
  camera.regroup(10, 50);
  expect(camera.centre * 50).toBeCloseTo(price);
  expect(camera.boundary).toBe(1548);
});
