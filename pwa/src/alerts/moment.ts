/** The screen of a market as it was when an alert fired, read from what the server kept of it. */

import { signal } from "@preact/signals";
import type { Freshness } from "../model/freshness.ts";
import { Market } from "../model/market.ts";
import type { MarkTick } from "../model/marks.ts";
import { type Store, store } from "../model/store.ts";
import {
  amount,
  decode,
  FLAG_FRESHNESS,
  FRESHNESS_LIVE,
  FrameError,
  LadderModel,
  map,
  type SymbolFacts,
  text,
  whole,
} from "../net/frames.ts";
import { decode as unpack } from "../net/msgpack.ts";
import type { LadderApp, LadderStore } from "../screens/ladder_view.ts";
import { signalWords } from "./signals.ts";

/** A market that no longer moves does not age: it is as fresh as its book was then. */
class MarketThen extends Market {
  override freshness(): Freshness {
    return ((this.ladder?.flags ?? 0) & FLAG_FRESHNESS) === FRESHNESS_LIVE ? "fresh" : "stale";
  }
}

export interface Moment {
  /** Unix ms. */
  readonly atMs: number;
  /** Price of the row it was about; null for none. */
  readonly target: number | null;
  readonly market: Market;
  /** What book and flow did, in words. */
  readonly signals: readonly string[];
}

/** Reads what /api/moments answers; throws FrameError or RangeError when it is none. */
export function readMoment(bytes: Uint8Array, nowMs: number): Moment {
  const told = map(unpack(bytes));
  const key = map(told.key);
  const facts = map(told.facts) as unknown as SymbolFacts;
  const frame = decode(bytesOf(told.ladder));
  const state = decode(bytesOf(told.state));
  if (frame.type !== "keyframe" || state.type !== "state")
    throw new FrameError("expected a keyframe and a state");
  const ladder = new LadderModel(whole(key.group), whole(key.depth));
  ladder.apply(frame);
  const market = new MarketThen();
  market.show(facts, text(key.venue), ladder, state.state);
  market.took(nowMs);
  return {
    atMs: whole(told.at),
    target: told.target === null ? null : amount(told.target),
    market,
    signals: signalWords(told.signals),
  };
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FrameError("expected a frame");
  return value;
}

/** One list for all asks: another one would have all marks painted again. */
const NO_MARKS: readonly MarkTick[] = [];

/** What the ladder's picture needs of the app, for a moment: nothing can be asked or changed but where price is now. */
export function appOf({ market, target }: Moment): LadderApp & { now: LadderApp["now"] } {
  const symbol = market.facts?.symbol ?? "";
  return {
    market,
    opened: { symbol, price: target, alert: null },
    markTicks: () => NO_MARKS,
    now: null,
    row: null,
    askRow: () => {},
    map: { data: () => null },
    tap: () => {},
    stepSymbol: () => {},
    stepGroup: () => false,
  };
}

/** What the ladder's picture needs of the app for the live book in a moment's rows, which stay as they are. */
export function liveOf(app: LadderApp, opened: NonNullable<LadderApp["opened"]>): LadderApp {
  return {
    get market() {
      return app.market;
    },
    get row() {
      return app.row;
    },
    get map() {
      return app.map;
    },
    opened,
    markTicks: () => app.markTicks(),
    askRow: (row) => app.askRow(row),
    tap: (tick, within) => app.tap(tick, within),
    stepSymbol: () => {},
    stepGroup: () => false,
  };
}

/** What the picture tells the elements around it: signals of its own, beside those of the live ladder. */
export function storeOf({ market }: Moment) {
  return {
    preferences: store.preferences,
    facts: signal(market.facts),
    group: signal(market.ladder?.group ?? 1),
    state: signal(market.state),
    range: signal({ lo: 0, hi: 0 }),
    unit: signal("M"),
    barUsd: signal(0),
    following: signal(true),
    priceAt: signal<"above" | "inside" | "below">("inside"),
  } satisfies LadderStore & Pick<Store, "facts" | "group" | "state">;
}
