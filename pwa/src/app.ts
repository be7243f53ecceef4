/** Joins the parts: what is wanted, what comes over the wire, what is shown and kept. */

import { batch } from "@preact/signals";
import { duration, price } from "./format.ts";
import { chooseGroup, nextGroup } from "./model/grouping.ts";
import { Market } from "./model/market.ts";
import { loadPreferences, type Preferences, savePreferences } from "./model/preferences.ts";
import { restoreSnapshot, saveSnapshot } from "./model/snapshot.ts";
import type { Store } from "./model/store.ts";
import { Connection, type Socket } from "./net/connection.ts";
import type { Hello, RefusalCode, SymbolFacts } from "./net/frames.ts";
import { Live, type Stream } from "./net/live.ts";
import { writeTouch } from "./ui/touch.ts";

const DEPTH = 80;
const HZ = 10;
const AGE_EVERY_MS = 200;
const SAVE_EVERY_MS = 5_000;
const NOTICE_MS = 8_000;
const ALL_VENUES = "all";

export class App {
  readonly market = new Market();
  readonly #store: Store;
  readonly #storage: Storage;
  readonly #connection: Connection;
  readonly #live: Live;
  /** Has the picture drawn again. */
  #redraw: () => void = () => {};
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, storage: Storage, openSocket: () => Socket) {
    this.#store = store;
    this.#storage = storage;
    this.#connection = new Connection(openSocket, {
      state: (state) => {
        this.#live.connection(state);
        store.connection.value = state;
      },
      message: (bytes) => this.#live.message(bytes),
      ping: (number) => this.#live.ping(number),
      watching: (watching) => this.#live.watching(watching),
    });
    this.#live = new Live((bytes) => this.#connection.send(bytes), {
      hello: (hello) => this.#greeted(hello),
      shown: (stream) => this.#shown(stream),
      frame: () => this.#framed(),
      state: (stream) => this.#stated(stream),
      refused: (code, text) => this.#refused(code, text),
      notice: (_symbol, _kind, text) => this.#notice(text),
      pong: (number) => this.#connection.answered(number),
    });
    store.preferences.value = loadPreferences(storage);
  }

  /** Shows the kept picture, then connects; runs until the page is gone. */
  start(redraw: () => void): void {
    this.#redraw = redraw;
    if (restoreSnapshot(this.#storage, this.market, performance.now(), Date.now())) this.#publishView();
    setInterval(() => this.#publishAge(), AGE_EVERY_MS);
    setInterval(() => this.#keep(), SAVE_EVERY_MS);
    this.#publishAge();
    this.#connection.start();
  }

  shown(): void {
    this.#connection.shown();
  }

  hidden(): void {
    this.#keep();
    this.#connection.hidden();
  }

  /** The network came back, or the user asks for another attempt. */
  wake(): void {
    this.#connection.wake();
  }

  prefer(change: Partial<Preferences>): void {
    const preferences = { ...this.#store.preferences.value, ...change };
    this.#store.preferences.value = preferences;
    savePreferences(this.#storage, preferences);
    this.#redraw();
  }

  chooseSymbol(symbol: string): void {
    this.prefer({ symbol });
    this.#want();
  }

  /** Goes to the symbol before or after the one in view; the list is a ring. */
  stepSymbol(direction: 1 | -1): void {
    const symbols = this.#store.hello.value?.symbols ?? [];
    const at = symbols.findIndex((it) => it.symbol === this.#store.facts.value?.symbol);
    if (symbols.length < 2 || at < 0) return;
    const next = symbols[(at + direction + symbols.length) % symbols.length];
    if (next) this.chooseSymbol(next.symbol);
  }

  chooseVenue(venue: string): void {
    this.prefer({ venue });
    this.#want();
  }

  /** Makes rows coarser (+1) or finer (-1); returns whether there is such a step. */
  stepGroup(direction: 1 | -1): boolean {
    const facts = this.#store.facts.value;
    if (!facts) return false;
    const wanted = this.#groupOf(facts);
    const next = nextGroup(facts.groups, wanted, direction);
    if (next === null) return false;
    this.prefer({ groups: { ...this.#store.preferences.value.groups, [facts.symbol]: next } });
    this.#want();
    return true;
  }

  #groupOf(facts: SymbolFacts): number {
    return chooseGroup(facts.groups, facts.group, this.#store.preferences.value.groups[facts.symbol]);
  }

  #want(): void {
    const symbols = this.#store.hello.value?.symbols ?? [];
    const { symbol, venue } = this.#store.preferences.value;
    const facts = symbols.find((it) => it.symbol === symbol) ?? symbols[0];
    if (!facts) return;
    const known = venue === ALL_VENUES || facts.venues.includes(venue) ? venue : ALL_VENUES;
    if (facts.symbol !== this.market.facts?.symbol || known !== this.market.venue) {
      // Never one market's book under another's name.
      this.market.clear();
      this.market.facts = facts;
      this.market.venue = known;
      this.#publishView();
    }
    this.#live.want({
      symbol: facts.symbol,
      venue: known,
      group: this.#groupOf(facts),
      depth: DEPTH,
      hz: HZ,
    });
  }

  #greeted(hello: Hello): void {
    this.#store.hello.value = hello;
    const held = this.market.facts;
    const told = hello.symbols.find((it) => it.symbol === held?.symbol);
    if (held && told) {
      const same = sameSteps(held, told);
      // In other steps the ticks and lots held would be wrong numbers.
      if (!same) this.market.clear();
      this.market.facts = told;
      this.#publishView();
      if (!same) this.#live.restart();
    }
    this.#want();
  }

  #shown(stream: Stream): void {
    const facts = this.#store.hello.value?.symbols.find((it) => it.symbol === stream.key.symbol);
    if (!facts) return;
    this.market.show(facts, stream.key.venue, stream.ladder, stream.state);
    this.market.took(performance.now());
    this.#publishView();
  }

  #framed(): void {
    this.market.took(performance.now());
    this.#publishFrame();
  }

  #stated(stream: Stream): void {
    this.market.state = stream.state;
    this.#store.state.value = stream.state;
    this.#redraw();
  }

  #refused(code: RefusalCode, text: string): void {
    if (code === "unknown_venue") this.chooseVenue(ALL_VENUES);
    else this.#notice(text);
  }

  #notice(text: string): void {
    this.#store.notice.value = text;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      this.#store.notice.value = "";
    }, NOTICE_MS);
  }

  #keep(): void {
    saveSnapshot(this.#storage, this.market, performance.now(), Date.now());
  }

  /** Tells the page about another ladder. */
  #publishView(): void {
    const { facts, venue, ladder, state } = this.market;
    batch(() => {
      this.#store.facts.value = facts;
      this.#store.venue.value = venue;
      this.#store.state.value = state;
      this.#store.hasLadder.value = ladder !== null;
      if (ladder) this.#store.group.value = ladder.group;
      this.#publishFrame();
    });
  }

  /** Tells the page about another frame of the same ladder. */
  #publishFrame(): void {
    const { facts, ladder } = this.market;
    const tick = this.market.priceTick();
    batch(() => {
      this.#store.last.value = facts && tick ? price(tick, facts.tick) : "";
      this.#store.lastRow.value = ladder ? Math.round(tick / ladder.group) : 0;
      this.#store.flags.value = ladder?.flags ?? 0;
      this.#publishAge();
    });
    writeTouch(this.market);
    this.#redraw();
  }

  #publishAge(): void {
    const nowMs = performance.now();
    const before = this.#store.freshness.value;
    batch(() => {
      this.#store.age.value = this.market.ladder ? duration(this.market.ageMs(nowMs)) : "";
      this.#store.freshness.value = this.market.freshness(nowMs);
    });
    if (this.#store.freshness.value !== before) this.#redraw();
  }
}

function sameSteps(one: SymbolFacts, other: SymbolFacts): boolean {
  return String([one.tick, one.lot]) === String([other.tick, other.lot]);
}
