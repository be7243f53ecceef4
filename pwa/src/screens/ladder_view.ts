/** What the ladder's picture shows, and everything that moves it: a camera, fingers and keys. */

import { batch } from "@preact/signals";
import type { App } from "../app.ts";
import { Camera } from "../draw/camera.ts";
import { type Columns, columnsOf } from "../draw/columns.ts";
import type { OwnMark } from "../draw/marks.ts";
import { NextFrame } from "../draw/next_frame.ts";
import { PLAIN } from "../draw/palette.ts";
import { BarScale } from "../draw/scale.ts";
import type { Size } from "../draw/surface.ts";
import { type ColumnUnit, columnUnit, stepValue } from "../format.ts";
import { boundaryOf } from "../model/boundary.ts";
import { LadderRows } from "../model/ladder_rows.ts";
import type { Market } from "../model/market.ts";
import { appearanceOf, type Preferences } from "../model/preferences.ts";
import { Seen } from "../model/seen.ts";
import { type Cluster, knownRows, type RowRange, type StreamState } from "../model/state.ts";
import type { Store } from "../model/store.ts";
import { Stage } from "../paint/stage.ts";
import { Fling } from "../touch/fling.ts";
import { Gestures, type Pinch, type Zone } from "../touch/gestures.ts";
import { readPointers } from "../touch/pointers.ts";
import { Steps } from "../touch/steps.ts";
import { fetched, soon } from "../ui/lazy.tsx";
import type { RowInspector, RowSource } from "./row_inspector.ts";

const ROW_HEIGHT = 20;
const ROW_HEIGHT_DENSE = 18;
const MID_HEIGHT = 30;
const MID_HEIGHT_DENSE = 26;
/** A pane lower than this shows dense rows. */
const DENSE_BELOW_PX = 360;
const WHEEL_STEP_PX = 60;
/** Fingers so much farther apart are one step of grouping. */
const PINCH_STEP = 1.35;
/** So far along the price column is one step of grouping. */
const AXIS_STEP_PX = 44;
const HAPTIC_MS = 8;
const inspector = soon(fetched(() => import("./row_inspector.ts")));
const NO_CLUSTERS: readonly Cluster[] = [];
/** Volume bars grow with the longest one and shrink only when all are much shorter. */
const VOLUME_SHRINK = 0.6;

/** What the picture needs of the app; the book of a past moment has no more than this. */
export interface LadderApp
  extends RowSource,
    Pick<App, "opened" | "markTicks" | "tap" | "stepSymbol" | "stepGroup"> {
  /** Where price is now, in ticks, over a book of the past. */
  readonly now?: { readonly tick: number; readonly text: string } | null;
}
export type LadderStore = Pick<Store, "preferences" | "range" | "unit" | "barUsd" | "following" | "priceAt">;

export class LadderView {
  readonly #app: LadderApp;
  readonly #store: LadderStore;
  readonly #host: HTMLElement;
  readonly #stage: Stage<"ladder">;
  #columns = columnsOf(390, 0);
  readonly #camera = new Camera();
  readonly #rows = new LadderRows();
  readonly #barScale = new BarScale();
  readonly #fling = new Fling();
  readonly #reduced = matchMedia("(prefers-reduced-motion: reduce)");
  /** Asking the browser costs more than a row. */
  #calm = this.#reduced.matches;
  readonly #gestures: Gestures;
  readonly #ended = new AbortController();
  readonly #sizes = new ResizeObserver(() => this.#resize());
  #size: Size = [1, 1, 1];
  /** How often all was to be painted again. */
  #fresh = 0;
  readonly #nextFrame = new NextFrame((nowMs) => this.#paint(nowMs));
  #unit: ColumnUnit | null = null;
  #volumeUsd = 0;
  #group = 0;
  #symbol = "";
  #venue = "";
  #preferences: Preferences | null = null;
  #bars: Preferences["bars"] = "row";
  #appearance = PLAIN;
  readonly #knownSeen = new Seen();
  #known = knownRows(null, 1);
  readonly #ownSeen = new Seen();
  #own: readonly OwnMark[] = [];
  /** What the page was told last. */
  readonly #published = new Seen();
  #publishing: ReturnType<typeof setTimeout> | undefined;
  /** The finger that rests on a row, in pixels of the pane. */
  #finger: { readonly x: number; readonly y: number } | null = null;
  /** Fetched with the first finger that rests, or when there is time. */
  #inspector: RowInspector | null = null;
  readonly #wheelSteps = new Steps(WHEEL_STEP_PX);
  readonly #pinchSteps = new Steps(Math.log(PINCH_STEP));
  readonly #axisSteps = new Steps(AXIS_STEP_PX);

  constructor(app: LadderApp, store: LadderStore, host: HTMLElement, picture: HTMLElement) {
    this.#app = app;
    this.#store = store;
    this.#host = host;
    this.#stage = new Stage("ladder", picture, 2, (columns) => this.#alignHeads(columns));
    this.#gestures = new Gestures(
      {
        press: () => this.#press(),
        drag: (_dx, dy, zone) => (zone === "price" ? this.#dragAxis(dy) : this.#scroll(dy)),
        fling: (_speedX, speedY, zone) => this.#throw(speedY, zone === "price"),
        pinch: (pinch) => this.#pinch(pinch),
        tap: (_x, y, zone) => this.#tap(y, zone),
        doubleTap: () => this.recentre(),
        inspect: (x, y) => this.#inspect(x, y),
        inspected: () => this.#inspectNothing(),
        swipe: (direction) => app.stepSymbol(direction),
      },
      {
        sideways: "swipe",
        zone: (x) => (x >= this.#columns.spineStart && x < this.#columns.spineEnd ? "price" : "body"),
      },
    );
    this.#listen();
    this.#sizes.observe(host);
    this.#resize();
  }

  end(): void {
    this.#ended.abort();
    this.#sizes.disconnect();
    this.#nextFrame.cancel();
    clearTimeout(this.#publishing);
    this.#inspector?.end();
    this.#stage.end();
  }

  /** Draws with the next frame of the screen, any number of calls once; at once for who tells the time. */
  draw(nowMs?: number): void {
    if (nowMs !== undefined && !this.#nextFrame.asked) this.#paint(nowMs);
    else this.#nextFrame.ask();
  }

  recentre(): void {
    this.#fling.stop();
    this.#camera.recentre(performance.now(), !this.#calm);
    this.draw();
  }

  /** Shows a price in the middle; price itself may be outside the picture then. */
  lookAt(tick: number): void {
    const group = this.#app.market.ladder?.group;
    if (!group) return;
    this.#fling.stop();
    this.#camera.lookAt(Math.round(tick / group), performance.now(), !this.#calm);
    this.draw();
  }

  #press(): void {
    this.#fling.stop();
    this.#pinchSteps.reset();
    this.#axisSteps.reset();
  }

  #inspect(x: number, y: number): void {
    this.#finger = { x, y };
    if (!this.#inspector) {
      // Without a network nothing can be told of the row either.
      inspector().then(
        (it) => this.#inspectWith(new it.RowInspector(this.#app)),
        () => {},
      );
      return;
    }
    const camera = this.#camera;
    const row = camera.rowAt(Math.min(Math.max(y, 0), camera.height - 1));
    const corner = `${y < camera.height / 2 ? "low" : "high"} ${x < this.#size[0] / 2 ? "right" : "left"}`;
    if (this.#inspector.point({ row, above: row > camera.boundary }, corner)) this.draw();
  }

  #inspectWith(made: RowInspector): void {
    this.#inspector ??= made;
    if (this.#finger) this.#inspect(this.#finger.x, this.#finger.y);
  }

  #inspectNothing(): void {
    this.#finger = null;
    this.#inspector?.end();
    this.draw();
  }

  #throw(speed: number, onAxis: boolean): void {
    if (onAxis || this.#calm) return;
    this.#fling.start(speed, performance.now());
    this.draw();
  }

  /** Fingers apart: finer rows; together: coarser ones. */
  #pinch({ ratio }: Pinch): void {
    const steps = this.#pinchSteps.add(-Math.log(ratio));
    for (let i = 0; i < Math.abs(steps); i++) this.#stepGroup(steps > 0 ? 1 : -1);
  }

  /** The price column pulled down shows more of the market, pulled up less. */
  #dragAxis(dy: number): void {
    const steps = this.#axisSteps.add(dy);
    for (let i = 0; i < Math.abs(steps); i++) this.#stepGroup(steps > 0 ? 1 : -1);
  }

  #tap(y: number, zone: Zone): void {
    const group = this.#app.market.ladder?.group;
    if (zone === "price" && group) this.#app.tap(this.#camera.rowAt(y) * group, group / 2);
  }

  #stepGroup(direction: 1 | -1): void {
    if (this.#app.stepGroup(direction)) navigator.vibrate?.(HAPTIC_MS);
  }

  #scroll(pixels: number): void {
    this.#camera.scrollBy(pixels);
    this.draw();
  }

  #listen(): void {
    const target = this.#host;
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      heard: (event: HTMLElementEventMap[K]) => void,
      passive = true,
    ) => target.addEventListener(name, heard, { passive, signal: this.#ended.signal });
    readPointers(target, this.#gestures, this.#ended.signal);
    on("wheel", (event) => this.#wheel(event), false);
    on("keydown", (event) => this.#key(event), false);
    this.#reduced.addEventListener(
      "change",
      () => {
        this.#calm = this.#reduced.matches;
      },
      { signal: this.#ended.signal },
    );
    const redrawAll = () => this.#resize();
    document.fonts?.addEventListener("loadingdone", redrawAll, { signal: this.#ended.signal });
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    if (!event.ctrlKey) {
      this.#fling.stop();
      this.#scroll(-event.deltaY);
      return;
    }
    const steps = this.#wheelSteps.add(event.deltaY);
    if (steps !== 0) this.#stepGroup(steps > 0 ? 1 : -1);
  }

  #key(event: KeyboardEvent): void {
    const rows = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (rows !== undefined) this.#scroll(rows * this.#camera.rowHeight);
    else if (event.key === "Home") this.recentre();
    else if (event.key === "+" || event.key === "-") this.#stepGroup(event.key === "+" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#host;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#size = [clientWidth, clientHeight, window.devicePixelRatio];
    const dense = clientHeight < DENSE_BELOW_PX;
    this.#camera.resize(
      clientHeight,
      dense ? ROW_HEIGHT_DENSE : ROW_HEIGHT,
      dense ? MID_HEIGHT_DENSE : MID_HEIGHT,
    );
    this.#gestures.resize(clientWidth);
    this.#fresh += 1;
    this.#nextFrame.cancel();
    this.#paint(performance.now());
  }

  #paint(nowMs: number): void {
    this.#dress();
    const { market } = this.#app;
    // Without any order or trade nothing says where the rows are to be.
    if (!market.ladder || !market.facts || market.priceTick() === 0) {
      this.#blank();
      return;
    }
    this.#follow(market, market.ladder.group, nowMs);
    const moving = this.#advance(nowMs);
    const { highest, lowest } = this.#camera.visible();
    const { bars } = this.#store.preferences.value;
    const sumFrom = bars === "sum" ? this.#camera.boundary : null;
    this.#rows.fill(market.ladder, market.facts, market.volume, highest, lowest, sumFrom);
    this.#rescale();
    this.#show(market, nowMs);
    this.#inspector?.update(this.#appearance, nowMs);
    this.#publishSoon(market.ladder.group, highest, lowest);
    if (moving) this.draw();
  }

  /** Takes the colours that the user chose. */
  #dress(): void {
    const preferences = this.#store.preferences.value;
    if (preferences === this.#preferences) return;
    this.#preferences = preferences;
    // Sums are of another size than rows.
    if (preferences.bars !== this.#bars) this.#rescaleAnew();
    this.#bars = preferences.bars;
    this.#appearance = appearanceOf(preferences);
  }

  /** Shows nothing until a frame of the next turn is painted. */
  #blank(): void {
    if (this.#symbol === "") return;
    this.#symbol = "";
    this.#stage.hide();
  }

  /** Brings the camera to the ladder in view: another market starts at price, another grouping stays. */
  #follow(market: Market, group: number, nowMs: number): void {
    const ladder = market.ladder;
    if (!ladder) return;
    const camera = this.#camera;
    const symbol = market.facts?.symbol ?? "";
    if (symbol !== this.#symbol || market.venue !== this.#venue) {
      if (this.#symbol !== "") this.#stage.hide();
      const traded = Math.floor(market.priceTick() / group);
      camera.boundary = boundaryOf(ladder, ladder.bidTick || ladder.askTick ? camera.boundary : traded);
      camera.recentre(nowMs, false);
      this.#rescaleAnew();
    } else if (group !== this.#group) {
      camera.regroup(this.#group, group);
      this.#rescaleAnew();
    }
    this.#symbol = symbol;
    this.#venue = market.venue;
    this.#group = group;
    this.#showOpened(market, group, nowMs);
    camera.follow(boundaryOf(ladder, camera.boundary), nowMs, !this.#calm);
  }

  /** Brings the row of an alert that was opened into the middle, once. */
  #showOpened(market: Market, group: number, nowMs: number): void {
    const opened = this.#app.opened;
    if (!opened || !market.facts || opened.symbol !== market.facts.symbol) return;
    this.#app.opened = null;
    if (opened.price === null) return;
    const tick = Math.round(opened.price / stepValue(market.facts.tick));
    this.#camera.lookAt(Math.floor(tick / group), nowMs, false);
  }

  #rescaleAnew(): void {
    this.#barScale.reset();
    this.#unit = null;
    this.#volumeUsd = 0;
  }

  /** Lets a running move or fling go on; returns whether one is running. */
  #advance(nowMs: number): boolean {
    const pixels = this.#fling.step(nowMs);
    if (pixels !== null) this.#camera.scrollBy(pixels);
    return this.#camera.step(nowMs) || pixels !== null;
  }

  #rescale(): void {
    this.#barScale.update(this.#rows.longestBar());
    const typicalUsd = this.#rows.medianShown();
    if (typicalUsd > 0 || !this.#unit) this.#unit = columnUnit(typicalUsd, this.#unit);
    const longest = this.#rows.longestVolume();
    if (longest > this.#volumeUsd || longest < this.#volumeUsd * VOLUME_SHRINK) this.#volumeUsd = longest;
  }

  #show(market: Market, nowMs: number): void {
    const { ladder, facts, state, last, walls } = market;
    if (!ladder || !facts || !this.#unit) return;
    const live = market.freshness(nowMs) !== "stale";
    const { group } = ladder;
    const bands = state?.bands ?? null;
    this.#stage.show({
      place: this.#camera.place,
      appearance: this.#appearance,
      size: this.#size,
      fresh: this.#fresh,
      facts,
      group,
      bidTick: ladder.bidTick,
      askTick: ladder.askTick,
      rows: this.#rows.packed(),
      unit: this.#unit,
      barUsd: this.#barScale.usd,
      volumeUsd: this.#volumeUsd,
      heatTopUsd: bands?.heat_top_usd ?? 0,
      factor: bands?.factor ?? 1,
      calibrated: bands?.calibrated ?? false,
      known: this.#knownOn(state, group),
      last,
      // The painter counts from the same moment, but its clock from its own start.
      flashedMs: this.#calm ? 0 : performance.timeOrigin + market.lastAtMs,
      live,
      crossed: market.crossed(nowMs),
      layout: this.#store.preferences.value.layout,
      summed: this.#store.preferences.value.bars === "sum",
      sigma: live ? market.sigma() : null,
      clusters: state?.clusters ?? NO_CLUSTERS,
      own: this.#ownMarks(group),
      walls: walls.shown,
      pulled: walls.pulled,
      now: this.#nowOn(group),
      inspected: this.#inspector?.row ?? null,
      // Ages of all walls change together; half a second from the page's own, for one frame shall not bear both.
      secondMs: Math.floor(nowMs / 1000 + 0.5) * 1000,
    });
  }

  /** The rows in which every order is known; the same object while they are the same. */
  #knownOn(state: StreamState | null, group: number): RowRange {
    if (this.#knownSeen.begin().add(state?.known).add(group).differs()) this.#known = knownRows(state, group);
    return this.#known;
  }

  /** The marks in rows; the same list while none of them changes. */
  #ownMarks(group: number): readonly OwnMark[] {
    const ticks = this.#app.markTicks();
    if (this.#ownSeen.begin().add(ticks).add(group).differs())
      this.#own = ticks.map(({ tick, text }) => ({ row: Math.round(tick / group), text }));
    return this.#own;
  }

  /** The row of the price of now: that of its side of the book in view. */
  #nowOn(group: number): OwnMark | null {
    const now = this.#app.now;
    if (!now) return null;
    const row = now.tick / group;
    return { row: row > this.#camera.boundary ? Math.ceil(row) : Math.floor(row), text: now.text };
  }

  /** Puts the column heads over the columns. */
  #alignHeads(columns: Columns): void {
    this.#columns = columns;
    const { spineStart, spineEnd, volumeEnd, side } = columns;
    const style = this.#host.closest<HTMLElement>(".ladder")?.style;
    style?.setProperty("--volume", `${volumeEnd}px`);
    style?.setProperty("--side", `${side}px`);
    style?.setProperty("--spine", `${spineEnd - spineStart}px`);
  }

  /**
   * Tells the elements around the canvas what it shows, when that is something else. In a task of its own:
   * a frame that moves has enough to do.
   */
  #publishSoon(group: number, highest: number, lowest: number): void {
    const seen = this.#published.begin().add(group).add(highest).add(lowest).add(this.#unit);
    seen.add(this.#barScale.usd).add(this.#camera.following).add(this.#priceAt());
    if (seen.differs()) this.#publishing ??= setTimeout(() => this.#publish());
  }

  #publish(): void {
    this.#publishing = undefined;
    const { highest, lowest } = this.#camera.visible();
    const group = this.#group;
    batch(() => {
      const before = this.#store.range.value;
      const range = { lo: lowest * group, hi: highest * group };
      if (before.lo !== range.lo || before.hi !== range.hi) this.#store.range.value = range;
      this.#store.unit.value = this.#unit?.name ?? "M";
      this.#store.barUsd.value = this.#barScale.usd;
      this.#store.following.value = this.#camera.following;
      this.#store.priceAt.value = this.#priceAt();
    });
  }

  #priceAt(): "above" | "inside" | "below" {
    const mid = this.#camera.midTop();
    return mid + this.#camera.midHeight < 0 ? "above" : mid > this.#camera.height ? "below" : "inside";
  }
}
