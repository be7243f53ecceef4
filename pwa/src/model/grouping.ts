/** Steps of price that a row can span, as the server offers them. */

/** The next coarser (+1) or finer (-1) step; null at the end of the list. */
export function nextGroup(groups: readonly number[], group: number, direction: 1 | -1): number | null {
  const sorted = [...groups].sort((one, other) => one - other);
  if (direction > 0) return sorted.find((step) => step > group) ?? null;
  return sorted.findLast((step) => step < group) ?? null;
}

/** The remembered step when the symbol still offers it, else the server's advice. */
export function chooseGroup(
  groups: readonly number[],
  advised: number,
  remembered: number | undefined,
): number {
  return remembered !== undefined && groups.includes(remembered) ? remembered : advised;
}
