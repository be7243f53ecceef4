/** Where the ladder's columns lie; extra width goes to left and right in equal parts. */

export interface Columns {
  readonly volumeEnd: number;
  readonly spineStart: number;
  readonly spineEnd: number;
  readonly gutterStart: number;
  readonly width: number;
}

const VOLUME = 36;
const SPINE = 84;
const GUTTER = 30;
/** Air around the widest price. */
const SPINE_MARGIN = 20;

export function columnsOf(width: number, priceWidth: number): Columns {
  const spine = Math.ceil(Math.max(SPINE, priceWidth + SPINE_MARGIN));
  const side = Math.floor((width - VOLUME - spine - GUTTER) / 2);
  return {
    volumeEnd: VOLUME,
    spineStart: VOLUME + side,
    spineEnd: VOLUME + side + spine,
    gutterStart: VOLUME + 2 * side + spine,
    width,
  };
}
