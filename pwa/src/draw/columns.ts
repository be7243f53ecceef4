/** Where the ladder's columns lie; extra width goes to both sides in equal parts. */

/** The price in the middle between what rests and what would be forced, or at the left of both. */
export type Layout = "middle" | "left";

export interface Columns {
  readonly layout: Layout;
  readonly volumeEnd: number;
  readonly spineStart: number;
  readonly spineEnd: number;
  readonly gutterStart: number;
  readonly width: number;
  /** The width of a pane. */
  readonly side: number;
}

/** Where bars of one kind lie: from `zero` on towards `far`, which may be at its left. */
export interface Pane {
  readonly zero: number;
  readonly far: number;
}

const VOLUME = 36;
const SPINE = 84;
const GUTTER = 30;
/** Air around the widest price. */
const SPINE_MARGIN = 20;

export function columnsOf(width: number, priceWidth: number, layout: Layout = "middle"): Columns {
  const spine = Math.ceil(Math.max(SPINE, priceWidth + SPINE_MARGIN));
  const side = Math.floor((width - VOLUME - spine - GUTTER) / 2);
  const spineStart = VOLUME + (layout === "middle" ? side : 0);
  return {
    layout,
    volumeEnd: VOLUME,
    spineStart,
    spineEnd: spineStart + spine,
    gutterStart: VOLUME + 2 * side + spine,
    width,
    side,
  };
}

/** The pane of orders: right of a price in the middle above it, left below it. */
export function bookPane(columns: Columns, above: boolean): Pane {
  const { layout, volumeEnd, spineStart, spineEnd, side } = columns;
  if (layout === "middle" && !above) return { zero: spineStart, far: volumeEnd };
  return { zero: spineEnd, far: spineEnd + side };
}

/** The pane of estimates: where no order of that side can be, or beyond the orders. */
export function fuelPane(columns: Columns, above: boolean): Pane {
  const { layout, spineEnd, gutterStart, side } = columns;
  if (layout === "middle") return bookPane(columns, !above);
  return { zero: spineEnd + side, far: gutterStart };
}

export const leftOf = ({ zero, far }: Pane): number => Math.min(zero, far);

/** The left end of what is `length` long and begins so far from a pane's zero. */
export const along = ({ zero, far }: Pane, from: number, length: number): number =>
  far > zero ? zero + from : zero - from - length;
