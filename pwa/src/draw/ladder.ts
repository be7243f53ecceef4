/** Paints the rows of the ladder and its mid row; what looks the same as before is left alone. */

import { decimalsOf } from "../format.ts";
import type { LastTrade } from "../model/market.ts";
import { Seen } from "../model/seen.ts";
import { rowOfTrade } from "../model/volume.ts";
import type { LadderModel, SymbolFacts } from "../net/frames.ts";
import type { Camera } from "./camera.ts";
import { type Columns, columnsOf, type Layout } from "./columns.ts";
import { Digits, sharedPrefix } from "./digits.ts";
import { Glyphs } from "./glyphs.ts";
import { type Outline, PART, RowLooks } from "./ladder_look.ts";
import { MidPainter } from "./ladder_mid.ts";
import { PanesPainter, type PanesPicture, type RowPlace } from "./ladder_panes.ts";
import { flashSteps, SpinePainter } from "./ladder_spine.ts";
import type { Palette } from "./palette.ts";
import type { Roll } from "./roll.ts";
import { FONTS } from "./type.ts";

export interface LadderPicture extends PanesPicture {
  readonly ladder: LadderModel;
  readonly facts: SymbolFacts;
  readonly last: LastTrade | null;
  readonly lastAtMs: number;
  /** A picture that is not live has no outline and does not flash. */
  readonly live: boolean;
  /** Venues cross each other: the spread of the view is made up. */
  readonly crossed: boolean;
  readonly layout: Layout;
  readonly sigma: number | null;
}

export class LadderPainter {
  columns: Columns = columnsOf(390, 0);
  readonly #roll: Roll;
  readonly #digits: Digits;
  readonly #glyphs: Glyphs;
  readonly #looks: RowLooks;
  readonly #panes: PanesPainter;
  readonly #spine: SpinePainter;
  readonly #mid: MidPainter;
  /** The sheet that holds all of the mid row as it was painted; NaN for none. */
  #midSheet = Number.NaN;
  #palette: Palette;
  /** What the place of the rows and the width of the columns hang on. */
  readonly #rowsSeen = new Seen();
  readonly #frameSeen = new Seen();
  #decimals = 0;
  #prefix = 0;
  #priceWidth = 0;
  readonly #outline: Outline = { row: Number.NaN, look: 0 };
  readonly #place: RowPlace = { slot: 0, row: 0, top: 0, bottom: 0 };

  constructor(roll: Roll, palette: Palette) {
    const { surface } = roll;
    this.#roll = roll;
    this.#palette = palette;
    this.#digits = new Digits(surface);
    this.#glyphs = new Glyphs(surface, this.#digits);
    this.#looks = new RowLooks(surface);
    this.#panes = new PanesPainter(surface, this.#glyphs, this.#looks, palette);
    this.#spine = new SpinePainter(surface, this.#glyphs, this.#looks, palette);
    this.#mid = new MidPainter(surface, this.#glyphs, palette);
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    for (const painter of [this.#panes, this.#spine, this.#mid]) painter.palette = palette;
    this.invalidate();
  }

  /** Everything is to be painted again, and widths measured again. */
  invalidate(): void {
    this.#rowsSeen.forget();
    this.#frameSeen.forget();
    this.#priceWidth = 0;
    this.#panes.forget();
    this.#digits.forget();
    this.#glyphs.forget();
    this.#roll.surface.forgetFonts();
  }

  /** Paints what changed; returns true while the flash of a trade still has to fade. */
  paint(picture: LadderPicture, camera: Camera, nowMs: number): boolean {
    this.#lay(picture);
    const anew = this.#isOther(picture);
    if (anew) this.#startAnew(camera);
    else this.#roll.moveTo(camera.paneTop());
    this.#glyphs.many = anew;
    const flash = picture.live && picture.last ? flashSteps(nowMs - picture.lastAtMs) : 0;
    this.#outlineOf(picture, flash);
    this.#looks.take(picture, camera.boundary, this.columns.side, this.#outline, this.#prefix);
    for (let sheet = this.#roll.first; sheet <= this.#roll.last; sheet++) {
      this.#roll.open(sheet);
      this.#paintRows(picture, camera, sheet, anew);
    }
    this.#paintMid(picture, camera);
    return flash > 0;
  }

  /** Lays the columns out anew where other prices are printed. */
  #lay({ facts, ladder, rows, layout }: LadderPicture): void {
    const seen = this.#rowsSeen.begin().add(rows.highest).add(rows.count).add(facts);
    if (!seen.add(ladder.group).add(layout).differs()) return;
    this.#decimals = decimalsOf(facts.tick, ladder.group);
    this.#spine.dress(facts, ladder.group, this.#decimals);
    const highest = this.#spine.text(rows.highest);
    this.#prefix = sharedPrefix(highest, this.#spine.text(rows.highest - rows.count + 1));
    const width = this.#digits.width(highest, FONTS.price);
    if (width === this.#priceWidth && layout === this.columns.layout) return;
    this.#priceWidth = width;
    this.columns = columnsOf(this.#roll.surface.width, width, layout);
    this.#panes.forget();
  }

  /** Whether rows stand for something else than before, or their columns do. */
  #isOther({ ladder, facts, summed }: LadderPicture): boolean {
    const seen = this.#frameSeen.begin().add(ladder.group).add(this.columns);
    return seen.add(facts).add(summed).differs();
  }

  #startAnew(camera: Camera): void {
    this.#looks.forget();
    this.#midSheet = Number.NaN;
    this.#roll.begin(camera.paneTop());
    const { context, width, height } = this.#roll.surface;
    context.fillStyle = this.#palette.ground.bg;
    context.fillRect(0, 0, width, height);
  }

  #outlineOf({ live, last, ladder }: LadderPicture, flash: number): void {
    this.#outline.row = live && last ? rowOfTrade(last.tick, last.bought, ladder.group) : Number.NaN;
    this.#outline.look = (last?.bought ? 1 : -1) * (1 + flash);
  }

  /** Grounds and bars first, then all that is written: to change between the two costs more than either. */
  #paintRows(picture: LadderPicture, camera: Camera, sheet: number, anew: boolean): void {
    const { columns } = this;
    const { dirty } = this.#looks;
    const { count } = picture.rows;
    for (let slot = 0; slot < count; slot++) {
      const parts = dirty[slot] as number;
      if (parts === 0) continue;
      const place = this.#placeOf(picture, camera, slot, sheet);
      if (!this.#roll.holds(place.top, place.bottom)) continue;
      if ((parts & ~PART.spine) !== 0) this.#panes.paint(picture, columns, place, parts, anew);
      if ((parts & PART.spine) !== 0) this.#spine.paint(columns, place);
    }
    for (let slot = 0; slot < count; slot++) {
      const parts = dirty[slot] as number;
      if (parts === 0) continue;
      const place = this.#placeOf(picture, camera, slot, sheet);
      if (!this.#roll.holds(place.top, place.bottom)) continue;
      if ((parts & (PART.book | PART.fuel)) !== 0) this.#panes.print(picture, columns, place, parts);
      if ((parts & PART.spine) !== 0) this.#spine.print(columns, place);
    }
    this.#roll.surface.inPoints();
  }

  /** Where two sheets meet in the mid row, each needs all of it. */
  #paintMid(picture: LadderPicture, camera: Camera): void {
    const roll = this.#roll;
    const { ladder, facts, crossed, sigma } = picture;
    const lastTick = picture.last?.tick ?? (ladder.bidTick || ladder.askTick);
    const midTop = camera.rollTop(camera.boundary + 1) + camera.rowHeight;
    let sheets = 0;
    for (let sheet = roll.first; sheet <= roll.last; sheet++) {
      const top = roll.onSheet(sheet, midTop);
      const bottom = roll.onSheet(sheet, midTop + camera.midHeight);
      if (!roll.holds(top, bottom)) continue;
      if (sheet !== this.#midSheet) this.#mid.forget();
      roll.open(sheet);
      this.#mid.paint({ ladder, facts, lastTick, crossed, sigma }, top, bottom, this.columns);
      this.#midSheet = sheet;
      sheets += 1;
    }
    if (sheets !== 1) this.#midSheet = Number.NaN;
  }

  /** The place of a row on a sheet; the same object for all of them. */
  #placeOf({ rows }: LadderPicture, camera: Camera, slot: number, sheet: number): RowPlace {
    const place = this.#place;
    const row = rows.highest - slot;
    const top = camera.rollTop(row);
    place.slot = slot;
    place.row = row;
    place.top = this.#roll.onSheet(sheet, top);
    place.bottom = this.#roll.onSheet(sheet, top + camera.rowHeight);
    return place;
  }
}
