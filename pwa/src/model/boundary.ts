/** The row right below the middle of the ladder. */

import type { LadderModel } from "../net/frames.ts";

type Touch = Pick<LadderModel, "bidTick" | "askTick" | "bestBidRow" | "bestAskRow">;

/**
 * Any row from the best bid's up to the one below the best ask's will do; the one in use stays while
 * it is among them, so that a wide spread does not shake the picture.
 */
export function boundaryOf(ladder: Touch, inUse: number): number {
  const bid = ladder.bidTick > 0 ? ladder.bestBidRow : null;
  const ask = ladder.askTick > 0 ? ladder.bestAskRow - 1 : null;
  if (bid === null) return ask ?? inUse;
  if (ask === null || ask < bid) return bid;
  return Math.min(Math.max(inUse, bid), ask);
}
