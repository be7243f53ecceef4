import { describe, expect, it } from "vitest";
import {
  COLUMN_UNITS,
  columnUnit,
  decimalsOf,
  duration,
  fixed,
  price,
  signed,
  usd,
  usdInterval,
  usdRound,
} from "./format.ts";

const TENTH = [1, 1] as const;

describe("prices", () => {
  it("keep their decimals and group thousands", () => {
    expect(price(774228, TENTH)).toBe("77,422.8");
    expect(price(774220, TENTH)).toBe("77,422.0");
    expect(price(12_345_678, [1, 0])).toBe("12,345,678");
    expect(price(5, [5, 7])).toBe("0.0000025");
  });

  it("of rows drop the decimals no row needs", () => {
    expect(decimalsOf(TENTH, 1)).toBe(1);
    expect(decimalsOf(TENTH, 100)).toBe(0);
    expect(decimalsOf([25, 2], 1)).toBe(2);
    expect(decimalsOf([25, 2], 2)).toBe(1);
    expect(decimalsOf([25, 2], 4)).toBe(0);
  });

  it("below zero carry the typographic minus, and zero none", () => {
    expect(fixed(-1234.5, 1)).toBe("\u22121,234.5");
    expect(fixed(-0.04, 1)).toBe("0.0");
    expect(signed(1.236, 2)).toBe("+1.24");
    expect(signed(-0.18, 2)).toBe("\u22120.18");
  });
});

describe("dollars", () => {
  it("pick k, M and B by size and keep one decimal below ten", () => {
    expect(usd(42_000_000)).toBe("42 M");
    expect(usd(6_420_000)).toBe("6.4 M");
    expect(usd(9_960_000)).toBe("10 M");
    expect(usd(850_000)).toBe("850 k");
    expect(usd(1_240_000_000)).toBe("1.2 B");
    expect(usd(312)).toBe("312");
  });

  it("of a scale carry no idle zero", () => {
    expect([8e6, 1.5e6, 20e6, 5e3].map(usdRound)).toEqual(["8 M", "1.5 M", "20 M", "5 k"]);
  });

  it("print an interval in the unit of its estimate", () => {
    expect(usdInterval(24e6, 71e6, 42e6)).toBe("24–71");
    expect(usdInterval(800_000, 2_900_000, 1_500_000)).toBe("0.8–2.9");
  });
});

describe("a column's unit", () => {
  const [millions, thousands] = COLUMN_UNITS;

  it("follows the typical amount", () => {
    expect(columnUnit(1_000_000, null)).toBe(millions);
    expect(columnUnit(40_000, null)).toBe(thousands);
    expect(columnUnit(300, null)).toBe(COLUMN_UNITS[2]);
  });

  it("stays while the amount is within 10 % of the border, in both directions", () => {
    expect(columnUnit(190_000, millions)).toBe(millions);
    expect(columnUnit(179_000, millions)).toBe(thousands);
    expect(columnUnit(210_000, thousands)).toBe(thousands);
    expect(columnUnit(221_000, thousands)).toBe(millions);
  });
});

it("an age is printed with a tenth while it is short, then coarser", () => {
  expect([90, 2_340, 9_960, 48_000, 200_000, 7_300_000, 200_000_000].map(duration)).toEqual([
    "0.1 s",
    "2.3 s",
    "10 s",
    "48 s",
    "3 min",
    "2 h",
    "2 d",
  ]);
});
