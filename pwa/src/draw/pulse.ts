/** Strips over one time axis: what a market's slow numbers did, and what they are now. */

import { newest } from "../model/flow.ts";
import { INK, type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { timeMarks } from "./ticks.ts";
import { FONTS } from "./type.ts";

export const TIME_AXIS_PX = 20;
const LABEL_AT = 12;
const PAD_TOP = 20;
const PAD_BOTTOM = 6;
const LINE_PX = 1.6;
const AREA_ALPHA = 0.09;
const BAR_ALPHA = 0.75;
const TIME_MARK_PX = 76;
const RULE = "rgb(255 255 255 / 0.08)";

export interface Strip {
  readonly name: string;
  readonly value: string;
  /** At most two lines below the value. */
  readonly notes: readonly string[];
  readonly values: Float32Array;
  /** Bars stand on zero; a line has the range it has. */
  readonly shape: "line" | "bars";
  /** Plain, or in the hue of the side that its sign says. */
  readonly hue: "plain" | "sign";
}

export interface PulsePicture {
  readonly strips: readonly Strip[];
  readonly firstMin: number;
  readonly stepMin: number;
  readonly columns: number;
  /** The column the finger is on. */
  readonly pointed: number | null;
  readonly timeText: (minute: number) => string;
}

export class PulsePainter {
  readonly #surface: Surface;
  palette: Palette;

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.palette = palette;
  }

  /** plotWidth: the part of the width that is time; the rest holds values. */
  paint(picture: PulsePicture, plotWidth: number): void {
    const { context, width, height } = this.#surface;
    context.fillStyle = this.palette.ground.bg;
    context.fillRect(0, 0, width, height);
    const each = (height - TIME_AXIS_PX) / Math.max(1, picture.strips.length);
    picture.strips.forEach((strip, index) => {
      const top = Math.round(index * each);
      this.#strip(strip, picture, top, Math.round((index + 1) * each) - top, plotWidth);
    });
    this.#time(picture, plotWidth, height - TIME_AXIS_PX);
    if (picture.pointed !== null) this.#pointer(picture, plotWidth, height - TIME_AXIS_PX);
  }

  #strip(strip: Strip, picture: PulsePicture, top: number, height: number, plotWidth: number): void {
    const { context, width } = this.#surface;
    context.fillStyle = RULE;
    context.fillRect(0, top, width, this.#surface.hairline());
    const range = rangeOf(strip);
    if (range) {
      const y = (value: number): number =>
        top +
        PAD_TOP +
        (1 - (value - range.low) / (range.high - range.low)) * (height - PAD_TOP - PAD_BOTTOM);
      const x = (column: number): number => ((column + 0.5) / picture.columns) * plotWidth;
      if (strip.shape === "bars") this.#bars(strip, x, y, plotWidth / picture.columns);
      else this.#line(strip, x, y, top + height);
    }
    this.#words(strip, top, height, plotWidth);
  }

  #line(strip: Strip, x: (column: number) => number, y: (value: number) => number, bottom: number): void {
    const { context } = this.#surface;
    const last = newest(strip.values);
    const colour = strip.hue === "sign" ? this.#hue(last?.value ?? 0) : INK.primary;
    context.strokeStyle = colour;
    context.lineWidth = LINE_PX;
    context.lineJoin = "round";
    let begun = -1;
    const close = (end: number): void => {
      if (begun < 0) return;
      context.stroke();
      context.lineTo(x(end), bottom);
      context.lineTo(x(begun), bottom);
      context.fillStyle = withAlpha(colour, AREA_ALPHA);
      context.fill();
      begun = -1;
    };
    for (let column = 0; column < strip.values.length; column++) {
      const value = strip.values[column] as number;
      if (Number.isNaN(value)) {
        close(column - 1);
        continue;
      }
      if (begun < 0) {
        begun = column;
        context.beginPath();
        context.moveTo(x(column), y(value));
      } else context.lineTo(x(column), y(value));
    }
    close(strip.values.length - 1);
    if (!last) return;
    context.fillStyle = INK.primary;
    context.beginPath();
    context.arc(x(last.column), y(last.value), 2.6, 0, 2 * Math.PI);
    context.fill();
  }

  #bars(strip: Strip, x: (column: number) => number, y: (value: number) => number, pitch: number): void {
    const { context } = this.#surface;
    const zero = y(0);
    const every = Math.max(1, Math.ceil(5 / pitch));
    for (let column = 0; column < strip.values.length; column += every) {
      // A bar of several columns shows the last of them that is known.
      let value = Number.NaN;
      for (let at = column; at < Math.min(column + every, strip.values.length); at++) {
        const known = strip.values[at] as number;
        if (!Number.isNaN(known)) value = known;
      }
      if (Number.isNaN(value)) continue;
      context.fillStyle = withAlpha(
        value >= 0 ? this.palette.side.buyFill : this.palette.side.sellFill,
        BAR_ALPHA,
      );
      const left = x(column) - pitch / 2;
      const end = y(value);
      context.fillRect(
        left,
        Math.min(zero, end),
        Math.max(1, pitch * every - 1),
        Math.max(1, Math.abs(end - zero)),
      );
    }
    context.fillStyle = RULE;
    context.fillRect(0, zero, x(strip.values.length), this.#surface.hairline());
  }

  #words(strip: Strip, top: number, height: number, plotWidth: number): void {
    const { width } = this.#surface;
    this.#text(strip.name, LABEL_AT, top + 11, FONTS.axis, INK.secondary, "left");
    const right = width - LABEL_AT + 2;
    const lines = strip.notes.filter((_, index) => height >= 40 + 14 * index);
    const middle = top + height / 2 - (lines.length * 14) / 2;
    this.#text(strip.value, right, middle, FONTS.pulseValue, INK.primary, "right", width - plotWidth - 6);
    lines.forEach((line, index) => {
      const y = middle + 17 + index * 13;
      this.#text(line, right, y, FONTS.pulseNote, INK.secondary, "right", width - plotWidth - 6);
    });
  }

  #time({ firstMin, stepMin, columns, timeText }: PulsePicture, plotWidth: number, top: number): void {
    const { context } = this.#surface;
    const span = columns * stepMin;
    if (span === 0) return;
    const offset = -new Date(firstMin * 60_000).getTimezoneOffset();
    for (const mark of timeMarks(firstMin, firstMin + span, plotWidth / TIME_MARK_PX, offset)) {
      const x = ((mark.minute - firstMin) / span) * plotWidth;
      if (x < 16 || x > plotWidth - 16) continue;
      context.fillStyle = RULE;
      context.fillRect(x, 0, this.#surface.hairline(), top);
      this.#text(timeText(mark.minute), x, top + TIME_AXIS_PX / 2, FONTS.axis, INK.secondary, "center");
    }
  }

  #pointer(picture: PulsePicture, plotWidth: number, bottom: number): void {
    const { context } = this.#surface;
    const column = picture.pointed ?? 0;
    const x = ((column + 0.5) / picture.columns) * plotWidth;
    context.fillStyle = INK.onHeat;
    context.fillRect(x, 0, this.#surface.hairline(), bottom);
    const word = picture.timeText(picture.firstMin + column * picture.stepMin);
    const left = Math.min(Math.max(x - 24, 0), plotWidth - 48);
    context.fillRect(left, bottom + 1, 48, TIME_AXIS_PX - 2);
    this.#text(word, left + 24, bottom + TIME_AXIS_PX / 2, FONTS.axisLabel, INK.onLight, "center");
  }

  #text(
    text: string,
    x: number,
    middle: number,
    font: string,
    colour: string,
    align: CanvasTextAlign,
    most?: number,
  ): void {
    const { context } = this.#surface;
    context.font = font;
    context.fillStyle = colour;
    context.textAlign = align;
    context.fillText(text, x, this.#surface.baseline(font, middle), most);
  }

  #hue(sign: number): string {
    return sign >= 0 ? this.palette.side.buyText : this.palette.side.sellText;
  }
}

/** The lowest and highest value shown; null while none is known. */
export function rangeOf(strip: Pick<Strip, "values" | "shape">): { low: number; high: number } | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of strip.values) {
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  if (strip.shape === "bars") [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  if (low === high) {
    const room = Math.abs(low) * 0.01 || 1;
    [low, high] = strip.shape === "bars" ? [0, room] : [low - room, high + room];
  }
  return { low, high };
}
