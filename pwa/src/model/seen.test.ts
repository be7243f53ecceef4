import { expect, it } from "vitest";
import { Seen } from "./seen.ts";

it("differs at first, and then only when a value is another one", () => {
  const seen = new Seen();
  expect(seen.begin().add(1).add("a").differs()).toBe(true);
  expect(seen.begin().add(1).add("a").differs()).toBe(false);
  expect(seen.begin().add(2).add("a").differs()).toBe(true);
  expect(seen.begin().add(2).add("a").differs()).toBe(false);
});

it("differs when there are more values or fewer, whatever these are", () => {
  const seen = new Seen();
  seen.begin().add(1).differs();
  expect(seen.begin().add(1).add(undefined).differs()).toBe(true);
  expect(seen.begin().add(1).differs()).toBe(true);
  expect(seen.begin().add(1).differs()).toBe(false);
});

it("tells objects apart by what they are, not by what they hold", () => {
  const seen = new Seen();
  const list = [1];
  seen.begin().add(list).differs();
  expect(seen.begin().add(list).differs()).toBe(false);
  expect(seen.begin().add([1]).differs()).toBe(true);
});

it("knows nothing after it was told to forget", () => {
  const seen = new Seen();
  seen.begin().add(1).differs();
  seen.forget();
  expect(seen.begin().add(1).differs()).toBe(true);
});
