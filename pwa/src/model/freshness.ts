/** How old the picture is and what that makes it. */

export const LATE_MS = 2_000;
export const STALE_MS = 10_000;

export type Freshness = "fresh" | "late" | "stale";

export function freshnessOf(ageMs: number, flaggedStale: boolean): Freshness {
  if (flaggedStale || ageMs > STALE_MS) return "stale";
  return ageMs > LATE_MS ? "late" : "fresh";
}
