/** Paints the mid row: who pushes, the last price, the spread; each of them only when it is another one. */

import { fixed, price } from "../format.ts";
import { Seen } from "../model/seen.ts";
import type { SymbolFacts } from "../net/frames.ts";
import { painted } from "../strings.ts";
import type { Columns } from "./columns.ts";
import { sameStart, type TextInk } from "./digits.ts";
import type { Glyphs } from "./glyphs.ts";
import { BOOK_GAP } from "./ladder_panes.ts";
import { INK, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const EDGE = 12;
const PUSH_LEFT = 10;
const ARROW_ROOM = 15;
const WORD_GAP = 5;
const LAST: TextInk = { font: FONTS.midPrice, colour: INK.primary };

export interface MidPicture {
  /** The best prices in ticks, 0 where there is none. */
  readonly bidTick: number;
  readonly askTick: number;
  readonly facts: SymbolFacts;
  /** The last price in ticks, 0 while none is known. */
  readonly lastTick: number;
  /** Venues cross each other: the spread of the view is made up. */
  readonly crossed: boolean;
  /** Null where too little traded to tell who pushes. */
  readonly sigma: number | null;
}

/** Where the mid row is, and where its price begins and ends. */
interface Place {
  readonly top: number;
  readonly bottom: number;
  readonly middle: number;
  readonly left: number;
  readonly right: number;
}

export class MidPainter {
  readonly #surface: Surface;
  readonly #glyphs: Glyphs;
  readonly #pushSeen = new Seen();
  readonly #sigmaSeen = new Seen();
  readonly #lastSeen = new Seen();
  readonly #noteSeen = new Seen();
  #palette: Palette;
  #buyers: TextInk;
  #sellers: TextInk;
  #last = { text: "", tick: 0 };
  /** Where the number of who pushes begins, and where the spread does. */
  #sigmaLeft = 0;
  #noteLeft = 0;

  constructor(surface: Surface, glyphs: Glyphs, palette: Palette) {
    this.#surface = surface;
    this.#glyphs = glyphs;
    this.#palette = palette;
    [this.#buyers, this.#sellers] = inksOf(palette);
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    [this.#buyers, this.#sellers] = inksOf(palette);
  }

  /** All of the row is to be painted again. */
  forget(): void {
    for (const seen of [this.#pushSeen, this.#sigmaSeen, this.#lastSeen, this.#noteSeen]) seen.forget();
    this.#last = { text: "", tick: 0 };
  }

  /** Paints what changed between two heights of the surface, on whole pixels of the device. */
  paint(picture: MidPicture, top: number, bottom: number, columns: Columns): void {
    const surface = this.#surface;
    const before = this.#last.text;
    if (picture.lastTick !== this.#last.tick) {
      const { lastTick: tick, facts } = picture;
      this.#last = { tick, text: tick ? price(tick, facts.tick) : "" };
    }
    const centre = (columns.spineStart + columns.spineEnd) / 2;
    const half = this.#glyphs.width(this.#last.text, LAST) / 2 + BOOK_GAP;
    const left = surface.snap(centre - half);
    const right = surface.snap(centre + half);
    const place = { top, bottom, middle: (top + bottom) / 2, left, right };
    this.#paintLast(before, place, centre, columns);
    this.#paintNote(picture, place, columns);
    if (columns.layout === "middle") this.#paintPush(picture.sigma, place, PUSH_LEFT, 0, left);
    else {
      const from = Math.max(columns.spineEnd, centre + half) + BOOK_GAP;
      this.#paintPush(picture.sigma, place, from, right, this.#noteLeft);
    }
  }

  /** The last price is another one with nearly every frame, but mostly in its last digits only. */
  #paintLast(before: string, place: Place, centre: number, { layout }: Columns): void {
    const { text } = this.#last;
    const moved = this.#lastSeen.begin().add(place.top).add(place.left).add(place.right).differs();
    if (!moved && text === before) return;
    const same = moved ? 0 : sameStart(text, before);
    const from = centre - this.#glyphs.width(text, LAST) / 2 + this.#glyphs.width(text.slice(0, same), LAST);
    // Nothing else stands left of a price in the left.
    const whole = layout === "middle" ? place.left : 0;
    this.#ground(place, same === 0 ? whole : this.#surface.snap(from), place.right);
    this.#print(text.slice(same), from, place.middle, LAST);
  }

  /** The spread, or a word instead of one that is made up. */
  #paintNote({ bidTick, askTick, facts, crossed }: MidPicture, place: Place, columns: Columns): void {
    const spread = bidTick && askTick ? askTick - bidTick : null;
    const seen = this.#noteSeen.begin().add(place.top).add(place.right).add(columns);
    if (!seen.add(crossed).add(spread).add(facts).differs()) return;
    const { context } = this.#surface;
    const told = spread === null ? "" : painted.spread(price(spread, facts.tick));
    const text = crossed ? painted.crossed : told;
    const right = columns.width - EDGE;
    context.font = FONTS.midNote;
    this.#noteLeft = Math.max(place.right, right - context.measureText(text).width - BOOK_GAP);
    this.#ground(place, columns.layout === "middle" ? place.right : this.#noteLeft, columns.width);
    context.fillStyle = INK.secondary;
    context.textAlign = "right";
    context.fillText(text, right, this.#surface.baseline(FONTS.midNote, place.middle));
  }

  /**
   * Who pushes: an arrow, a word and how unlikely that is by chance; the number is left out where there
   * is no room for it. All between `from` and `to` is its own.
   */
  #paintPush(sigma: number | null, place: Place, left: number, from: number, to: number): void {
    const even = sigma !== null && Math.abs(sigma) < 1;
    const way = sigma === null ? null : even ? 0 : Math.sign(sigma);
    if (this.#pushSeen.begin().add(place.top).add(from).add(to).add(left).add(way).differs()) {
      this.#sigmaSeen.forget();
      this.#ground(place, from, to);
      if (way !== null) this.#sigmaLeft = this.#paintWord(way, left, place.middle);
    }
    if (
      sigma === null ||
      even ||
      !this.#sigmaSeen
        .begin()
        .add(Math.round(sigma * 10))
        .differs()
    )
      return;
    const text = `${sigma > 0 ? "+" : "\u2212"}${fixed(Math.abs(sigma), 1)} σ`;
    const ink = sigma > 0 ? this.#buyers : this.#sellers;
    this.#ground(place, this.#surface.snap(this.#sigmaLeft - WORD_GAP / 2), to);
    if (this.#sigmaLeft + this.#glyphs.width(text, ink) <= to)
      this.#print(text, this.#sigmaLeft, place.middle, ink);
  }

  #print(text: string, left: number, middle: number, ink: TextInk): void {
    this.#glyphs.left(text, left, middle, ink);
    this.#surface.inPoints();
  }

  /** The arrow and the word of a way; returns where the number goes. */
  #paintWord(way: number, left: number, middle: number): number {
    const { context } = this.#surface;
    let x = left;
    if (way !== 0) {
      const tip = way > 0 ? -4.5 : 4.5;
      context.fillStyle = (way > 0 ? this.#buyers : this.#sellers).colour;
      context.beginPath();
      context.moveTo(x, middle - tip);
      context.lineTo(x + 10, middle - tip);
      context.lineTo(x + 5, middle + tip);
      context.fill();
      x += ARROW_ROOM;
    }
    const word = way === 0 ? painted.flowEven : way > 0 ? painted.buyers : painted.sellers;
    context.font = FONTS.midWord;
    context.fillStyle = way === 0 ? INK.secondary : INK.primary;
    context.textAlign = "left";
    context.fillText(word, x, this.#surface.baseline(FONTS.midWord, middle));
    return x + context.measureText(word).width + WORD_GAP;
  }

  #ground({ top, bottom }: Place, left: number, right: number): void {
    const { context } = this.#surface;
    const line = this.#surface.hairline();
    context.fillStyle = this.#palette.ground.midRow;
    context.fillRect(left, top, right - left, bottom - top);
    context.fillStyle = this.#palette.ground.lineStrong;
    context.fillRect(left, top, right - left, line);
    context.fillRect(left, bottom - line, right - left, line);
  }
}

const inksOf = ({ side }: Palette): [buyers: TextInk, sellers: TextInk] => [
  { font: FONTS.midWord, colour: side.buyText },
  { font: FONTS.midWord, colour: side.sellText },
];
