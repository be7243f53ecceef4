/** The best prices as text in the page: for assistive technology, and for tests to compare with the server. */

import { price } from "../format.ts";
import type { Market } from "../model/market.ts";

export const TOUCH_ID = "touch";

const plain = (text: string): string => text.replaceAll(",", "");

/** Writes the touch of the frame in view; called with every frame, so nothing is rendered for it. */
export function writeTouch(market: Market): void {
  const output = document.getElementById(TOUCH_ID);
  if (!output) return;
  const { facts, ladder } = market;
  const { dataset } = document.documentElement;
  if (!facts || !ladder) {
    for (const name of ["bid", "ask", "last", "symbol", "t", "group"]) delete output.dataset[name];
    output.textContent = "";
    delete dataset.epoch;
    delete dataset.seq;
    return;
  }
  const bid = ladder.bidTick ? price(ladder.bidTick, facts.tick) : "";
  const ask = ladder.askTick ? price(ladder.askTick, facts.tick) : "";
  Object.assign(output.dataset, {
    symbol: facts.symbol,
    bid: plain(bid),
    ask: plain(ask),
    last: market.last ? plain(price(market.last.tick, facts.tick)) : "",
    t: String(ladder.tMs),
    group: String(ladder.group),
  });
  output.textContent = `${bid} / ${ask}`;
  dataset.epoch = String(ladder.epoch);
  dataset.seq = String(ladder.seq);
}
