/** The slow facts of a ladder stream and what the compass says of them. */

export interface Cluster {
  readonly id: number | string;
  readonly side: "long" | "short";
  /** Ticks. */
  readonly lo: number;
  readonly peak: number;
  readonly hi: number;
  readonly usd: number;
  readonly usd_lo: number;
  readonly usd_hi: number;
  readonly distance_pct: number;
  readonly eta_min: number | null;
}

export interface BandFacts {
  readonly calibrated: boolean;
  readonly factor: number;
  readonly progress: number;
  readonly heat_top_usd: number;
}

export interface VenueFacts {
  readonly venue: string;
  readonly state: "live" | "stale" | "syncing" | "idle";
  readonly age_ms: number | null;
  readonly epoch: number;
  readonly gaps: number;
  readonly resyncs: number;
  /** Present and true where nothing proves that no message of the venue was lost. */
  readonly unverified?: boolean;
}

export interface StreamState {
  readonly t: number;
  readonly mark: number | null;
  readonly funding: number | null;
  readonly funding_at: number | null;
  readonly oi_usd: number | null;
  readonly day: number | null;
  readonly venues: readonly VenueFacts[];
  readonly bands: BandFacts | null;
  readonly clusters: readonly Cluster[];
  readonly pace: number | null;
}

/** Rows the picture shows, as prices in ticks. */
export interface TickRange {
  readonly lo: number;
  readonly hi: number;
}

/** The nearest cluster of a side that the picture does not show at all; null when there is none. */
export function beyond(
  clusters: readonly Cluster[],
  side: Cluster["side"],
  range: TickRange,
): Cluster | null {
  return (
    clusters.find((it) => it.side === side && (side === "short" ? it.lo > range.hi : it.hi < range.lo)) ??
    null
  );
}

/** The edge of a cluster that price meets first, in ticks. */
export const nearEdge = (cluster: Cluster): number => (cluster.side === "short" ? cluster.lo : cluster.hi);

/** Rows between a price and the near edge of a cluster. */
export const rowsAway = (cluster: Cluster, tick: number, group: number): number =>
  Math.round(Math.abs(nearEdge(cluster) - tick) / group);

/** S1, S2 for shorts, L1, L2 for longs, nearest first. */
export function clusterName(clusters: readonly Cluster[], cluster: Cluster): string {
  const rank = clusters.filter((it) => it.side === cluster.side).indexOf(cluster) + 1;
  return `${cluster.side === "short" ? "S" : "L"}${rank}`;
}

/** The venues of a view that are not live, those out the longest first. */
export function venuesOut(venues: readonly VenueFacts[]): VenueFacts[] {
  return venues
    .filter((venue) => venue.state !== "live")
    .sort((one, other) => (other.age_ms ?? Infinity) - (one.age_ms ?? Infinity));
}
