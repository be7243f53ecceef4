/** The best prices as text in the page: for assistive technology, and for tests to compare with the server. */

import { price } from "../format.ts";
import type { Market } from "../model/market.ts";

export const TOUCH_ID = "touch";

const plain = (text: string): string => text.replaceAll(",", "");

/** Sets what differs: every attribute set costs the page, even one set to what it was. */
function set(dataset: DOMStringMap, name: string, value: string): void {
  if (dataset[name] !== value) dataset[name] = value;
}

/** Writes the touch of the frame in view; called with every frame, so nothing is rendered for it. */
export function writeTouch(market: Market): void {
  const output = document.getElementById(TOUCH_ID);
  if (!output) return;
  const { facts, ladder, last } = market;
  const bid = facts && ladder?.bidTick ? price(ladder.bidTick, facts.tick) : "";
  const ask = facts && ladder?.askTick ? price(ladder.askTick, facts.tick) : "";
  const text = ladder ? `${bid} / ${ask}` : "";
  if (output.textContent !== text) output.textContent = text;
  set(output.dataset, "bid", plain(bid));
  set(output.dataset, "ask", plain(ask));
  set(output.dataset, "last", facts && last ? plain(price(last.tick, facts.tick)) : "");
  set(output.dataset, "symbol", facts?.symbol ?? "");
  set(output.dataset, "group", String(ladder?.group ?? ""));
  set(output.dataset, "t", String(ladder?.tMs ?? ""));
  const root = document.documentElement.dataset;
  set(root, "epoch", String(ladder?.epoch ?? ""));
  set(root, "seq", String(ladder?.seq ?? ""));
}
