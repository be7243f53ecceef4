import { expect, it } from "vitest";
import { rowOfTrade, VolumeProfile } from "./volume.ts";

it("a trade lies in the row of the book side it took", () => {
  expect(rowOfTrade(774228, true, 100)).toBe(7743);
  expect(rowOfTrade(774228, false, 100)).toBe(7742);
  expect(rowOfTrade(774200, true, 100)).toBe(rowOfTrade(774200, false, 100));
});

it("bought and sold lots add up apart from each other", () => {
  const volume = new VolumeProfile();
  volume.add(100, 3, true, 0);
  volume.add(100, 4, true, 0);
  volume.add(100, 5, false, 0);
  expect([volume.boughtLots(100), volume.soldLots(100), volume.boughtLots(101)]).toEqual([7, 5, 0]);
});

it("trades leave after eight minutes", () => {
  const volume = new VolumeProfile();
  volume.add(100, 3, true, 0);
  volume.add(100, 4, true, 60_000);
  volume.expire(8 * 60_000);
  expect(volume.boughtLots(100)).toBe(7);
  volume.expire(8 * 60_000 + 1);
  expect(volume.boughtLots(100)).toBe(4);
});

it("regrouping sums the kept trades by the new rows", () => {
  const volume = new VolumeProfile();
  volume.add(101, 1, true, 0);
  volume.add(109, 2, true, 0);
  volume.add(109, 4, false, 0);
  volume.regroup(10);
  expect([volume.boughtLots(11), volume.soldLots(10)]).toEqual([3, 4]);
  volume.regroup(1);
  expect([volume.boughtLots(101), volume.boughtLots(109), volume.soldLots(109)]).toEqual([1, 2, 4]);
});

it("rows may become ten times finer with what is kept, and start anew beyond", () => {
  const volume = new VolumeProfile();
  volume.regroup(100);
  volume.add(10_012, 3, true, 0);
  volume.regroup(10);
  expect(volume.boughtLots(1_002)).toBe(3);
  volume.regroup(5);
  expect([volume.boughtLots(2_002), volume.boughtLots(2_003)]).toEqual([0, 0]);
  volume.add(10_012, 4, true, 0);
  volume.regroup(10);
  volume.regroup(1);
  expect(volume.boughtLots(10_012)).toBe(4);
});

it("is bounded: the oldest trade makes room for the newest", () => {
  const volume = new VolumeProfile();
  volume.add(1, 5, true, 0);
  for (let i = 0; i < 16_384; i++) volume.add(2, 1, true, 1);
  expect([volume.boughtLots(1), volume.boughtLots(2)]).toEqual([0, 16_384]);
});
