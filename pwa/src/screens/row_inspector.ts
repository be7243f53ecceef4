/** The row under a resting finger: asks the server what it is made of, and keeps its card true. */

import type { App } from "../app.ts";
import { codeOf, heatPixels } from "../draw/heat_pixels.ts";
import { type Appearance, paletteOf } from "../draw/palette.ts";
import { stepValue } from "../format.ts";
import { mapState } from "../model/map_state.ts";
import {
  describeRow,
  heatBetween,
  type LadderRow,
  type RowCard,
  spanText,
  ticksOf,
} from "../model/row_card.ts";
import { rowState } from "../model/row_state.ts";
import { strings } from "../strings.ts";

/** A finger that runs over the rows asks for one at most so often; one that rests asks anew. */
const ASK_EVERY_MS = 150;
const REFRESH_MS = 1_000;
/** How often the words of the card may change. */
const WORDS_MS = 200;

/** What a row is made of, and who is asked. */
export interface RowSource extends Pick<App, "market" | "row" | "askRow"> {
  readonly map: Pick<App["map"], "data">;
}

export class RowInspector {
  readonly #app: RowSource;
  #at: LadderRow | null = null;
  #corner = "";
  #asked = { row: Number.NaN, ms: Number.NEGATIVE_INFINITY };
  #told = { key: "", ms: Number.NEGATIVE_INFINITY };
  #history: RowCard["history"] = null;
  #historyKey = "";

  constructor(app: RowSource) {
    this.#app = app;
  }

  /** The row that is inspected, null while none is. */
  get row(): number | null {
    return this.#at?.row ?? null;
  }

  /** Points at a row; `corner` is away from the finger. Returns whether that is another one. */
  point(at: LadderRow, corner: string): boolean {
    const same = at.row === this.#at?.row && at.above === this.#at.above && corner === this.#corner;
    this.#at = at;
    this.#corner = corner;
    return !same;
  }

  end(): void {
    this.#at = null;
    rowState.card.value = null;
  }

  /** Brings the card up to date; to be called with every painted frame. */
  update(appearance: Appearance, nowMs: number): void {
    const { market, row: answer } = this.#app;
    const group = market.ladder?.group;
    if (!this.#at || !group) return;
    // What the map remembers of the row is worth having from now on.
    mapState.remembered.value = true;
    this.#ask(this.#at.row, nowMs);
    const key = [this.#at.row, group, this.#corner, answer?.t, answer?.row, this.#history?.text].join();
    if (key === this.#told.key && nowMs - this.#told.ms < WORDS_MS) return;
    this.#told = { key, ms: nowMs };
    const words = describeRow(market, this.#at, answer, nowMs);
    rowState.card.value = words && {
      ...words,
      history: this.#historyOf(this.#at, group, appearance),
      corner: this.#corner,
    };
  }

  #ask(row: number, nowMs: number): void {
    const since = nowMs - this.#asked.ms;
    if (since < ASK_EVERY_MS || (row === this.#asked.row && since < REFRESH_MS)) return;
    this.#asked = { row, ms: nowMs };
    this.#app.askRow(row);
  }

  #historyOf(at: LadderRow, group: number, appearance: Appearance): RowCard["history"] {
    const { market, map } = this.#app;
    const { facts, venue, state } = market;
    const data = facts && map.data(facts.symbol, venue);
    const topUsd = state?.bands?.heat_top_usd ?? 0;
    if (!data || topUsd <= 0) return null;
    const { heat: colours, ground } = appearance;
    const key = [at.row, at.above, group, data.version, topUsd, colours, ground].join();
    if (key === this.#historyKey) return this.#history;
    this.#historyKey = key;
    const tick = stepValue(facts.tick);
    const { low, high } = ticksOf(at, group);
    const pixels = heatPixels(paletteOf(appearance), "both", topUsd).short;
    const heat = heatBetween(data, low * tick, high * tick);
    this.#history = {
      pixels: Uint32Array.from(heat, (usd) => pixels[codeOf(usd)] as number),
      text: strings.rowHistory(spanText(data)),
    };
    return this.#history;
  }
}
