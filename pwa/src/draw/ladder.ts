/** Paints the rows of the ladder and its mid row; what looks the same as before is left alone. */

import { decimalsOf } from "../format.ts";
import type { LastTrade } from "../model/market.ts";
import { Seen } from "../model/seen.ts";
import { rowOfTrade } from "../model/volume.ts";
import type { SymbolFacts } from "../net/frames.ts";
import type { Camera } from "./camera.ts";
import { type Columns, columnsOf, type Layout } from "./columns.ts";
import { Digits, sharedPrefix } from "./digits.ts";
import { Glyphs } from "./glyphs.ts";
import { type Outline, PART, RowLooks } from "./ladder_look.ts";
import { MidPainter } from "./ladder_mid.ts";
import { PanesPainter, type PanesPicture, type RowPlace } from "./ladder_panes.ts";
import { SpinePainter } from "./ladder_spine.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

export interface LadderPicture extends PanesPicture {
  readonly facts: SymbolFacts;
  /** Ticks to a row. */
  readonly group: number;
  /** The best prices in ticks, 0 where there is none. */
  readonly bidTick: number;
  readonly askTick: number;
  readonly last: LastTrade | null;
  /** Steps of the last trade's flash that are left. */
  readonly flash: number;
  /** A picture that is not live has no outline and does not flash. */
  readonly live: boolean;
  /** Venues cross each other: the spread of the view is made up. */
  readonly crossed: boolean;
  readonly layout: Layout;
  readonly sigma: number | null;
}

export class LadderPainter {
  columns: Columns = columnsOf(390, 0);
  readonly #surface: Surface;
  readonly #digits: Digits;
  readonly #glyphs: Glyphs;
  readonly #looks: RowLooks;
  readonly #panes: PanesPainter;
  readonly #spine: SpinePainter;
  readonly #mid: MidPainter;
  #palette: Palette;
  /** Where the pane begins on the picture of all rows, in CSS pixels on whole pixels of the device. */
  #paneTop = 0;
  /** What the place of the rows and the width of the columns hang on. */
  readonly #rowsSeen = new Seen();
  readonly #frameSeen = new Seen();
  #decimals = 0;
  #prefix = 0;
  #priceWidth = 0;
  readonly #outline: Outline = { row: Number.NaN, look: 0 };
  readonly #place: RowPlace = { slot: 0, row: 0, top: 0, bottom: 0 };

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
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
    this.#surface.forgetFonts();
  }

  /** Paints what changed; what moved with the rows is copied. */
  paint(picture: LadderPicture, camera: Camera): void {
    this.#lay(picture);
    const anew = this.#isOther(picture);
    if (anew) this.#startAnew(camera);
    else this.#scroll(camera);
    this.#glyphs.many = anew;
    this.#outlineOf(picture);
    this.#looks.take(picture, camera.boundary, this.columns.side, this.#outline, this.#prefix);
    this.#paintRows(picture, camera, anew);
    this.#paintMid(picture, camera);
  }

  /** Lays the columns out anew where other prices are printed. */
  #lay({ facts, group, rows, layout }: LadderPicture): void {
    const seen = this.#rowsSeen.begin().add(rows.highest).add(rows.count).add(facts);
    if (!seen.add(group).add(layout).differs()) return;
    this.#decimals = decimalsOf(facts.tick, group);
    this.#spine.dress(facts, group, this.#decimals);
    const highest = this.#spine.text(rows.highest);
    this.#prefix = sharedPrefix(highest, this.#spine.text(rows.highest - rows.count + 1));
    const width = this.#digits.width(highest, FONTS.price);
    if (width === this.#priceWidth && layout === this.columns.layout) return;
    this.#priceWidth = width;
    this.columns = columnsOf(this.#surface.width, width, layout);
    this.#panes.forget();
  }

  /** Whether rows stand for something else than before, or their columns do. */
  #isOther({ group, facts, summed }: LadderPicture): boolean {
    const seen = this.#frameSeen.begin().add(group).add(this.columns);
    return seen.add(facts).add(summed).differs();
  }

  #startAnew(camera: Camera): void {
    this.#looks.forget();
    this.#mid.forget();
    this.#paneTop = this.#surface.snap(camera.paneTop());
    this.#ground(0, this.#surface.height);
  }

  /** Moves what is painted with the rows. Those that come in, and those that were cut, are painted. */
  #scroll(camera: Camera): void {
    const { height } = this.#surface;
    const before = this.#paneTop;
    this.#paneTop = this.#surface.snap(camera.paneTop());
    const down = before - this.#paneTop;
    if (down === 0) return;
    this.#looks.forgetEnds();
    if (Math.abs(down) < height) this.#surface.shift(down);
    else this.#looks.forget();
    if (down > 0) this.#ground(0, Math.min(down, height));
    else this.#ground(Math.max(0, height + down), height);
  }

  #ground(top: number, bottom: number): void {
    const { context, width } = this.#surface;
    context.fillStyle = this.#palette.ground.bg;
    context.fillRect(0, top, width, bottom - top);
  }

  #outlineOf({ live, last, group, flash }: LadderPicture): void {
    this.#outline.row = live && last ? rowOfTrade(last.tick, last.bought, group) : Number.NaN;
    this.#outline.look = (last?.bought ? 1 : -1) * (1 + flash);
  }

  /** Grounds and bars first, then all that is written: to change between the two costs more than either. */
  #paintRows(picture: LadderPicture, camera: Camera, anew: boolean): void {
    const { columns } = this;
    const { dirty } = this.#looks;
    const { count } = picture.rows;
    for (let slot = 0; slot < count; slot++) {
      const parts = dirty[slot] as number;
      if (parts === 0) continue;
      const place = this.#placeOf(picture, camera, slot);
      if ((parts & ~PART.spine) !== 0) this.#panes.paint(picture, columns, place, parts, anew);
      if ((parts & PART.spine) !== 0) this.#spine.paint(columns, place);
    }
    for (let slot = 0; slot < count; slot++) {
      const parts = dirty[slot] as number;
      if (parts === 0) continue;
      const place = this.#placeOf(picture, camera, slot);
      if ((parts & (PART.book | PART.fuel)) !== 0) this.#panes.print(picture, columns, place, parts);
      if ((parts & PART.spine) !== 0) this.#spine.print(columns, place);
    }
    this.#surface.inPoints();
  }

  #paintMid(picture: LadderPicture, camera: Camera): void {
    const { bidTick, askTick, facts, crossed, sigma } = picture;
    const lastTick = picture.last?.tick ?? (bidTick || askTick);
    const midTop = camera.absoluteTop(camera.boundary + 1) + camera.rowHeight;
    const top = this.#surface.snap(midTop) - this.#paneTop;
    const bottom = this.#surface.snap(midTop + camera.midHeight) - this.#paneTop;
    if (bottom <= 0 || top >= this.#surface.height) this.#mid.forget();
    else this.#mid.paint({ bidTick, askTick, facts, lastTick, crossed, sigma }, top, bottom, this.columns);
  }

  /** The place of a row in the pane; the same object for all of them. */
  #placeOf({ rows }: LadderPicture, camera: Camera, slot: number): RowPlace {
    const place = this.#place;
    const row = rows.highest - slot;
    const top = camera.absoluteTop(row);
    place.slot = slot;
    place.row = row;
    place.top = this.#surface.snap(top) - this.#paneTop;
    place.bottom = this.#surface.snap(top + camera.rowHeight) - this.#paneTop;
    return place;
  }
}
