/** The tape's picture and what moves it: one canvas, a finger that scrolls. */

import { NextFrame } from "../draw/next_frame.ts";
import { PLAIN, paletteOf } from "../draw/palette.ts";
import { BarScale } from "../draw/scale.ts";
import { Surface } from "../draw/surface.ts";
import { ROW_HEIGHTS, type SizeClass, TapePainter, type TapeRow } from "../draw/tape.ts";
import { type ColumnUnit, columnUnit, decimalsOf, duration, fixed, price, stepValue } from "../format.ts";
import { flow, flowState, type Held, listed, printUsd, serverNowMs } from "../model/flow.ts";
import { appearanceOf, LARGE_TIMES, WHALE_TIMES } from "../model/preferences.ts";
import type { Store } from "../model/store.ts";
import type { SymbolFacts } from "../net/frames.ts";
import type { Print, TapeModel } from "../net/tape_frames.ts";
import { strings } from "../strings.ts";
import { Fling } from "../touch/fling.ts";
import { Gestures } from "../touch/gestures.ts";
import { readPointers } from "../touch/pointers.ts";
import { venueCode } from "../ui/names.ts";

const UNIT_WORDS = { M: "M", K: "k" } as const;
const KEY_SCROLL_PX = 84;

export class TapeView {
  readonly #store: Store;
  readonly #host: HTMLElement;
  readonly #surface: Surface;
  readonly #painter: TapePainter;
  readonly #scale = new BarScale();
  readonly #fling = new Fling();
  readonly #gestures: Gestures;
  readonly #ended = new AbortController();
  readonly #sizes = new ResizeObserver(() => this.#resize());
  readonly #nextFrame = new NextFrame((nowMs) => this.#paint(nowMs));
  /** What words depend on besides their print. */
  #wording = "";
  #rows = new WeakMap<Print, TapeRow>();
  #unit: ColumnUnit | null = null;
  /** How far the list is scrolled away from the newest print, and the prints there were then. */
  #scrolledPx = 0;
  #frozen: readonly Print[] | null = null;

  constructor(store: Store, host: HTMLElement, canvas: HTMLCanvasElement) {
    this.#store = store;
    this.#host = host;
    this.#surface = new Surface(canvas, true);
    this.#painter = new TapePainter(this.#surface, paletteOf(PLAIN));
    this.#gestures = new Gestures(
      {
        press: () => this.#fling.stop(),
        drag: (_dx, dy) => this.#scroll(-dy),
        fling: (_speedX, speedY) => {
          this.#fling.start(-speedY, performance.now());
          this.draw();
        },
        pinch: () => {},
        tap: () => {},
        doubleTap: () => this.newest(),
        inspect: () => {},
        inspected: () => {},
        swipe: () => {},
      },
      { sideways: "pan", zone: () => "body" },
    );
    const signal = this.#ended.signal;
    readPointers(host, this.#gestures, signal);
    host.addEventListener("wheel", (event) => this.#scroll(event.deltaY), { passive: true, signal });
    host.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.fonts?.addEventListener("loadingdone", () => this.#resize(), { signal });
    this.#sizes.observe(host);
    this.#resize();
  }

  end(): void {
    this.#ended.abort();
    this.#sizes.disconnect();
    this.#nextFrame.cancel();
    flowState.scrolled.value = false;
  }

  /** Draws with the next frame of the screen; any number of calls draw once. */
  draw(): void {
    this.#nextFrame.ask();
  }

  /** Goes back to the newest print. */
  newest(): void {
    this.#fling.stop();
    this.#scrolledPx = 0;
    this.#frozen = null;
    flowState.scrolled.value = false;
    this.draw();
  }

  #scroll(pixels: number): void {
    const held = this.#held();
    if (!held) return;
    this.#frozen ??= [...held.model.prints];
    this.#scrolledPx += pixels;
    if (this.#scrolledPx <= 0) this.newest();
    else flowState.scrolled.value = true;
    this.draw();
  }

  #key(event: KeyboardEvent): void {
    const pixels = { ArrowDown: KEY_SCROLL_PX, ArrowUp: -KEY_SCROLL_PX }[event.key];
    if (pixels !== undefined) this.#scroll(pixels);
    else if (event.key === "Home") this.newest();
    else return;
    event.preventDefault();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#host;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#surface.resize(clientWidth, clientHeight, window.devicePixelRatio);
    this.#gestures.resize(clientWidth);
    this.#painter.forgetFonts();
    this.#nextFrame.cancel();
    this.#paint(performance.now());
  }

  /** The tape of the market in view; never another one's. */
  #held(): Held<TapeModel> | null {
    const held = flow.tape;
    const same = held?.symbol === this.#store.facts.value?.symbol && held?.venue === this.#store.venue.value;
    return same ? held : null;
  }

  #paint(nowMs: number): void {
    this.#dress();
    const held = this.#held();
    const facts = this.#store.facts.value;
    if (!held || !facts) {
      this.#painter.paint([], () => "", 0);
      return;
    }
    const pixels = this.#fling.step(nowMs);
    if (pixels !== null) this.#scroll(pixels);
    const rows = this.#visible(held.model, facts);
    this.#scale.update(Math.max(0, ...rows.map((it) => it.usd)));
    const serverMs = serverNowMs(held, nowMs);
    this.#painter.paint(rows, (row) => duration(serverMs - row.print.atMs), this.#scale.usd);
  }

  /** The rows there is room for, the newest first, from where the list is scrolled to. */
  #visible(model: TapeModel, facts: SymbolFacts): TapeRow[] {
    const { largeUsd, units } = this.#store.preferences.value;
    const filter = flowState.filter.value;
    this.#reword(facts, model, filter);
    const usdOf = printUsd(facts);
    const prints = this.#frozen ?? model.prints;
    const found: TapeRow[] = [];
    let above = this.#scrolledPx;
    let room = this.#surface.height;
    let skipped = 0;
    for (let at = prints.length - 1; at >= 0 && room > 0; at--) {
      const print = prints[at] as Print;
      const usd = usdOf(print);
      if (!listed(print, usd, filter, largeUsd)) continue;
      const row = this.#rowOf(print, usd, facts, units);
      const height = ROW_HEIGHTS[row.size];
      if (above >= height) {
        above -= height;
        skipped += height;
        continue;
      }
      found.push(row);
      room -= height;
    }
    // The end of the list is as far as a scroll goes.
    if (found.length === 0 && this.#scrolledPx > 0) {
      this.#fling.stop();
      this.#scrolledPx = Math.max(0, skipped - this.#surface.height / 2);
      if (skipped > 0) this.draw();
    }
    return found;
  }

  /** Words change with the market, the unit and the thresholds. */
  #reword(facts: SymbolFacts, model: TapeModel, filter: string): void {
    const { largeUsd, units } = this.#store.preferences.value;
    const usdOf = printUsd(facts);
    const amounts = model.prints
      .slice(-40)
      .map(usdOf)
      .sort((one, other) => one - other);
    const median = amounts[amounts.length >> 1] ?? 0;
    const unit = columnUnit(median, this.#unit);
    const wording = [
      flow.venues.length,
      facts.symbol,
      String(facts.tick),
      largeUsd,
      units,
      unit.name,
      unit.decimals,
      filter,
    ].join();
    this.#unit = unit;
    if (wording === this.#wording) return;
    this.#wording = wording;
    this.#rows = new WeakMap();
    this.#scale.reset();
  }

  #rowOf(print: Print, usd: number, facts: SymbolFacts, units: "usd" | "coin"): TapeRow {
    const kept = this.#rows.get(print);
    if (kept) return kept;
    const { largeUsd } = this.#store.preferences.value;
    const size: SizeClass =
      usd >= largeUsd * WHALE_TIMES ? "whale" : usd >= largeUsd * LARGE_TIMES ? "large" : "small";
    const venue = flow.venues[print.venue] ?? "";
    const row: TapeRow = {
      print,
      size,
      usd,
      venue: venueCode(venue),
      price: price(print.tick, facts.tick),
      word: print.liquidation
        ? print.bought
          ? strings.shortLiquidated
          : strings.longLiquidated
        : size === "whale"
          ? strings.whale
          : "",
      amount: units === "coin" ? coins(print, usd, facts) : this.#dollars(usd),
      fills: print.fills > 1 ? strings.fills(print.fills) : "",
    };
    this.#rows.set(print, row);
    return row;
  }

  #dollars(usd: number): string {
    const unit = this.#unit;
    return unit ? `${fixed(usd / unit.factor, unit.decimals + 1)} ${UNIT_WORDS[unit.name]}` : "";
  }

  /** Takes the colours that the user chose. */
  #dress(): void {
    this.#painter.palette = paletteOf(appearanceOf(this.#store.preferences.value));
  }
}

/** Coins of a print, as precisely as its lots. */
function coins(print: Print, usd: number, facts: SymbolFacts): string {
  const amount =
    print.liquidation || facts.unit === "quote"
      ? usd / (print.tick * stepValue(facts.tick))
      : print.lots * stepValue(facts.lot);
  return fixed(amount, Math.min(3, decimalsOf(facts.lot)));
}
