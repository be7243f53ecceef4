/** How old the picture is and what that makes it. */

export const LATE_MS = 2_000;
export const STALE_MS = 10_000;

export type Freshness = "fresh" | "late" | "stale";

export function freshnessOf(ageMs: number, flaggedStale: boolean): Freshness {
  if (flaggedStale || ageMs > STALE_MS) return "stale";
  return ageMs > LATE_MS ? "late" : "fresh";
}

/** The two lowest flag bits of a ladder frame are one number. */
export const PHASE_SYNCING = 0;
export const PHASE_LIVE = 1;
export const PHASE_STALE = 2;
export const FLAG_SIMULATED = 4;
export const FLAG_CROSSED = 8;
export const FLAG_PARTIAL = 16;

export const phaseOf = (flags: number): number => flags & 3;
