// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openSocket } from "./socket.ts";

class FakeSocket {
  static made: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly heard?: unknown[];
  readonly url: URL;
  constructor(url: URL) {
    this.url = url;
    FakeSocket.made.push(this);
  }
}

beforeEach(async () => {
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("Worker", class {});
  vi.resetModules();
  await import("../early.ts");
});

afterEach(() => vi.unstubAllGlobals());

const early = () => FakeSocket.made[0] as FakeSocket;

it("the socket that the page opened first is taken over once", () => {
  expect(early().url.protocol).toMatch(/^wss?:$/);
  expect(openSocket()).toBe(early());
  expect(openSocket()).toBe(FakeSocket.made[1]);
});

it("it keeps what it hears from its opening on", () => {
  expect(early().heard).toBeUndefined();
  early().onopen?.();
  early().onmessage?.({ data: "hello" });
  expect(early().heard).toEqual(["hello"]);
});

it("one that was closed is not taken over", () => {
  early().onclose?.();
  expect(openSocket()).toBe(FakeSocket.made[1]);
});
