/** The slow facts of a ladder stream and what the compass says of them. */

/** Dollars that left a cluster since it was largest: liquidated, closed by holders, moved or judged anew. */
export interface Split {
  readonly triggered: number;
  readonly closed: number;
  readonly expired: number;
}

export interface Cluster {
  readonly id: number | string;
  /** S1, S2, ... above price and L1, L2, ... below it, from the nearest on. */
  readonly name: string;
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
  /** Price has not come yet, has entered, or has crossed most of it. */
  readonly touch: "open" | "touched" | "consumed";
  /** Unix ms of its first picture. */
  readonly since: number;
  readonly most_usd: number;
  readonly split: Split;
  /** Percent of open interest per 10 bp. */
  readonly oi_pct: number;
  /** Share of the view's bins that hold less, 0 to 100. */
  readonly percentile: number;
  /** Times what is usual at that side and distance; null before that is known. */
  readonly lift: number | null;
  /** How far new positions moved it of late; null when they did not. */
  readonly moved_bp: number | null;
  /** How price nears it, in the view of all venues; null while it does not. */
  readonly cascade?: Cascade | null;
}

export interface Cascade {
  readonly state: "approach" | "armed" | "confirmed" | "exhausted" | "held";
  /** Share of such touches that became a cascade, 0 to 1; null before enough are known. */
  readonly odds: number | null;
  /** Touches it was learned from. */
  readonly n: number;
}

/** Where a venue's leverage tiers come from, their day (null: of none), and whether that is after the picture's. */
export interface TierFacts {
  readonly source: string;
  readonly from: string | null;
  readonly later: boolean;
}

export interface BandFacts {
  readonly calibrated: boolean;
  readonly factor: number;
  readonly progress: number;
  readonly heat_top_usd: number;
  /** Days of the last 30 that what is usual is taken from; below 7 nothing is called usual. */
  readonly usual_days: number;
  readonly tiers?: { readonly [venue: string]: TierFacts };
  /** Open interest against its 30-day median, in median absolute deviations. */
  readonly oi_z: number | null;
}

/** How a venue stands in the liquidation estimate. */
export type Standing = "in" | "mark_estimated" | "no_interest" | "no_mark" | "building" | "none";

export interface VenueFacts {
  readonly venue: string;
  readonly state: "live" | "stale" | "syncing" | "idle";
  readonly age_ms: number | null;
  readonly epoch: number;
  readonly gaps: number;
  readonly resyncs: number;
  readonly trading?: boolean;
  /** Unix ms from which the book is proven without a break. */
  readonly since?: number | null;
  readonly resync_ms?: number | null;
  readonly resync_p99_ms?: number | null;
  readonly silent_ms?: number;
  readonly errors?: number;
  readonly liquidations?: "full" | "throttled" | "unknown";
  /** The venue's clock minus the server's. */
  readonly clock_ms?: number | null;
  readonly estimate?: Standing;
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
  /** More forced buying above (to 100) or more forced selling below (to -100); null when it is undecided. */
  readonly bias: number | null;
  /** The way on which book and forced flow together hold price back less. */
  readonly easier: "up" | "down" | null;
  /** How far from price both ways were looked at for that, basis points. */
  readonly reach_bp: number | null;
  /** Ticks from which on forced flow outweighs the known book. */
  readonly chain: { readonly up: number | null; readonly down: number | null };
  readonly pace: number | null;
  /** Ticks between which each live venue's orders are all known; a row beyond holds at least what it says. */
  readonly known: { readonly low: number; readonly high: number } | null;
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

/** Rows of a ladder, both ends among them. */
export interface RowRange {
  readonly lowest: number;
  readonly highest: number;
}

export const holds = ({ lowest, highest }: RowRange, row: number): boolean => lowest <= row && row <= highest;

/** The rows in which every order is known; all of them where nothing is told of that. */
export function knownRows(state: StreamState | null, group: number): RowRange {
  const { known } = state ?? {};
  return known
    ? { lowest: Math.ceil(known.low / group), highest: Math.floor(known.high / group) }
    : { lowest: Number.NEGATIVE_INFINITY, highest: Number.POSITIVE_INFINITY };
}

/** The edge of a cluster that price meets first, in ticks. */
export const nearEdge = (cluster: Cluster): number => (cluster.side === "short" ? cluster.lo : cluster.hi);

/** Rows between a price and the near edge of a cluster. */
export const rowsAway = (cluster: Cluster, tick: number, group: number): number =>
  Math.round(Math.abs(nearEdge(cluster) - tick) / group);

/** Shares (0 to 1) of what a cluster once held that are gone, in all and by cause. */
export function depletion({ most_usd: most, split }: Pick<Cluster, "most_usd" | "split">): {
  readonly gone: number;
  readonly triggered: number;
  readonly closed: number;
  readonly expired: number;
} {
  const share = (part: number): number => (most > 0 ? part / most : 0);
  const [triggered, closed, expired] = [share(split.triggered), share(split.closed), share(split.expired)];
  return { gone: triggered + closed + expired, triggered, closed, expired };
}

/** The venues of a view that are not live, those out the longest first. */
export function venuesOut(venues: readonly VenueFacts[]): VenueFacts[] {
  return venues
    .filter((venue) => venue.state !== "live")
    .sort((one, other) => (other.age_ms ?? Infinity) - (one.age_ms ?? Infinity));
}
