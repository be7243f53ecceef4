/** Paints the rows of the ladder and its mid row; rows that look the same as before are left alone. */

import { type ColumnUnit, decimalsOf, fixed, price } from "../format.ts";
import type { LadderRows } from "../model/ladder_rows.ts";
import type { LastTrade } from "../model/market.ts";
import { rowOfTrade } from "../model/volume.ts";
import type { LadderModel, SymbolFacts } from "../net/frames.ts";
import { strings } from "../strings.ts";
import type { Camera } from "./camera.ts";
import {
  along,
  bookPane,
  type Columns,
  columnsOf,
  fuelPane,
  type Layout,
  leftOf,
  type Pane,
} from "./columns.ts";
import { Digits, sameStart, sharedPrefix, type TextInk } from "./digits.ts";
import { makeHatch } from "./hatch.ts";
import { BAND_USD, heatIndex, INK, type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const BAR_INSET = 3;
const BOOK_GAP = 6;
const VOLUME_BAR = 8;
const VOLUME_LONGEST = 15;
const BOOK_ALPHA = 0.42;
const WALL_ALPHA = 0.75;
const VOLUME_ALPHA = 0.58;
const FUEL_SOLID_ALPHA = 0.95;
const FUEL_DOUBT_ALPHA = 0.42;
const WASH_ALPHA_MAX = 0.35;
const WASH_FROM_INDEX = 12;
/** A level this many times the visible median is drawn as a wall. */
const WALL_FACTOR = 5;
/** Heat index from which the fuel's number is printed in warm ink. */
const WARM_FROM_INDEX = 128;
/** The colour of estimated sums. */
const SUM_INDEX = 150;
const PREFIX_ALPHA = 0.66;
/** Of the two inks that prices are printed in. */
const DIM: Readonly<Record<string, string>> = Object.fromEntries(
  [INK.onHeat, INK.onLight].map((ink) => [ink, withAlpha(ink, PREFIX_ALPHA)]),
);
const FLASH_MS = 240;
/** How often the fading flash looks different. */
export const FLASH_STEP_MS = 60;
const FLASH_ALPHA = 0.5;
const FLASH_STEPS = FLASH_MS / FLASH_STEP_MS;

export interface LadderPicture {
  readonly ladder: LadderModel;
  readonly facts: SymbolFacts;
  readonly rows: LadderRows;
  readonly unit: ColumnUnit;
  /** Dollars of a bar as long as its pane. */
  readonly barUsd: number;
  readonly volumeUsd: number;
  readonly heatTopUsd: number;
  /** The estimate over its lower bound. */
  readonly factor: number;
  readonly calibrated: boolean;
  readonly last: LastTrade | null;
  readonly lastAtMs: number;
  /** A picture that is not live has no outline and does not flash. */
  readonly live: boolean;
  /** Venues cross each other: the spread of the view is made up. */
  readonly crossed: boolean;
  readonly layout: Layout;
  /** Bars and numbers are sums from price to their row. */
  readonly summed: boolean;
  readonly sigma: number | null;
}

/** Numbers that say how a row looks; the parts of it whose numbers are as before need no paint. */
const LOOK = 12;
const VOLUME_PART = 1;
const BOOK_PART = 2;
const FUEL_PART = 4;
const SPINE_PART = 8;
const ALL_PARTS = VOLUME_PART | BOOK_PART | FUEL_PART | SPINE_PART;
/** Which parts each number of a look shows in. */
const SHOWS_IN = [
  ALL_PARTS, // above the middle or below
  ...[BOOK_PART, BOOK_PART, BOOK_PART], // bar, number, wall
  FUEL_PART | SPINE_PART, // heat
  ...[FUEL_PART, FUEL_PART, FUEL_PART], // sure bar, whole bar, number
  ...[VOLUME_PART, VOLUME_PART], // sold, bought
  SPINE_PART, // outline of the last trade
  ALL_PARTS, // unit, and whether the estimate is calibrated
] as const;
const SLOTS_MAX = 256;

export class LadderPainter {
  columns: Columns = columnsOf(390, 0);
  readonly #surface: Surface;
  readonly #digits: Digits;
  readonly #looks = new Float64Array(SLOTS_MAX * LOOK);
  readonly #look = new Float64Array(LOOK);
  /** Parts of each row that are to be painted. */
  readonly #dirty = new Uint8Array(SLOTS_MAX);
  #frame = "";
  /** How the parts of the mid row look. */
  readonly #mid: string[] = [];
  #last = "";
  #palette: Palette;
  #hatch: CanvasPattern | null = null;
  /** Fading heat by its index, negative towards the left: of the columns and colours in use. */
  readonly #washes = new Map<number, CanvasGradient>();
  #priceWidth = 0;
  readonly #heat = new Uint8Array(BAND_USD.length);
  #heatTopUsd = 0;

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.#digits = new Digits(surface);
    this.#palette = palette;
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.invalidate();
  }

  /** Everything is to be painted again, and widths measured again. */
  invalidate(): void {
    this.#frame = "";
    this.#hatch = null;
    this.#priceWidth = 0;
    this.#digits.forget();
    this.#surface.forgetFonts();
  }

  /** Paints what changed; returns true while the flash of a trade still has to fade. */
  paint(picture: LadderPicture, camera: Camera, nowMs: number): boolean {
    const { facts, ladder, rows } = picture;
    const decimals = decimalsOf(facts.tick, ladder.group);
    const highest = price(rows.highest * ladder.group, facts.tick, decimals);
    const lowest = price((rows.highest - rows.count + 1) * ladder.group, facts.tick, decimals);
    this.#lay(this.#digits.width(highest, FONTS.price), picture.layout);
    const prefix = sharedPrefix(highest, lowest);
    const flash = this.#flash(picture, nowMs);
    const frame = [
      camera.centre,
      rows.highest,
      rows.count,
      prefix,
      decimals,
      ladder.group,
      picture.layout,
      picture.summed,
    ].join();
    const whole = frame !== this.#frame;
    if (whole) {
      this.#frame = frame;
      this.#mid.length = 0;
      this.#looks.fill(Number.NaN);
      this.#surface.context.fillStyle = this.#palette.ground.bg;
      this.#surface.context.fillRect(0, 0, this.#surface.width, this.#surface.height);
    }
    const lastRow = picture.last
      ? rowOfTrade(picture.last.tick, picture.last.bought, ladder.group)
      : Number.NaN;
    const wallUsd = WALL_FACTOR * rows.medianBook();
    for (let slot = 0; slot < rows.count; slot++) {
      const row = rows.highest - slot;
      const outline = picture.live && row === lastRow ? (picture.last?.bought ? 1 : -1) : 0;
      const parts = this.#changed(picture, slot, row > camera.boundary, outline, flash, wallUsd);
      this.#dirty[slot] = parts;
      if ((parts & ~SPINE_PART) !== 0) this.#paintPanes(picture, camera, slot, parts);
    }
    // By themselves: to change between fonts costs more than the text does.
    for (let slot = 0; slot < rows.count; slot++) {
      if (((this.#dirty[slot] as number) & SPINE_PART) !== 0)
        this.#paintSpine(picture, camera, slot, prefix, decimals);
    }
    this.#paintMid(picture, camera);
    return flash > 0;
  }

  /** Lays the columns out anew where something of them changed. */
  #lay(priceWidth: number, layout: Layout): void {
    if (priceWidth === this.#priceWidth && layout === this.columns.layout) return;
    this.#priceWidth = priceWidth;
    this.columns = columnsOf(this.#surface.width, priceWidth, layout);
    this.#washes.clear();
  }

  /** Steps of the last trade's flash that are left, 0 when it is over. */
  #flash(picture: LadderPicture, nowMs: number): number {
    if (!picture.live || !picture.last) return 0;
    const left = 1 - (nowMs - picture.lastAtMs) / FLASH_MS;
    return left > 0 && left <= 1 ? Math.ceil(left * FLASH_STEPS) : 0;
  }

  /** Works out how a row looks and tells the parts of it that differ from what is on the canvas. */
  #changed(
    picture: LadderPicture,
    slot: number,
    above: boolean,
    outline: number,
    flash: number,
    wallUsd: number,
  ): number {
    const { rows, unit } = picture;
    const look = this.#look;
    const { side } = this.columns;
    const length = (usd: number, whole: number) =>
      whole > 0 ? this.#surface.snap(Math.min(1, usd / whole) * side) : 0;
    const bookUsd = (above ? rows.askUsd[slot] : rows.bidUsd[slot]) as number;
    const bookBar = (above ? rows.askBar[slot] : rows.bidBar[slot]) as number;
    const fuelBar = rows.fuelBar[slot] as number;
    const volume = (usd: number) =>
      picture.volumeUsd > 0 ? this.#surface.snap((usd / picture.volumeUsd) * VOLUME_LONGEST) : 0;
    const resolution = unit.factor / 10 ** unit.decimals;
    look[0] = above ? 1 : 0;
    look[1] = length(bookBar, picture.barUsd);
    look[2] = bookBar > 0 ? Math.round(bookBar / resolution) : -1;
    look[3] = bookUsd > wallUsd ? 1 : 0;
    look[4] = this.#heatOf(rows.fuelCode[slot] as number, picture.heatTopUsd);
    look[5] = length(fuelBar / picture.factor, picture.barUsd);
    look[6] = length(fuelBar, picture.barUsd);
    look[7] = Math.round(fuelBar / resolution);
    look[8] = volume(rows.soldUsd[slot] as number);
    look[9] = volume(rows.boughtUsd[slot] as number);
    look[10] = outline === 0 ? 0 : outline * (1 + flash);
    look[11] = resolution * (picture.calibrated ? 1 : -1);
    let changed = 0;
    for (let i = 0; i < LOOK; i++) {
      const at = slot * LOOK + i;
      // NaN, which stands for an unpainted row, differs from everything.
      if (this.#looks[at] !== look[i]) changed |= SHOWS_IN[i] as number;
      this.#looks[at] = look[i] as number;
    }
    return changed;
  }

  /** The heat of a band code; worked out once for each palette's top. */
  #heatOf(code: number, topUsd: number): number {
    if (topUsd !== this.#heatTopUsd) {
      this.#heatTopUsd = topUsd;
      for (let it = 0; it < BAND_USD.length; it++) this.#heat[it] = heatIndex(BAND_USD[it] as number, topUsd);
    }
    return this.#heat[code] as number;
  }

  #paintPanes(picture: LadderPicture, camera: Camera, slot: number, parts: number): void {
    const { columns } = this;
    const surface = this.#surface;
    const row = picture.rows.highest - slot;
    const top = surface.snap(camera.top(row));
    const bottom = surface.snap(camera.top(row) + camera.rowHeight);
    const base = slot * LOOK;
    const above = this.#looks[base] === 1;
    const { volumeEnd } = columns;
    const [book, fuel] = [bookPane(columns, above), fuelPane(columns, above)];
    if ((parts & VOLUME_PART) !== 0) {
      this.#ground(0, volumeEnd, top, bottom);
      this.#paintVolume(top, bottom, base);
      this.#rule(row, 0, volumeEnd, bottom);
    }
    if ((parts & FUEL_PART) !== 0) {
      const [left, right] = [leftOf(fuel), this.#endOf(fuel)];
      this.#ground(left, right, top, bottom);
      this.#paintFuel(picture, top, bottom, base, fuel);
      this.#rule(row, left, right, bottom);
    }
    if ((parts & BOOK_PART) !== 0) {
      const [left, right] = [leftOf(book), this.#endOf(book)];
      this.#ground(left, right, top, bottom);
      this.#paintBook(picture.unit, top, bottom, base, above, book);
      this.#rule(row, left, right, bottom);
    }
  }

  /** Where a pane's part of a row ends: the gutter belongs to the pane before it. */
  #endOf(pane: Pane): number {
    const right = Math.max(pane.zero, pane.far);
    return right === this.columns.gutterStart ? this.columns.width : right;
  }

  /** The ground under a part of a row; nothing that is painted on it reaches beyond it. */
  #ground(left: number, right: number, top: number, bottom: number): void {
    const { context } = this.#surface;
    context.fillStyle = this.#palette.ground.bg;
    context.fillRect(left, top, right - left, bottom - top);
  }

  #rule(row: number, left: number, right: number, bottom: number): void {
    const { context } = this.#surface;
    const line = this.#surface.hairline(0.5);
    context.fillStyle = row % 10 === 0 ? "rgb(255 255 255 / 0.1)" : "rgb(255 255 255 / 0.03)";
    context.fillRect(left, bottom - line, right - left, line);
  }

  #paintVolume(top: number, bottom: number, base: number): void {
    const context = this.#surface.context;
    const centre = this.columns.volumeEnd / 2;
    const y = this.#surface.snap((top + bottom - VOLUME_BAR) / 2);
    const gap = this.#surface.hairline(0.5);
    const sold = this.#looks[base + 8] as number;
    const bought = this.#looks[base + 9] as number;
    context.globalAlpha = VOLUME_ALPHA;
    context.fillStyle = this.#palette.side.sellFill;
    context.fillRect(centre - gap - sold, y, sold, VOLUME_BAR);
    context.fillStyle = this.#palette.side.buyFill;
    context.fillRect(centre + gap, y, bought, VOLUME_BAR);
    context.globalAlpha = 1;
  }

  #paintFuel(picture: LadderPicture, top: number, bottom: number, base: number, pane: Pane): void {
    const heat = this.#looks[base + 4] as number;
    const solid = this.#looks[base + 5] as number;
    const whole = this.#looks[base + 6] as number;
    if (heat === 0 && !(picture.summed && whole > 0)) return;
    const context = this.#surface.context;
    // A sum has no heat of its own: its row may be dark.
    const colour = this.#palette.heat[picture.summed ? SUM_INDEX : heat] as string;
    if (heat >= WASH_FROM_INDEX) this.#paintWash(this.#palette.heat[heat] as string, top, bottom, pane, heat);
    const y = top + BAR_INSET;
    const height = bottom - top - 2 * BAR_INSET;
    context.fillStyle = colour;
    context.globalAlpha = FUEL_DOUBT_ALPHA;
    context.fillRect(along(pane, 0, whole), y, whole, height);
    context.globalAlpha = FUEL_SOLID_ALPHA;
    context.fillRect(along(pane, 0, solid), y, solid, height);
    context.globalAlpha = 1;
    if (!picture.calibrated) {
      context.fillStyle = this.#hatchOf() ?? colour;
      context.fillRect(along(pane, 0, whole), y, whole, height);
    }
    const amount = this.#looks[base + 7] as number;
    if (amount * 10 ** -picture.unit.decimals < 0.3) return;
    const text = fixed(amount / 10 ** picture.unit.decimals, picture.unit.decimals);
    const ink = { font: FONTS.size, colour: heat >= WARM_FROM_INDEX ? INK.warm : INK.secondary };
    this.#number(text, pane.far, pane.far < pane.zero, (top + bottom) / 2, ink);
  }

  /** A number at an edge: right of it, or left of it; left out where it would have to be cut. */
  #number(text: string, edge: number, right: boolean, middle: number, ink: TextInk): void {
    if (BOOK_GAP + this.#digits.width(text, ink.font) > this.columns.side) return;
    if (right) this.#digits.drawLeft(text, edge + BOOK_GAP, middle, ink);
    else this.#digits.drawRight(text, edge - BOOK_GAP, middle, ink);
  }

  #paintWash(colour: string, top: number, bottom: number, pane: Pane, heat: number): void {
    const context = this.#surface.context;
    const { zero, far } = pane;
    const key = far > zero ? heat : -heat;
    let wash = this.#washes.get(key);
    if (!wash) {
      wash = context.createLinearGradient(zero, 0, far, 0);
      wash.addColorStop(0, colour);
      wash.addColorStop(1, colour.replace(")", " / 0)"));
      this.#washes.set(key, wash);
    }
    context.globalAlpha = (WASH_ALPHA_MAX * heat) / 255;
    context.fillStyle = wash;
    context.fillRect(leftOf(pane), top, Math.abs(far - zero), bottom - top);
    context.globalAlpha = 1;
  }

  #paintBook(unit: ColumnUnit, top: number, bottom: number, base: number, above: boolean, pane: Pane): void {
    const amount = this.#looks[base + 2] as number;
    if (amount < 0) return;
    const context = this.#surface.context;
    const { side } = this.#palette;
    const length = Math.max(this.#looks[base + 1] as number, this.#surface.hairline(0.5));
    context.globalAlpha = this.#looks[base + 3] === 1 ? WALL_ALPHA : BOOK_ALPHA;
    context.fillStyle = above ? side.sellFill : side.buyFill;
    context.fillRect(along(pane, 0, length), top + BAR_INSET, length, bottom - top - 2 * BAR_INSET);
    context.globalAlpha = 1;
    const text = fixed(amount / 10 ** unit.decimals, unit.decimals);
    const middle = (top + bottom) / 2;
    const ink = { font: FONTS.size, colour: amount === 0 ? INK.tertiary : INK.primary };
    this.#number(text, pane.zero, pane.far > pane.zero, middle, ink);
  }

  #paintSpine(picture: LadderPicture, camera: Camera, slot: number, prefix: number, decimals: number): void {
    const surface = this.#surface;
    const context = surface.context;
    const { spineStart, spineEnd } = this.columns;
    const row = picture.rows.highest - slot;
    const top = surface.snap(camera.top(row));
    const bottom = surface.snap(camera.top(row) + camera.rowHeight);
    const heat = this.#looks[slot * LOOK + 4] as number;
    const outline = this.#looks[slot * LOOK + 10] as number;
    context.fillStyle = this.#palette.heat[heat] as string;
    context.fillRect(spineStart, top, spineEnd - spineStart, bottom - top);
    if (outline !== 0) this.#paintOutline(top, bottom, outline);
    const colour = this.#palette.ink[heat] as string;
    const text = price(row * picture.ladder.group, picture.facts.tick, decimals);
    const ink: TextInk = { font: FONTS.price, colour };
    const dim: TextInk = { font: FONTS.pricePrefix, colour: DIM[colour] ?? colour };
    this.#digits.drawCentred(text, (spineStart + spineEnd) / 2, (top + bottom) / 2, ink, prefix, dim);
  }

  /** `outline`: sign is the aggressor's side, its size 1 plus the steps of flash that are left. */
  #paintOutline(top: number, bottom: number, outline: number): void {
    const context = this.#surface.context;
    const { spineStart, spineEnd } = this.columns;
    const { side } = this.#palette;
    context.beginPath();
    context.roundRect(spineStart + 1.75, top + 1.75, spineEnd - spineStart - 3.5, bottom - top - 3.5, 3);
    const flash = (Math.abs(outline) - 1) / FLASH_STEPS;
    if (flash > 0) {
      context.globalAlpha = flash * FLASH_ALPHA;
      context.fillStyle = outline > 0 ? side.buyFill : side.sellFill;
      context.fill();
      context.globalAlpha = 1;
    }
    context.lineWidth = 1.5;
    context.strokeStyle = outline > 0 ? side.buyText : side.sellText;
    context.stroke();
  }

  #paintMid(picture: LadderPicture, camera: Camera): void {
    const { ladder, facts, sigma, crossed } = picture;
    const tick = picture.last?.tick ?? (ladder.bidTick || ladder.askTick);
    const last = tick ? price(tick, facts.tick) : "";
    const spread = ladder.bidTick && ladder.askTick ? ladder.askTick - ladder.bidTick : null;
    const spreadText = crossed
      ? strings.crossed
      : spread === null
        ? ""
        : strings.spread(price(spread, facts.tick));
    const pushText = sigma === null ? "" : fixed(Math.abs(sigma), 1);
    const surface = this.#surface;
    const { width, spineStart, spineEnd } = this.columns;
    const top = surface.snap(camera.midTop());
    const middle = (top + surface.snap(camera.midTop() + camera.midHeight)) / 2;
    const centre = (spineStart + spineEnd) / 2;
    const half = this.#digits.width(last, FONTS.midPrice) / 2 + BOOK_GAP;
    const [left, right] = [surface.snap(centre - half), surface.snap(centre + half)];
    const context = surface.context;
    const push = sigma === null ? "" : Math.sign(sigma) + pushText;
    const besides = picture.layout === "middle" ? "" : push;
    if (this.#midDiffers(0, `${top} ${left} ${push}`)) {
      this.#midGround(camera, 0, left);
      if (sigma !== null && picture.layout === "middle")
        this.#paintPush(sigma, pushText, middle, 10, centre - half);
    }
    this.#paintLast(last, camera, left, right, middle);
    if (!this.#midDiffers(2, `${top} ${right} ${spreadText} ${besides}`)) return;
    this.#midGround(camera, right, width);
    context.font = FONTS.midNote;
    context.fillStyle = INK.secondary;
    context.textAlign = "right";
    context.fillText(spreadText, width - 12, surface.baseline(FONTS.midNote, middle));
    if (sigma === null || picture.layout === "middle") return;
    const free = width - 12 - context.measureText(spreadText).width - BOOK_GAP;
    this.#paintPush(sigma, pushText, middle, Math.max(spineEnd, centre + half) + BOOK_GAP, free);
  }

  /** The last price is another one with nearly every frame, but mostly in its last digits only. */
  #paintLast(last: string, camera: Camera, left: number, right: number, middle: number): void {
    const place = `${camera.midTop()} ${left} ${right}`;
    const moved = this.#midDiffers(1, place);
    if (!moved && last === this.#last) return;
    const same = moved ? 0 : sameStart(last, this.#last);
    this.#last = last;
    const { spineStart, spineEnd } = this.columns;
    const ink = { font: FONTS.midPrice, colour: INK.primary };
    const whole = this.#digits.width(last, ink.font);
    const kept = this.#digits.width(last.slice(0, same), ink.font);
    const from = (spineStart + spineEnd - whole) / 2 + kept;
    this.#midGround(camera, same === 0 ? left : this.#surface.snap(from), right);
    this.#digits.drawLeft(last.slice(same), from, middle, ink);
  }

  /** Takes how a part of the mid row looks: left of the price, the price, right of it. */
  #midDiffers(part: number, look: string): boolean {
    const differs = this.#mid[part] !== look;
    this.#mid[part] = look;
    return differs;
  }

  #midGround(camera: Camera, left: number, right: number): void {
    const { context } = this.#surface;
    const top = this.#surface.snap(camera.midTop());
    const bottom = this.#surface.snap(camera.midTop() + camera.midHeight);
    const line = this.#surface.hairline();
    context.fillStyle = this.#palette.ground.midRow;
    context.fillRect(left, top, right - left, bottom - top);
    context.fillStyle = this.#palette.ground.lineStrong;
    context.fillRect(left, top, right - left, line);
    context.fillRect(left, bottom - line, right - left, line);
  }

  /** Who pushes: an arrow, a word and how unlikely that is by chance. */
  #paintPush(sigma: number, amount: string, middle: number, left: number, right: number): void {
    const context = this.#surface.context;
    const { side } = this.#palette;
    const even = Math.abs(sigma) < 1;
    const colour = even ? INK.secondary : sigma > 0 ? side.buyText : side.sellText;
    context.fillStyle = colour;
    context.textAlign = "left";
    let x = left;
    if (!even) {
      const tip = sigma > 0 ? -4.5 : 4.5;
      context.beginPath();
      context.moveTo(x, middle - tip);
      context.lineTo(x + 10, middle - tip);
      context.lineTo(x + 5, middle + tip);
      context.fill();
      x += 15;
    }
    context.font = FONTS.midWord;
    context.fillStyle = even ? INK.secondary : INK.primary;
    const word = even ? strings.flowEven : sigma > 0 ? strings.buyers : strings.sellers;
    context.fillText(word, x, this.#surface.baseline(FONTS.midWord, middle));
    if (even) return;
    x += context.measureText(word).width + 5;
    const text = `${sigma > 0 ? "+" : "\u2212"}${amount} σ`;
    if (x + this.#digits.width(text, FONTS.midWord) > right) return;
    this.#digits.drawLeft(text, x, middle, { font: FONTS.midWord, colour });
  }

  #hatchOf(): CanvasPattern | null {
    this.#hatch ??= makeHatch(this.#surface, this.#palette);
    return this.#hatch;
  }
}
