/** The best prices as text in the page: for assistive technology, and for tests to compare with the server. */

import { price } from "../format.ts";
import type { Market } from "../model/market.ts";

export const TOUCH_ID = "touch";

const plain = (text: string): string => text.replaceAll(",", "");

/** What was written last, and where: reading it from the page costs as much as writing. */
const written = new Map<string, string>();
let place: HTMLElement | null = null;
/** Its text is changed in place: another one would have the page laid out anew. */
const words = new Text();

/** Sets what differs: every attribute set costs the page, even one set to what it was. */
function set(dataset: DOMStringMap, name: string, value: string): void {
  if (written.get(name) === value) return;
  written.set(name, value);
  dataset[name] = value;
}

/** Writes the touch of the frame in view; called some times a second, so nothing is rendered for it. */
export function writeTouch(market: Market): void {
  const output = document.getElementById(TOUCH_ID);
  if (!output) return;
  if (output !== place) {
    written.clear();
    output.replaceChildren(words);
  }
  place = output;
  const { facts, ladder, last } = market;
  const bid = facts && ladder?.bidTick ? price(ladder.bidTick, facts.tick) : "";
  const ask = facts && ladder?.askTick ? price(ladder.askTick, facts.tick) : "";
  const text = ladder ? `${bid} / ${ask}` : "";
  if (words.data !== text) words.data = text;
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
