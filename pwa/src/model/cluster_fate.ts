/** What has become of a cluster, in words. */

import { fixed } from "../format.ts";
import { strings } from "../strings.ts";
import { type Cluster, depletion } from "./state.ts";

const GONE_MIN = 0.3;

/** How price nears it and how often that ended in a cascade, that price is in it, that it is much smaller than it was, that new positions moved it; else "". */
export function fateOf(cluster: Cluster): string {
  const parts: string[] = [];
  const { cascade } = cluster;
  if (cascade) {
    const { state, odds, n } = cascade;
    const share = odds === null ? null : fixed(odds * 100, 0);
    parts.push(`${strings.cascade.states[state]}, ${strings.cascade.odds(share, n)}`);
  }
  if (cluster.touch !== "open") parts.push(strings.clusterTouch[cluster.touch]);
  const { gone, triggered, closed, expired } = depletion(cluster);
  if (gone >= GONE_MIN) {
    const told = [
      { share: closed, text: strings.goneClosed },
      { share: triggered, text: strings.goneTriggered },
      { share: expired, text: strings.goneExpired },
    ]
      .filter(({ share }) => share >= 0.01)
      .sort((one, other) => other.share - one.share)
      .map(({ share, text }) => text(whole(share)));
    parts.push(`${strings.gone(whole(gone))}: ${told.join(", ")}`);
  }
  const moved = cluster.moved_bp;
  if (moved !== null) parts.push(strings.recentred(fixed(Math.abs(moved), 0), moved > 0));
  return parts.join(" · ");
}

/** How many times the usual share of open interest stands at its side and distance; "" before that is known. */
export const liftOf = ({ lift }: Cluster): string => (lift === null ? "" : strings.times(fixed(lift, 1)));

const whole = (share: number): string => fixed(Math.min(share, 1) * 100, 0);
