/** Puts labels beside an axis so that none covers another. */

export interface Wanted<T> {
  readonly item: T;
  /** Where the middle should be, in pixels. */
  readonly y: number;
  /** Labels of higher rank are placed first; `fixed` ones never move. */
  readonly rank: number;
  readonly fixed?: boolean;
}

export interface Placed<T> {
  readonly item: T;
  readonly y: number;
}

/** A label may stand so many gaps away from its place; farther ones are left out. */
const FARTHEST_GAPS = 2;

/**
 * Places labels of one height: fixed ones where they belong, then by rank each at the nearest free
 * place. Those without a place nearby are left out.
 */
export function placeLabels<T>(wanted: readonly Wanted<T>[], height: number, gap: number): Placed<T>[] {
  const placed: Placed<T>[] = [];
  const free = (y: number): boolean => placed.every((it) => Math.abs(it.y - y) >= gap - 1e-9);
  const inside = (y: number): boolean => y >= gap / 2 && y <= height - gap / 2;
  const byRank = [...wanted].sort(
    (one, other) => Number(other.fixed ?? false) - Number(one.fixed ?? false) || other.rank - one.rank,
  );
  for (const label of byRank) {
    if (label.fixed) {
      placed.push({ item: label.item, y: label.y });
      continue;
    }
    const candidates = [
      label.y,
      gap / 2,
      height - gap / 2,
      ...placed.flatMap((it) => [it.y - gap, it.y + gap]),
    ]
      .filter((y) => inside(y) && free(y) && Math.abs(y - label.y) <= FARTHEST_GAPS * gap)
      .sort((one, other) => Math.abs(one - label.y) - Math.abs(other - label.y));
    const [nearest] = candidates;
    if (nearest !== undefined) placed.push({ item: label.item, y: nearest });
  }
  return placed;
}
