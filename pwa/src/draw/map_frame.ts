/** Where the parts of the map lie: plot, book profile, price axis and, below them, the time axis. */

export interface MapFrame {
  readonly plotWidth: number;
  readonly plotHeight: number;
  readonly profileWidth: number;
  readonly axisLeft: number;
  readonly width: number;
  readonly height: number;
}

const PROFILE = 34;
const AXIS = 50;
const TIME_AXIS = 22;
/** Air around the widest label of the price axis. */
const LABEL_MARGIN = 10;

export function mapFrame(width: number, height: number, labelWidth: number): MapFrame {
  const axis = Math.ceil(Math.max(AXIS, labelWidth + LABEL_MARGIN));
  const profileWidth = width < 260 ? 0 : PROFILE;
  return {
    plotWidth: Math.max(1, width - axis - profileWidth),
    plotHeight: Math.max(1, height - TIME_AXIS),
    profileWidth,
    axisLeft: width - axis,
    width,
    height,
  };
}
