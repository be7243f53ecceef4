// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { StreamState } from "../model/state.ts";
import { store } from "../model/store.ts";
import type { SymbolFacts } from "../net/frames.ts";
import { MarketFacts } from "./facts.tsx";

const facts = { symbol: "BTCUSDT", tick: [1, 1] } as unknown as SymbolFacts;
const state = {
  mark: null,
  funding: null,
  oi_usd: null,
  pace: null,
  bias: null,
  easier: null,
  bands: null,
  chain: { up: 780_000, down: 770_000 },
  known: { low: 765_000, high: 785_000 },
} as unknown as StreamState;

let host: HTMLElement;
beforeEach(() => {
  host = document.createElement("div");
  store.facts.value = facts;
});
afterEach(() => render(null, host));

function chain(known: StreamState["known"]): string {
  store.state.value = { ...state, known };
  act(() => render(<MarketFacts />, host));
  return host.querySelector("div:last-child dd")?.textContent ?? "";
}

function thinner(known: StreamState["known"]): string {
  const chain = { up: null, down: null };
  store.state.value = { ...state, mark: 77_500, easier: "up", reach_bp: 50, chain, known };
  act(() => render(<MarketFacts />, host));
  return host.querySelector("div:last-child dd")?.textContent ?? "";
}

it("tells the thinner way, and where more may rest than it was looked for among", () => {
  expect(thinner({ low: 771_125, high: 778_875 })).toBe("up");
  expect(thinner({ low: 771_126, high: 790_000 })).toBe("up, of what is known");
  expect(thinner({ low: 760_000, high: 778_874 })).toBe("up, of what is known");
});

it("tells from which prices on fuel outweighs the book", () => {
  expect(chain(state.known)).toBe("above 78,000.0 · below 77,000.0");
  expect(chain(null)).toBe("above 78,000.0 · below 77,000.0");
});

it("says where these may be farther, for more may rest than is known", () => {
  expect(chain({ low: 770_001, high: 779_999 })).toBe(
    "above 78,000.0 or farther · below 77,000.0 or farther",
  );
  expect(chain({ low: 770_000, high: 779_999 })).toBe("above 78,000.0 or farther · below 77,000.0");
});
