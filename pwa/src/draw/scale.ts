/** The dollars that a bar of full length stands for: a round number that does not change all the time. */

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
/** The scale leaves room above the longest bar, and stays until bars need more or far less. */
const ROOM = 1.2;
const TOO_SMALL = 0.5;

export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return (ROUND.find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power;
}

export class BarScale {
  usd = 0;

  /** Takes the longest visible bar; returns true when the scale changed. */
  update(longestUsd: number): boolean {
    if (!(longestUsd > 0)) return false;
    if (longestUsd <= this.usd && longestUsd >= this.usd * TOO_SMALL) return false;
    const usd = roundUp(longestUsd * ROOM);
    if (usd === this.usd) return false;
    this.usd = usd;
    return true;
  }

  reset(): void {
    this.usd = 0;
  }
}
