/** One edge of the ladder: the nearest dense cluster that the picture does not show. */

import { computed } from "@preact/signals";
import { fixed, usd, usdInterval } from "../format.ts";
import { beyond, type Cluster, nearEdge, rowsAway } from "../model/state.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { ArrowIcon } from "./icons.tsx";
import { clusterRange } from "./names.ts";

interface Props {
  readonly side: Cluster["side"];
  readonly onJump: (tick: number) => void;
}

const beyondOf = (side: Cluster["side"]) =>
  computed(() => store.state.value && beyond(store.state.value.clusters, side, store.range.value));
/** A moved picture mostly has the same cluster beyond its edge: then there is nothing to render. */
const nearest = { short: beyondOf("short"), long: beyondOf("long") };

export function Compass({ side, onJump }: Props) {
  const facts = store.facts.value;
  const cluster = nearest[side].value;
  const edge = side === "short" ? "compass top" : "compass bottom";
  if (!cluster || !facts) return <p class={`${edge} empty`}>{emptyText(side)}</p>;
  const range = clusterRange(cluster, facts, store.group.value);
  const word = side === "short" ? strings.shorts : strings.longs;
  return (
    <button
      type="button"
      class={`${edge} ${side === "short" ? "buy" : "sell"}`}
      onClick={() => onJump(nearEdge(cluster))}
    >
      <span class="unseen">{strings.jumpToCluster}</span>
      <ArrowIcon down={side === "long"} />
      <span class="compass-place">
        <span class="compass-range">
          <b>{range}</b> <span class="compass-word">{word}</span>
        </span>
        <WayTo cluster={cluster} />
      </span>
      <Interval cluster={cluster} />
      <span class="compass-usd">
        <b>{usd(cluster.usd)}</b>
        <span>{usdInterval(cluster.usd_lo, cluster.usd_hi, cluster.usd)}</span>
      </span>
    </button>
  );
}

function emptyText(side: Cluster["side"]): string {
  const state = store.state.value;
  if (!store.hasLadder.value || !state) return "";
  const { bands } = state;
  if (!bands) return strings.noEstimate;
  if (bands.progress < 1) return strings.buildingEstimate(Math.floor(bands.progress * 100));
  if (state.clusters.some((it) => it.side === side)) return strings.noClusterBeyond;
  return side === "short" ? strings.noClusterAbove : strings.noClusterBelow;
}

/** How far and how long to it; rows are the first to go where there is little room. */
function WayTo({ cluster }: { cluster: Cluster }) {
  const group = store.group.value;
  const rows = rowsAway(cluster, store.lastRow.value * group, group);
  const eta = cluster.eta_min === null ? strings.movingAway : strings.minutes(cluster.eta_min);
  return (
    <span class="compass-way">
      {strings.percent(fixed(cluster.distance_pct, 2))}
      {store.lastRow.value > 0 && <span class="compass-rows"> · {strings.rows(rows)}</span>}
      {store.freshness.value !== "stale" && <span class="compass-eta"> · {eta}</span>}
    </span>
  );
}

const GLYPH_WIDTH = 72;
/** The interval is drawn on a logarithmic scale of this many times either way of the estimate. */
const GLYPH_REACH = 4;

/** The interval as a bar with the estimate as a tick: wide means unsure. */
function Interval({ cluster }: { cluster: Cluster }) {
  const place = (amount: number) => {
    const part = Math.log(amount / cluster.usd) / Math.log(GLYPH_REACH);
    return (0.5 + Math.min(1, Math.max(-1, part)) / 2) * GLYPH_WIDTH;
  };
  const left = place(cluster.usd_lo);
  const right = place(cluster.usd_hi);
  return (
    <svg class="interval" viewBox={`0 0 ${GLYPH_WIDTH} 14`} aria-hidden="true">
      <path class="interval-axis" d={`M0 7h${GLYPH_WIDTH}`} />
      <rect class="interval-bar" x={left} y="4" width={Math.max(2, right - left)} height="6" rx="3" />
      <rect class="interval-tick" x={GLYPH_WIDTH / 2 - 1.5} y="1" width="3" height="12" rx="1" />
    </svg>
  );
}
