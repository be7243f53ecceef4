/** Paints what lies over the rows: clusters, own marks, large orders, and the row that is inspected. */

import { type ColumnUnit, duration, fixed, usd, usdInterval } from "../format.ts";
import { Seen } from "../model/seen.ts";
import type { Cluster } from "../model/state.ts";
import type { Pulled, Wall } from "../model/walls.ts";
import { painted } from "../strings.ts";
import type { Camera } from "./camera.ts";
import { along, bookPane, type Columns, fuelPane, leftOf } from "./columns.ts";
import { INK, type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const BRACKET_WIDTH = 2;
const BRACKET_ARM = 6;
const CHIP_WIDTH = 116;
const CHIP_RADIUS = 7;
const CHIP_INSET = 2;
const NOTE_GAP = " · ";
const CHIP_PADDING = 8;
const WHALE_WIDTH = 66;
/** The age begins behind the icon. */
const WHALE_TEXT = 27;
const WHALE_ICON_WIDTH = 32;
/** Chips of the largest walls only: more would hide the book they speak of. */
const WHALES_MAX = 3;
/** The number of a row stands here; the chip begins behind it. */
const NUMBER_ROOM = 46;
/** Words of the gutter stand at least so far apart. */
const WORD_HEIGHT = 15;
const MARK_DASH = [5, 4];
const NOW_DASH = [3, 2];
/** The line from the cell of now to its flag is no longer than this. */
const NOW_LEAD = 34;

/** A price the user marked, in rows of the ladder in view. */
export interface OwnMark {
  readonly row: number;
  readonly text: string;
}

export interface MarksPicture {
  readonly clusters: readonly Cluster[];
  readonly own: readonly OwnMark[];
  readonly walls: readonly Wall[];
  readonly pulled: readonly Pulled[];
  /** Where price is now, over a book of the past. */
  readonly now: OwnMark | null;
  /** The row under a resting finger. */
  readonly inspected: number | null;
  readonly group: number;
  readonly unit: ColumnUnit;
  /** Dollars of a bar as long as its pane. */
  readonly barUsd: number;
  readonly live: boolean;
  /** Up to when ages of walls are told, on the clock of `performance.now()`: a whole second. */
  readonly secondMs: number;
}

const WHALE_GROUND = "#e6edf7";
/** What is covered to print another age, from the middle of its chip up and down: less than the lines of its row. */
const AGE_HALF_HEIGHT = 8;

/** A wall's chip as it was painted, in CSS pixels. */
interface WallChip {
  readonly wall: Wall;
  /** How long the wall's bar is. */
  readonly bar: number;
  readonly aged: boolean;
  readonly left: number;
  readonly width: number;
  readonly middle: number;
  age: string;
}

interface Span {
  readonly top: number;
  readonly bottom: number;
  /** The edge towards price, and whether rows go on below it. */
  readonly near: number;
  readonly upward: boolean;
}

export class MarksPainter {
  readonly #surface: Surface;
  #palette: Palette;
  readonly #seen = new Seen();
  /** The chips of walls, and of when their ages are. */
  #chips: WallChip[] = [];
  #agedMs = 0;

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.#palette = palette;
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.invalidate();
  }

  invalidate(): void {
    this.#seen.forget();
    this.#surface.forgetFonts();
  }

  /** Paints again only when something of it, the camera or the grouping changed; of ages their texts alone. */
  paint(picture: MarksPicture, camera: Camera, columns: Columns): void {
    const { clusters, group, live, secondMs } = picture;
    const whales = visible(picture.walls, camera, WHALES_MAX);
    const isOther = this.#isOther(picture, whales, camera, columns);
    if (!isOther && this.#renewAges(secondMs, columns.side)) return;
    this.#surface.clear();
    this.#chips = [];
    this.#agedMs = secondMs;
    const words = visible(picture.own, camera).map((mark) => wordOf(mark, camera));
    for (const cluster of clusters) {
      const span = spanOf(cluster, camera, group);
      if (span.bottom <= 0 || span.top >= camera.height) continue;
      this.#paintEdge(cluster, span, columns);
      this.#paintBracket(cluster, span, words, columns, camera);
    }
    if (live) {
      for (const pulled of visible(picture.pulled, camera))
        this.#paintPulled(pulled, picture, columns, camera);
      for (const wall of whales) this.#paintWhale(wall, picture, columns, camera, secondMs);
    }
    for (const cluster of clusters) {
      this.#paintChip(cluster, spanOf(cluster, camera, group), columns, camera, live);
    }
    for (const mark of visible(picture.own, camera)) this.#paintOwn(mark, columns, camera);
    if (picture.now) this.#paintNow(picture.now, columns, camera);
    if (picture.inspected !== null) this.#paintInspected(picture.inspected, columns, camera);
  }

  /** Whether anything that the picture is made of is another thing than when it was painted. */
  #isOther(picture: MarksPicture, whales: readonly Wall[], camera: Camera, columns: Columns): boolean {
    const { now, secondMs } = picture;
    const seen = this.#seen.begin().add(picture.own).add(picture.pulled).add(picture.inspected);
    // The state that holds the clusters is another one whenever they may have changed.
    seen.add(picture.clusters).add(now?.row).add(now?.text).add(picture.unit).add(picture.barUsd);
    seen.add(camera.centre).add(camera.boundary).add(camera.height).add(columns);
    seen.add(picture.group).add(picture.live);
    for (const { row, side, sinceMs, usd: held } of whales) seen.add(row).add(side).add(sinceMs).add(held);
    // What lies over the chips would be covered with their ages.
    if (now || picture.inspected !== null) seen.add(secondMs);
    return seen.differs();
  }

  /** Prints the ages of a new second into their chips; false where one needs another chip. */
  #renewAges(secondMs: number, side: number): boolean {
    if (secondMs === this.#agedMs) return true;
    this.#agedMs = secondMs;
    const { context } = this.#surface;
    context.font = FONTS.whale;
    for (const chip of this.#chips) {
      const { wall, bar, aged, left, width, middle } = chip;
      const age = ageOf(wall, secondMs);
      if (age === chip.age) continue;
      if (whaleChip(context.measureText(age).width, bar, side).width !== width) return false;
      chip.age = age;
      if (!aged) continue;
      context.fillStyle = WHALE_GROUND;
      const room = width - WHALE_TEXT - CHIP_PADDING + 2;
      context.fillRect(left + WHALE_TEXT - 1, middle - AGE_HALF_HEIGHT, room, 2 * AGE_HALF_HEIGHT);
      this.#printAge(chip);
    }
    return true;
  }

  #printAge({ age, left, width, middle }: WallChip): void {
    const { context } = this.#surface;
    context.font = FONTS.whale;
    context.fillStyle = INK.onLight;
    context.textAlign = "center";
    const baseline = this.#surface.baseline(FONTS.whale, middle);
    context.fillText(age, left + (WHALE_TEXT + width - CHIP_PADDING) / 2, baseline);
  }

  /** A dashed cell and a flag; outside the picture the flag alone, at the edge where price is. */
  #paintNow(now: OwnMark, columns: Columns, camera: Camera): void {
    const { context } = this.#surface;
    const top = this.#surface.snap(camera.top(now.row));
    const half = camera.rowHeight / 2;
    const middle = Math.min(Math.max(top + half, half), camera.height - half);
    context.font = FONTS.whale;
    const width = context.measureText(now.text).width + 2 * CHIP_PADDING;
    const left = columns.width - width;
    context.strokeStyle = WHALE_GROUND;
    context.lineWidth = 1.5;
    context.setLineDash(NOW_DASH);
    context.beginPath();
    if (middle === top + half) {
      const { spineStart, spineEnd } = columns;
      context.roundRect(spineStart + 1, top + 1, spineEnd - spineStart - 2, camera.rowHeight - 2, 4);
      context.moveTo(Math.max(spineEnd + NUMBER_ROOM, left - NOW_LEAD), middle);
      context.lineTo(left, middle);
    }
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = WHALE_GROUND;
    context.beginPath();
    context.roundRect(left, middle - half + 1, width + CHIP_RADIUS, camera.rowHeight - 2, CHIP_RADIUS);
    context.fill();
    context.fillStyle = INK.onLight;
    context.textAlign = "left";
    context.fillText(now.text, left + CHIP_PADDING, this.#surface.baseline(FONTS.whale, middle));
  }

  /** Where an order was that nobody traded: struck out, at the outer edge of the orders. */
  #paintPulled(pulled: Pulled, picture: MarksPicture, columns: Columns, camera: Camera): void {
    const { context } = this.#surface;
    const { factor, decimals } = picture.unit;
    const text = painted.pulled(fixed(pulled.usd / factor, decimals));
    const middle = camera.top(pulled.row) + camera.rowHeight / 2;
    context.font = FONTS.chipInterval;
    context.fillStyle = INK.secondary;
    const width = context.measureText(text).width;
    const pane = bookPane(columns, pulled.side === "ask");
    const left = pane.far < pane.zero ? pane.far + 4 : pane.far - 4 - width;
    context.textAlign = "left";
    context.fillText(text, left, this.#surface.baseline(FONTS.chipInterval, middle));
    context.fillRect(left - 1, this.#surface.snap(middle), width + 2, this.#surface.hairline());
  }

  /** A large order that stays: how long this phone has seen it. Its size is the row's own number. */
  #paintWhale(wall: Wall, picture: MarksPicture, columns: Columns, camera: Camera, nowMs: number): void {
    const { context } = this.#surface;
    const bar = Math.min(1, picture.barUsd > 0 ? wall.usd / picture.barUsd : 0) * columns.side;
    const age = ageOf(wall, nowMs);
    context.font = FONTS.whale;
    const { away, width, aged } = whaleChip(context.measureText(age).width, bar, columns.side);
    const left = along(bookPane(columns, wall.side === "ask"), away, width);
    const middle = camera.top(wall.row) + camera.rowHeight / 2;
    context.fillStyle = WHALE_GROUND;
    context.beginPath();
    // Chips of neighbouring rows stand beside each other, never one on the other.
    const height = camera.rowHeight - 1;
    context.roundRect(left, middle - height / 2, width, height, 6);
    context.fill();
    context.fillStyle = INK.onLight;
    this.#paintWhaleIcon(left + 8, middle);
    const chip = { wall, bar, aged, left, width, middle, age };
    this.#chips.push(chip);
    if (aged) this.#printAge(chip);
  }

  #paintWhaleIcon(left: number, middle: number): void {
    const { context } = this.#surface;
    context.beginPath();
    context.moveTo(left, middle + 1);
    context.bezierCurveTo(left, middle - 5, left + 8, middle - 6, left + 10, middle);
    context.lineTo(left + 12.5, middle - 4.5);
    context.lineTo(left + 15, middle - 3);
    context.bezierCurveTo(left + 15, middle + 4, left + 10, middle + 5, left + 6, middle + 5);
    context.bezierCurveTo(left + 2, middle + 5, left, middle + 3, left, middle + 1);
    context.fill();
  }

  #paintOwn(mark: OwnMark, columns: Columns, camera: Camera): void {
    const { context } = this.#surface;
    const y = this.#surface.snap(camera.top(mark.row) + camera.rowHeight) - 0.5;
    context.strokeStyle = INK.mark;
    context.lineWidth = 1;
    context.setLineDash(MARK_DASH);
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(columns.gutterStart, y);
    context.stroke();
    context.setLineDash([]);
    context.font = FONTS.markWord;
    context.textAlign = "right";
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = this.#palette.ground.bg;
    const baseline = this.#surface.baseline(FONTS.markWord, wordOf(mark, camera));
    context.strokeText(mark.text, columns.width - 5, baseline);
    context.fillStyle = INK.mark;
    context.fillText(mark.text, columns.width - 5, baseline);
  }

  #paintInspected(row: number, columns: Columns, camera: Camera): void {
    const { context } = this.#surface;
    const top = this.#surface.snap(camera.top(row));
    context.fillStyle = "rgb(255 255 255 / 0.07)";
    context.fillRect(0, top, columns.width, camera.rowHeight);
    context.strokeStyle = WHALE_GROUND;
    context.lineWidth = 1.5;
    context.strokeRect(0.75, top + 0.75, columns.width - 1.5, camera.rowHeight - 1.5);
  }

  #hue(cluster: Cluster): string {
    return cluster.side === "short" ? this.#palette.side.buyText : this.#palette.side.sellText;
  }

  #paintEdge(cluster: Cluster, span: Span, columns: Columns): void {
    const context = this.#surface.context;
    const line = this.#surface.hairline();
    context.fillStyle = this.#hue(cluster);
    context.fillRect(0, this.#surface.snap(span.near) - line / 2, columns.width, line);
  }

  /** A bracket and its name, which makes way for the words of own marks; these stand on their line. */
  #paintBracket(
    cluster: Cluster,
    span: Span,
    words: readonly number[],
    columns: Columns,
    camera: Camera,
  ): void {
    const context = this.#surface.context;
    const x = columns.gutterStart + 8;
    const top = Math.max(span.top + 2, -BRACKET_ARM);
    const bottom = Math.min(span.bottom - 2, camera.height + BRACKET_ARM);
    context.strokeStyle = this.#hue(cluster);
    context.lineWidth = BRACKET_WIDTH;
    context.beginPath();
    context.moveTo(x - BRACKET_ARM, top);
    context.lineTo(x, top);
    context.lineTo(x, bottom);
    context.lineTo(x - BRACKET_ARM, bottom);
    context.stroke();
    context.font = FONTS.name;
    context.fillStyle = this.#hue(cluster);
    context.textAlign = "left";
    const middle = (Math.max(top, 0) + Math.min(bottom, camera.height)) / 2;
    const word = words.find((it) => Math.abs(it - middle) < WORD_HEIGHT);
    const free = word === undefined ? middle : word + (word > middle ? -WORD_HEIGHT : WORD_HEIGHT);
    const y = Math.min(Math.max(free, 8), camera.height - 8);
    context.fillText(cluster.name, x + 4, this.#surface.baseline(FONTS.name, y));
  }

  #paintChip(cluster: Cluster, span: Span, columns: Columns, camera: Camera, live: boolean): void {
    const place = chipPlace(span, camera);
    if (!place) return;
    const context = this.#surface.context;
    // On a narrow phone the chip stays off the spine and leaves out the interval rather than cut it.
    const width = Math.min(CHIP_WIDTH, columns.side - 2);
    const pane = fuelPane(columns, cluster.side === "short");
    const left = pane.far < pane.zero ? leftOf(pane) : pane.far - width;
    const hue = this.#hue(cluster);
    const height = place.rows * camera.rowHeight - 2 * CHIP_INSET;
    const top = place.top + CHIP_INSET;
    context.beginPath();
    context.roundRect(left + 0.5, top + 0.5, width - 1, height - 1, CHIP_RADIUS);
    const state = cluster.cascade?.state;
    const burning = state === "confirmed";
    context.fillStyle = burning ? hue : this.#palette.ground.surface;
    context.fill();
    context.strokeStyle = withAlpha(hue, 0.45);
    context.lineWidth = 1;
    if (state === "held") context.setLineDash(NOW_DASH);
    context.stroke();
    context.setLineDash([]);
    const first = place.rows === 2 ? top + height * 0.29 : top + height / 2;
    let x = left + CHIP_PADDING;
    context.textAlign = "left";
    context.font = FONTS.chipValue;
    context.fillStyle = burning ? INK.onLight : INK.primary;
    const value = usd(cluster.usd);
    context.fillText(value, x, this.#surface.baseline(FONTS.chipValue, first));
    x += context.measureText(value).width + 5;
    context.font = FONTS.chipInterval;
    context.fillStyle = burning ? INK.onLight : INK.secondary;
    const interval = usdInterval(cluster.usd_lo, cluster.usd_hi, cluster.usd);
    const fits = x + context.measureText(interval).width <= left + width - CHIP_PADDING / 2;
    if (fits) context.fillText(interval, x, this.#surface.baseline(FONTS.chipInterval, first));
    if (place.rows < 2) return;
    context.font = FONTS.chipNote;
    context.fillStyle = burning ? INK.onLight : state === "exhausted" ? INK.secondary : hue;
    const second = this.#surface.baseline(FONTS.chipNote, top + height * 0.72);
    const note = chipNote(cluster, live);
    const whole = context.measureText(note).width <= width - 1.5 * CHIP_PADDING;
    const told = whole ? note : note.slice(0, note.indexOf(NOTE_GAP));
    context.fillText(told, left + CHIP_PADDING, second);
  }
}

/** The middle of the word of an own mark, in the row above its line. */
const wordOf = (mark: OwnMark, camera: Camera): number => camera.top(mark.row) + camera.rowHeight / 2;

/** Its state with the odds, where price nears it; else how far it is. */
export function chipNote(cluster: Cluster, live: boolean): string {
  const distance = painted.percent(fixed(cluster.distance_pct, 2));
  const { cascade } = cluster;
  if (cascade) {
    const share = cascade.odds === null ? distance : painted.cascade.chip(fixed(cascade.odds * 100, 0));
    return `${painted.cascade.states[cascade.state].toUpperCase()}${NOTE_GAP}${share}`;
  }
  if (!live || cluster.eta_min === null) return distance;
  return `${distance}${NOTE_GAP}${painted.minutes(cluster.eta_min)}`;
}

/**
 * Where a whale's chip begins, from price outwards, and how wide it is on a side of so many pixels: behind
 * its bar where there is room. Where it would cover a digit of the row's number it leaves out the age.
 */
export function whaleChip(
  ageWidth: number,
  bar: number,
  side: number,
): { readonly away: number; readonly width: number; readonly aged: boolean } {
  const whole = Math.max(WHALE_WIDTH, ageWidth + WHALE_TEXT + CHIP_PADDING);
  const aged = whole <= side - NUMBER_ROOM;
  const width = aged ? whole : WHALE_ICON_WIDTH;
  return { away: Math.min(Math.max(bar, NUMBER_ROOM), side - width), width, aged };
}

/** How long a wall has been seen; "over" where it was there before the first frame. */
function ageOf(wall: Wall, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - wall.sinceMs) / 1000));
  const text = seconds < 60 ? painted.secondsShort(seconds) : duration(seconds * 1000).replace(" min", " m");
  return wall.older ? `>${text}` : text;
}

/** The first of the items that lie in the picture, no more than so many. */
function visible<T extends { readonly row: number }>(
  items: readonly T[],
  camera: Camera,
  most = Number.POSITIVE_INFINITY,
): readonly T[] {
  if (items.length === 0) return items;
  const { highest, lowest } = camera.visible();
  const found: T[] = [];
  for (const item of items) {
    if (item.row > highest || item.row < lowest) continue;
    found.push(item);
    if (found.length === most) break;
  }
  return found;
}

/** Pixels of a cluster: the rows its prices round to. */
export function spanOf(cluster: Cluster, camera: Camera, group: number): Span {
  const upward = cluster.side === "short";
  const top = camera.top(Math.round(cluster.hi / group));
  const bottom = camera.top(Math.round(cluster.lo / group)) + camera.rowHeight;
  return { top, bottom, near: upward ? bottom : top, upward };
}

/**
 * Where a cluster's chip goes: just outside the near edge, so that it covers none of its fuel; on one
 * row when price is close, nowhere when price is closer or the edge is outside the picture.
 */
export function chipPlace(span: Span, camera: Camera): { top: number; rows: 1 | 2 } | null {
  const mid = span.upward ? camera.midTop() : camera.midTop() + camera.midHeight;
  const limit = span.upward ? Math.min(mid, camera.height) : Math.max(mid, 0);
  const room = Math.floor((Math.abs(limit - span.near) + 0.5) / camera.rowHeight);
  const outside = span.near < 0 || span.near > camera.height;
  const wrongSide = span.upward ? limit < span.near : limit > span.near;
  if (outside || wrongSide || room < 1) return null;
  const rows = room >= 2 ? 2 : 1;
  return { top: span.upward ? span.near : span.near - rows * camera.rowHeight, rows };
}
