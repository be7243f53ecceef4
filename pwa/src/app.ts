/** Joins the parts: what is wanted, what comes over the wire, what is shown and kept. */

import { batch } from "@preact/signals";
import { loadInbox } from "./alerts/client.ts";
import { decimalsOf, duration, price, stepValue } from "./format.ts";
import { flow, flowState, type Held, printUsd, serverNowMs, tapeFreshness } from "./model/flow.ts";
import { restoreFlow, saveFlow } from "./model/flow_snapshot.ts";
import type { Freshness } from "./model/freshness.ts";
import { chooseGroup, nextGroup } from "./model/grouping.ts";
import { MapFeed } from "./model/map_feed.ts";
import { mapState, restoreMapChoice } from "./model/map_state.ts";
import { Market } from "./model/market.ts";
import { Marks, type MarkTick, markTick } from "./model/marks.ts";
import { loadPreferences, type Preferences, savePreferences, watchlistOf } from "./model/preferences.ts";
import { quoteAgeMs, quoteFreshness, quotesWith, restoreQuotes, saveQuotes } from "./model/quotes.ts";
import { type Screen, tabOf, wishesOf } from "./model/screens.ts";
import { Seen } from "./model/seen.ts";
import { Sessions } from "./model/session.ts";
import { restoreSnapshot, saveSnapshot } from "./model/snapshot.ts";
import type { Cluster } from "./model/state.ts";
import type { Store } from "./model/store.ts";
import { Connection, type ConnectionFacts, type Socket } from "./net/connection.ts";
import {
  FLAG_SIMULATED,
  FRESHNESS_LIVE,
  type Hello,
  type RefusalCode,
  type RowFacts,
  type SymbolFacts,
} from "./net/frames.ts";
import { Live } from "./net/live.ts";
import type { Mark } from "./net/marks_frames.ts";
import type { LadderStream, Stream } from "./net/streams.ts";
import type { TapeModel } from "./net/tape_frames.ts";
import type { Opened } from "./push/opened.ts";
import { strings } from "./strings.ts";
import { writeTouch } from "./ui/touch.ts";

/** Rows a side and frames a second of the ladder, and what they are to save data. */
const FULL = { depth: 80, hz: 10 } as const;
const SAVING = { depth: 30, hz: 2 } as const;
/** How often the page's age is told while no frames come; while they do, once a second. */
const AGE_EVERY_MS = 500;
/** What comes within a frame of the screen is a burst. */
const BURST_MS = 16;
/** Frames of the ladder come faster than this while there are any. */
const FLOWING_MS = 250;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const SAVE_EVERY_MS = 15_000;
const NOTICE_MS = 8_000;
const ALL_VENUES = "all";

export class App {
  readonly market = new Market();
  readonly map = new MapFeed(() => this.#redraw());
  readonly marks: Marks;
  /** The answer to the last row asked for. */
  row: RowFacts | null = null;
  /** What an alert led to and was not shown yet. */
  opened: Opened | null = null;
  readonly #store: Store;
  readonly #storage: Storage;
  readonly #sessions: Sessions;
  readonly #connection: Connection;
  readonly #live: Live;
  /** Has the picture drawn again, with the screen's next frame or at once. */
  #redraw: (nowMs?: number) => void = () => {};
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  #publishing = 0;
  /** When a frame of the ladder was last shown, and whether slow facts have come since that wait for the next one. */
  #shownMs = Number.NEGATIVE_INFINITY;
  #unshown = false;
  /** Server time of the watchlist's last frame, Unix ms; 0 before one. */
  #quotedMs = 0;
  /** When the page was last told of a frame, on the clock of `performance.now()`. */
  #toldMs = Number.NEGATIVE_INFINITY;
  /** What the head of the screen shows: most frames bring nothing new to it. */
  readonly #headSeen = new Seen();
  readonly #marksSeen = new Seen();
  #markTicks: readonly MarkTick[] = [];
  /** The opened alert whose live book is in view. */
  #alert: { readonly symbol: string; readonly group: number } | null = null;

  constructor(store: Store, storage: Storage, openSocket: () => Socket) {
    this.#store = store;
    this.#storage = storage;
    this.marks = new Marks(storage);
    this.#sessions = new Sessions(storage);
    this.#connection = new Connection(openSocket, {
      state: (state) => {
        this.#live.connection(state);
        if (state !== "open") this.marks.lost();
        store.connection.value = state;
      },
      message: (bytes) => this.#live.message(bytes),
      ping: (number) => this.#live.ping(number),
      watching: (watching) => this.#live.watching(watching),
    });
    this.#live = new Live((bytes) => this.#connection.send(bytes), {
      hello: (hello) => this.#greeted(hello),
      shown: (stream) => this.#shown(stream),
      frame: (stream) => this.#framed(stream),
      state: (stream) => this.#stated(stream),
      row: (row) => {
        this.row = row;
        this.#redraw();
      },
      kept: (ref) => void this.marks.answered(ref),
      refused: (code, text, ref) => {
        this.marks.answered(ref);
        this.#refused(code, text);
      },
      notice: (_symbol, kind, text) => {
        this.#notice(text);
        if (kind === "alert") void loadInbox();
      },
      pong: (number, serverMs) => this.#connection.answered(number, serverMs),
    });
    store.preferences.value = loadPreferences(storage);
    restoreMapChoice(storage);
    mapState.choice.subscribe(() => this.#want());
    mapState.beside.subscribe(() => this.#want());
    mapState.remembered.subscribe(() => this.#want());
    this.marks.shown.subscribe(() => this.#redraw());
  }

  /** Shows the kept picture, then connects; runs until the page is gone. */
  start(redraw: (nowMs?: number) => void): void {
    this.#redraw = redraw;
    const [nowMs, wallMs] = [performance.now(), Date.now()];
    this.#store.quotes.value = restoreQuotes(this.#storage, nowMs, wallMs);
    if (restoreSnapshot(this.#storage, this.market, nowMs, wallMs)) this.#publishView();
    this.#restoreFlow();
    this.map.restore(this.#storage, nowMs, wallMs);
    this.#tickLater();
    // Each in a task of its own: together they would hold up a slow phone.
    setInterval(() => {
      for (const keep of this.#keepers()) setTimeout(keep);
    }, SAVE_EVERY_MS);
    this.#publishHeadline();
    this.#connection.start();
  }

  /** The page's elements are there: tells them what came before they were. */
  rendered(): void {
    this.#publishFrame();
  }

  shown(): void {
    this.#connection.shown();
  }

  hidden(): void {
    this.#sessions.away();
    this.#keep();
    this.#keepFlow();
    this.#connection.hidden();
  }

  /** The network came back, or the user asks for another attempt. */
  wake(): void {
    this.#connection.wake();
  }

  /** Another screen is in view: its streams are asked for, those of the one before are left. */
  visit(screen: Screen): void {
    if (this.#store.screen.value === "flow") this.#keepFlow();
    this.#store.screen.value = screen;
    document.title = strings.title({ ...strings.tabs, settings: strings.settings, ...strings.pages }[screen]);
    const tab = tabOf(screen);
    if (tab) this.prefer({ tab });
    this.#want();
  }

  /** A price was tapped; marks within so many ticks of it count as there. */
  tap(tick: number, within: number): void {
    this.#store.tapped.value = { tick, within };
    this.#store.sheet.value = "price";
  }

  /** Marks a price of the market in view, here at once and on the server as soon as it hears of it. */
  mark(tick: number, label: string): void {
    const { facts } = this.market;
    if (!facts) return;
    const text = (tick * stepValue(facts.tick)).toFixed(decimalsOf(facts.tick));
    this.marks.put(facts.symbol, text, label);
    this.#flush();
  }

  unmark(mark: Mark): void {
    this.marks.remove(mark);
    this.#flush();
  }

  /** Marks of the market in view: the user's own, and where the day began densest; the same list while none changes. */
  markTicks(): readonly MarkTick[] {
    const { facts, state } = this.market;
    // A picture kept from yesterday begins no day.
    const live = this.#store.freshness.value !== "stale";
    const shown = this.marks.shown.value;
    const minute = Math.floor(Date.now() / MINUTE_MS);
    if (this.#marksSeen.begin().add(facts).add(state).add(live).add(shown).add(minute).differs())
      this.#markTicks = facts ? this.#marksOf(facts, live ? (state?.clusters ?? []) : [], shown) : [];
    return this.#markTicks;
  }

  #marksOf(facts: SymbolFacts, clusters: readonly Cluster[], shown: readonly Mark[]): readonly MarkTick[] {
    const own = shown
      .filter((it) => it.symbol === facts.symbol)
      .map((it) => ({ tick: markTick(it, facts), text: it.label || strings.mark1 }));
    const first = this.#sessions
      .premarks(facts.symbol, facts.tick.join(), clusters, Date.now())
      .map(({ side, peak }) => ({ tick: peak, text: strings.premark[side] }));
    return [...first, ...own];
  }

  #flush(): void {
    this.marks.flush((order) => this.#live.order(order));
  }

  /** With the second of the page's clock, in which ages on the picture change too. */
  #tickLater(): void {
    setTimeout(
      () => {
        this.#tickLater();
        this.#tick();
      },
      SECOND_MS - (performance.now() % SECOND_MS),
    );
  }

  /** What changes once a second, all of it at once: between two seconds frames have the page to themselves. */
  #tick(): void {
    this.#connection.tick();
    // While frames come, each tells the page how fresh it is.
    if (performance.now() - this.#toldMs >= AGE_EVERY_MS)
      setTimeout(() => this.#publishFrame(), AGE_EVERY_MS);
    batch(() => {
      this.#store.second.value += 1;
      this.#publishFrame();
    });
    if (this.#unshown) this.#redraw();
    this.#unshown = false;
    this.#look();
  }

  /** The market in view is looked at: after a long while what was known of it may be wrong. */
  #look(): void {
    const { screen, last, freshness, facts, lookAgain } = this.#store;
    const looking = (screen.value === "ladder" || screen.value === "map") && freshness.value !== "stale";
    if (!looking || !facts.value || !last.value || document.visibilityState !== "visible") {
      if (screen.value !== "ladder" && screen.value !== "map") this.#sessions.away();
      return;
    }
    const price = this.priceTick() * stepValue(facts.value.tick);
    const again = this.#sessions.look(facts.value.symbol, price, Date.now());
    if (again !== undefined) lookAgain.value = again;
  }

  /** How the connection does. */
  get connection(): ConnectionFacts {
    return this.#connection.facts;
  }

  /** Asks for another round trip where there is a connection. */
  measure(): void {
    if (this.#store.connection.value === "open") this.#connection.wake();
  }

  prefer(change: Partial<Preferences>): void {
    const preferences = { ...this.#store.preferences.value, ...change };
    this.#store.preferences.value = preferences;
    savePreferences(this.#storage, preferences);
    if ("saver" in change) this.#want();
    this.#redraw();
  }

  chooseSymbol(symbol: string): void {
    this.prefer({ symbol });
    this.#want();
  }

  /** Goes to the market of an alert; its row is shown as soon as there is a ladder. */
  open(opened: Opened): void {
    this.opened = opened;
    this.chooseSymbol(opened.symbol);
  }

  /** Follows the book of a market in the rows of an opened alert, as long as that is in view; null leaves it. */
  followAlert(then: { readonly symbol: string; readonly group: number } | null): void {
    this.#alert = then;
    if (then) this.prefer({ symbol: then.symbol });
    this.#want();
  }

  /** Asks what a row of the ladder in view is made of; the answer has the picture drawn again. */
  askRow(row: number): void {
    const { facts, ladder } = this.market;
    if (facts && ladder) this.#live.askRow({ kind: "row", symbol: facts.symbol, group: ladder.group, row });
  }

  /** Watches these symbols, in this order. */
  watch(symbols: readonly string[]): void {
    this.prefer({ watchlist: symbols });
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
    const alert = this.#alert;
    if (alert?.symbol === facts.symbol && facts.groups.includes(alert.group)) return alert.group;
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
      this.#clearFlow();
      this.market.facts = facts;
      this.market.venue = known;
      this.#publishView();
    }
    const looked = {
      symbol: facts.symbol,
      venue: known,
      group: this.#groupOf(facts),
      ...(this.#store.preferences.value.saver ? SAVING : FULL),
      watchlist: watchlistOf(
        this.#store.preferences.value,
        symbols.map((it) => it.symbol),
      ),
      hours: mapState.choice.value.hours,
      opened: mapState.choice.value.opened,
      alertToo: this.#alert !== null,
      mapToo: mapState.beside.value || mapState.remembered.value,
    };
    this.#live.want(wishesOf(this.#store.screen.value, looked));
  }

  #clearFlow(): void {
    [flow.tape, flow.pulse] = [null, null];
    batch(() => {
      flowState.sums.value = null;
      flowState.freshness.value = "fresh";
      flowState.hasTape.value = false;
      flowState.hasPulse.value = false;
    });
  }

  #greeted(hello: Hello): void {
    this.#store.hello.value = hello;
    flow.venues = hello.venues;
    this.#flush();
    const held = this.market.facts;
    const told = hello.symbols.find((it) => it.symbol === held?.symbol);
    if (held && told) {
      const same = sameSteps(held, told);
      // In other steps the ticks and lots held would be wrong numbers.
      if (!same) {
        this.market.clear();
        this.map.clear();
        this.#clearFlow();
      }
      this.market.facts = told;
      this.#publishView();
      if (!same) this.#live.restart();
    }
    this.#want();
  }

  #shown(stream: Stream): void {
    if (stream.kind === "ladder") this.#shownLadder(stream);
    else if (stream.kind === "map") this.map.show(stream.key, stream.model);
    else this.#framed(stream);
  }

  #shownLadder(stream: LadderStream): void {
    const facts = this.#store.hello.value?.symbols.find((it) => it.symbol === stream.key.symbol);
    if (!facts) return;
    this.market.show(facts, stream.key.venue, stream.model, stream.state);
    this.market.took(performance.now());
    this.#publishView();
  }

  #framed(stream: Stream): void {
    switch (stream.kind) {
      case "ladder": {
        const nowMs = performance.now();
        this.market.took(nowMs);
        this.#publishSoon(nowMs);
        break;
      }
      case "glance":
        this.#store.quotes.value = quotesWith(
          this.#store.quotes.value,
          stream.key.symbols,
          stream.model,
          this.#store.hello.value?.symbols ?? [],
          performance.now(),
        );
        this.#quotedMs = stream.model.tMs;
        // Head and picture of the ladder show nothing of it.
        if (this.#store.screen.value !== "ladder") {
          this.#publishHeadline();
          this.#redrawSoon();
        }
        break;
      case "map":
        // The map tells by itself when it is unpacked.
        break;
      case "marks":
        this.marks.told(stream.model.marks);
        break;
      case "tape":
        flow.tape = { ...stream.key, model: stream.model, atMs: performance.now() };
        this.#publishTape(flow.tape);
        break;
      case "pulse":
        flow.pulse = { ...stream.key, venue: ALL_VENUES, model: stream.model, atMs: performance.now() };
        flowState.hasPulse.value = true;
        this.#redraw();
        break;
    }
  }

  /** Too much to be written down every few seconds: it is when the screen is left. */
  #keepFlow(): void {
    saveFlow(this.#storage, this.market.facts, performance.now(), Date.now());
  }

  #restoreFlow(): void {
    const { facts, venue } = this.market;
    if (!facts || !restoreFlow(this.#storage, facts, venue, performance.now(), Date.now())) return;
    flowState.hasTape.value = flow.tape !== null;
    flowState.hasPulse.value = flow.pulse !== null;
  }

  /** Tells the page what the last minute held; a large print is heard where that is wanted. */
  #publishTape(held: Held<TapeModel>): void {
    const { facts } = this.market;
    if (!facts || facts.symbol !== held.symbol) return;
    const usdOf = printUsd(facts);
    batch(() => {
      flowState.hasTape.value = true;
      flowState.floorUsd.value = held.model.floorUsd;
      flowState.freshness.value = tapeFreshness(held, performance.now());
      flowState.sums.value = held.model.sums(serverNowMs(held, performance.now()), usdOf);
    });
    if (flowState.sound.value) {
      const { fresh } = held.model;
      const { largeUsd } = this.#store.preferences.value;
      void import("./sound.ts").then((it) => it.sound(fresh, usdOf, largeUsd));
    }
    this.#redraw();
  }

  #stated(stream: Stream): void {
    this.market.state = stream.state;
    this.#store.state.value = stream.state;
    this.#publishHeadline();
    this.#redrawSoon();
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
    for (const keep of this.#keepers()) keep();
  }

  #keepers(): readonly (() => void)[] {
    return [
      () => saveSnapshot(this.#storage, this.market, performance.now(), Date.now()),
      () => this.#sessions.keep(),
      () => saveQuotes(this.#storage, this.#store.quotes.value, performance.now(), Date.now()),
      () => void this.map.keep(this.#storage, performance.now(), Date.now()),
    ];
  }

  /** Tells the page about another ladder. */
  #publishView(): void {
    const { facts, venue, ladder, state } = this.market;
    batch(() => {
      this.#store.facts.value = facts;
      this.#store.venue.value = venue;
      this.#store.state.value = state;
      if (ladder) this.#store.group.value = ladder.group;
      this.#publishFrame();
    });
    this.#redraw();
  }

  /**
   * Tells the page about another frame of the same ladder, together with the picture of it; its words can wait.
   * What comes alone is shown at once, for the browser shows it with its next frame: to be called then costs
   * as much as a small picture.  Of what comes in a burst, and to a page nobody sees, the last is shown.
   */
  #publishSoon(nowMs: number): void {
    if (this.#publishing) return;
    if (nowMs - this.#shownMs > BURST_MS && document.visibilityState === "visible") {
      this.#showFrame(nowMs);
      return;
    }
    this.#publishing = requestAnimationFrame(() => {
      this.#publishing = 0;
      this.#showFrame(performance.now());
    });
  }

  #showFrame(nowMs: number): void {
    this.#shownMs = nowMs;
    this.#unshown = false;
    this.#publishHeadline(false, nowMs);
    this.#redraw(nowMs);
  }

  /** While frames of the ladder come, slow facts are painted with the next one; they need no picture of their own. */
  #redrawSoon(): void {
    this.#unshown = performance.now() - this.#shownMs < FLOWING_MS;
    if (!this.#unshown) this.#redraw();
  }

  #publishFrame(): void {
    this.#store.hasLadder.value = this.market.priceTick() !== 0;
    this.#publishHeadline();
    writeTouch(this.market);
  }

  /** The last price of the symbol in view in ticks, 0 while none is known. */
  priceTick(): number {
    return this.#headline(performance.now()).tick;
  }

  /** What is newest of the symbol in view: the ladder's book, or on other screens the watchlist's row. */
  #headline(nowMs: number): Headline {
    const { market } = this;
    const ladderAgeMs = market.ladder ? market.ageMs(nowMs) : Number.POSITIVE_INFINITY;
    const quote = market.facts && this.#store.quotes.value.get(market.facts.symbol);
    if (quote && this.#store.screen.value !== "ladder" && quoteAgeMs(quote, nowMs) < ladderAgeMs) {
      return {
        tick: quote.row.last,
        day: quote.row.day,
        ageMs: quoteAgeMs(quote, nowMs),
        freshness: quoteFreshness(quote, nowMs),
        flags: FRESHNESS_LIVE | (quote.simulated ? FLAG_SIMULATED : 0),
      };
    }
    return {
      tick: market.priceTick(),
      day: market.state?.day ?? null,
      ageMs: market.ladder ? ladderAgeMs : null,
      freshness: market.freshness(nowMs),
      flags: market.ladder?.flags ?? 0,
    };
  }

  /** When what is in view was recorded, where this is a replay. */
  #recordedMs(): number {
    if (this.#store.hello.value?.market !== "replay") return 0;
    const screen = this.#store.screen.value;
    const ofLadder = screen === "ladder" && this.market.ladder;
    const ofTape = screen === "flow" && flow.tape?.model;
    const tMs = (ofLadder || ofTape || null)?.tMs ?? this.#quotedMs;
    return Math.floor(tMs / SECOND_MS) * SECOND_MS;
  }

  /** Tells the page the price in the head of the screen, and how old it is; of what is fresh that can wait. */
  #publishHeadline(aged = true, nowMs = performance.now()): void {
    const { facts, ladder } = this.market;
    this.#toldMs = nowMs;
    const { tick, day, ageMs, freshness, flags } = this.#headline(nowMs);
    const recordedMs = this.#recordedMs();
    const before = this.#store.freshness.value;
    if (flow.tape) flowState.freshness.value = tapeFreshness(flow.tape, nowMs);
    const seen = this.#headSeen.begin().add(facts).add(ladder?.group).add(recordedMs);
    const differs = seen.add(tick).add(day).add(flags).add(freshness).differs();
    if (!differs && !aged && freshness === "fresh") return;
    batch(() => {
      this.#store.last.value = facts && tick ? price(tick, facts.tick) : "";
      this.#store.lastRow.value = ladder ? Math.round(tick / ladder.group) : 0;
      this.#store.recordedMs.value = recordedMs;
      this.#store.day.value = day;
      this.#store.flags.value = flags;
      if (aged || freshness !== "fresh" || before !== "fresh")
        this.#store.age.value = ageMs === null ? "" : duration(ageMs);
      this.#store.freshness.value = freshness;
    });
    if (freshness !== before) this.#redraw();
  }
}

interface Headline {
  readonly tick: number;
  readonly day: number | null;
  /** Null while there is nothing. */
  readonly ageMs: number | null;
  readonly freshness: Freshness;
  readonly flags: number;
}

function sameSteps(one: SymbolFacts, other: SymbolFacts): boolean {
  return String([one.tick, one.lot]) === String([other.tick, other.lot]);
}
