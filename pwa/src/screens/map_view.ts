/** What the map's picture and its legend show, and everything that moves them: one camera, fingers, keys. */

import { batch } from "@preact/signals";
import type { App } from "../app.ts";
import { CodeRanks } from "../draw/heat_pixels.ts";
import { paintLegend } from "../draw/legend.ts";
import { MapCamera } from "../draw/map_camera.ts";
import { type MapFrame, mapFrame } from "../draw/map_frame.ts";
import type { Crosshair, MapCluster, MapMark } from "../draw/map_overlay.ts";
import type { MapPicture } from "../draw/map_plot.ts";
import { NextFrame } from "../draw/next_frame.ts";
import { PLAIN, paletteOf } from "../draw/palette.ts";
import { type Size, Surface } from "../draw/surface.ts";
import { FONTS } from "../draw/type.ts";
import { duration, fixed, stepValue } from "../format.ts";
import { axisDecimals, describeCell } from "../model/map_card.ts";
import { cellNear, interestOf, type MapCell, rowBp, rowPrice } from "../model/map_cell.ts";
import { mapFreshness, mapState } from "../model/map_state.ts";
import { appearanceOf, type Preferences } from "../model/preferences.ts";
import { Seen } from "../model/seen.ts";
import type { Store } from "../model/store.ts";
import { FLAG_FRESHNESS, FLAG_SIMULATED, FRESHNESS_LIVE, type SymbolFacts } from "../net/frames.ts";
import type { MapData } from "../net/map_frames.ts";
import { Stage } from "../paint/stage.ts";
import { Fling } from "../touch/fling.ts";
import { Gestures, type Pinch, type Zone } from "../touch/gestures.ts";
import { readPointers } from "../touch/pointers.ts";

/** The crosshair stands so far above the finger that the finger does not hide it. */
const FINGER_OFFSET_PX = 48;
/** How far from the crosshair a brighter row counts as what is pointed at. */
const REACH_PX = 5;
/** A mark so near a tap is meant by it. */
const TAP_PX = 10;
const WHEEL_ZOOM = 0.0015;
const AXIS_ZOOM_PX = 160;
const KEY_PAN_PX = 40;
const KEY_ZOOM = 1.25;

export interface MapElements {
  readonly host: HTMLElement;
  readonly picture: HTMLElement;
  readonly legend: HTMLCanvasElement;
}

export class MapView {
  readonly #app: App;
  readonly #store: Store;
  readonly #elements: MapElements;
  readonly #stage: Stage<"map">;
  readonly #legendSurface: Surface;
  readonly #camera = new MapCamera();
  readonly #ranks = new CodeRanks();
  readonly #flingX = new Fling();
  readonly #flingY = new Fling();
  readonly #calm = matchMedia("(prefers-reduced-motion: reduce)");
  readonly #gestures: Gestures;
  readonly #ended = new AbortController();
  readonly #sizes = new ResizeObserver(() => this.#resize());
  #preferences: Preferences | null = null;
  #appearance = PLAIN;
  #size: Size = [1, 1, 1];
  #labelWidth = 0;
  #frame: MapFrame = mapFrame(1, 1, 0);
  /** How often all was to be painted again. */
  #fresh = 0;
  /** The map as it is painted, and the marks and clusters on it; the same objects while they are the same. */
  #shown: MapPicture | null = null;
  #plane = 0;
  #planeOf: Uint8Array | null = null;
  readonly #clustersSeen = new Seen();
  #clusters: readonly MapCluster[] = [];
  readonly #marksSeen = new Seen();
  #marks: readonly MapMark[] = [];
  readonly #nextFrame = new NextFrame((nowMs) => this.#paint(nowMs));
  #symbol = "";
  #shape = "";
  #version = -1;
  #finger: { x: number; y: number } | null = null;
  #cardKey = "";
  #legendKey = "";
  /** Characters of the longest price that the axis has been made wide enough for. */
  #labelLength = 0;

  constructor(app: App, store: Store, elements: MapElements) {
    this.#app = app;
    this.#store = store;
    this.#elements = elements;
    this.#legendSurface = new Surface(elements.legend, false);
    this.#stage = new Stage("map", elements.picture, 2, () => {});
    this.#gestures = new Gestures(
      {
        press: () => this.#stop(),
        drag: (dx, dy, zone) => this.#drag(dx, dy, zone),
        fling: (speedX, speedY, zone) => this.#throw(speedX, speedY, zone),
        pinch: (pinch) => this.#pinch(pinch),
        tap: (_x, y, zone) => this.#tap(y, zone),
        doubleTap: () => this.fit(),
        inspect: (x, y) => this.#inspect(x, y),
        inspected: () => this.#inspected(),
        swipe: () => {},
      },
      { sideways: "pan", zone: (x, y) => this.#zone(x, y) },
    );
    this.#listen();
    this.#sizes.observe(elements.host);
    this.#resize();
  }

  end(): void {
    this.#ended.abort();
    this.#sizes.disconnect();
    this.#nextFrame.cancel();
    this.#stage.end();
    mapState.card.value = null;
  }

  /** Draws with the next frame of the screen; any number of calls draw once. */
  draw(): void {
    this.#nextFrame.ask();
  }

  /** Shows all of the time and the prices that matter. */
  fit(): void {
    this.#fit(performance.now(), !this.#calm.matches);
    this.draw();
  }

  /** Brings a price to the middle. */
  lookAt(price: number): void {
    this.#camera.lookAt(price, performance.now(), !this.#calm.matches);
    this.draw();
  }

  /** Tells the elements around the canvas how old it is: once a second, for that has the page laid out anew. */
  publishAge(): void {
    const data = this.#data();
    if (!data) return;
    const ageMs = data.ageMs + Math.max(0, performance.now() - this.#app.map.receivedMs());
    const offline = this.#store.connection.value !== "open";
    const flagged = (data.flags & FLAG_FRESHNESS) !== FRESHNESS_LIVE;
    batch(() => {
      mapState.age.value = duration(ageMs);
      mapState.freshness.value = mapFreshness(ageMs, flagged || (offline && ageMs > 10_000));
    });
  }

  #data(): MapData | null {
    const { market, map } = this.#app;
    return market.facts && map.data(market.facts.symbol, market.venue);
  }

  #zone(x: number, y: number): Zone {
    if (y > this.#frame.plotHeight) return "time";
    return x >= this.#frame.axisLeft ? "price" : "body";
  }

  #stop(): void {
    this.#flingX.stop();
    this.#flingY.stop();
  }

  #drag(dx: number, dy: number, zone: Zone): void {
    const camera = this.#camera;
    if (zone === "price") camera.zoomPrice(Math.exp(-dy / AXIS_ZOOM_PX), this.#frame.plotHeight / 2);
    else if (zone === "time") camera.zoomTime(Math.exp(dx / AXIS_ZOOM_PX), this.#frame.plotWidth);
    else camera.pan(dx, dy);
    this.draw();
  }

  #throw(speedX: number, speedY: number, zone: Zone): void {
    if (zone !== "body" || this.#calm.matches) return;
    this.#flingX.start(speedX, performance.now());
    this.#flingY.start(speedY, performance.now());
    this.draw();
  }

  #pinch({ ratio, axis, x, y, dx, dy }: Pinch): void {
    this.#camera.pan(dx, dy);
    if (axis === "x") this.#camera.zoomTime(ratio, x);
    else this.#camera.zoomPrice(ratio, y);
    this.draw();
  }

  #tap(y: number, zone: Zone): void {
    const facts = this.#store.facts.value;
    if (zone !== "price" || !facts) return;
    const pixel = this.#camera.priceAt(y) - this.#camera.priceAt(y + 1);
    const step = stepValue(facts.tick);
    this.#app.tap(Math.round(this.#camera.priceAt(y) / step), Math.abs(TAP_PX * pixel) / step);
  }

  #inspect(x: number, y: number): void {
    this.#finger = { x, y };
    this.draw();
  }

  #inspected(): void {
    this.#finger = null;
    this.draw();
  }

  #listen(): void {
    const { host } = this.#elements;
    const signal = this.#ended.signal;
    readPointers(host, this.#gestures, signal);
    host.addEventListener("wheel", (event) => this.#wheel(event), { passive: false, signal });
    host.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.fonts?.addEventListener("loadingdone", () => this.#resize(), { signal });
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const box = this.#elements.host.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const ratio = Math.exp(-event.deltaY * WHEEL_ZOOM);
    if (event.shiftKey || this.#zone(x, y) === "price") this.#camera.zoomPrice(ratio, y);
    else this.#camera.zoomTime(ratio, x);
    this.draw();
  }

  #key(event: KeyboardEvent): void {
    const camera = this.#camera;
    const { plotHeight, plotWidth } = this.#frame;
    const moves: Record<string, () => void> = {
      ArrowUp: () => camera.pan(0, KEY_PAN_PX),
      ArrowDown: () => camera.pan(0, -KEY_PAN_PX),
      ArrowLeft: () => camera.pan(KEY_PAN_PX, 0),
      ArrowRight: () => camera.pan(-KEY_PAN_PX, 0),
      "+": () => camera.zoomPrice(KEY_ZOOM, plotHeight / 2),
      "-": () => camera.zoomPrice(1 / KEY_ZOOM, plotHeight / 2),
      "]": () => camera.zoomTime(KEY_ZOOM, plotWidth),
      "[": () => camera.zoomTime(1 / KEY_ZOOM, plotWidth),
      Home: () => this.fit(),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
    this.draw();
  }

  #resize(): void {
    const { host, legend } = this.#elements;
    const { clientWidth, clientHeight } = host;
    if (clientWidth === 0 || clientHeight === 0) return;
    const ratio = window.devicePixelRatio;
    this.#size = [clientWidth, clientHeight, ratio];
    this.#fresh += 1;
    if (legend.clientWidth > 0) this.#legendSurface.resize(legend.clientWidth, legend.clientHeight, ratio);
    this.#gestures.resize(clientWidth);
    this.#legendSurface.forgetFonts();
    this.#legendKey = "";
    this.#labelLength = 0;
    this.#nextFrame.cancel();
    this.#paint(performance.now());
  }

  #paint(nowMs: number): void {
    this.#dress();
    const facts = this.#store.facts.value;
    const data = this.#data();
    if (!data || !facts) {
      this.#blank();
      return;
    }
    this.#measure(facts);
    this.#take(data, facts, nowMs);
    const moving = this.#advance(nowMs);
    const cell = this.#pointedAt(data);
    this.#show(data, facts, cell);
    this.#publishCard(data, facts, cell);
    this.#paintLegendOf(data, cell);
    mapState.fitted.value = this.#camera.fitted;
    if (moving) this.draw();
  }

  #blank(): void {
    this.#stage.hide();
    this.#legendSurface.clear();
    this.#shape = "";
    this.#labelLength = 0;
    this.#legendKey = "";
    mapState.facts.value = null;
    mapState.card.value = null;
  }

  /** Takes the colours that the user chose. */
  #dress(): void {
    const preferences = this.#store.preferences.value;
    if (preferences === this.#preferences) return;
    this.#preferences = preferences;
    this.#appearance = appearanceOf(preferences);
    this.#legendKey = "";
  }

  /** The axis column is as wide as its prices. */
  #measure(facts: SymbolFacts): void {
    const { context } = this.#legendSurface;
    const last = this.#app.priceTick() * stepValue(facts.tick);
    const text = fixed(last, axisDecimals(last, facts));
    if (text.length <= this.#labelLength) return;
    this.#labelLength = text.length;
    context.font = FONTS.axisPrice;
    this.#labelWidth = Math.ceil(context.measureText(text).width / 4) * 4;
    const [width, height] = this.#size;
    this.#frame = mapFrame(width, height, this.#labelWidth);
    this.#camera.resize(this.#frame.plotWidth, this.#frame.plotHeight);
  }

  #take(data: MapData, facts: SymbolFacts, nowMs: number): void {
    if (data.version === this.#version && this.#shape !== "") return;
    this.#version = data.version;
    if (facts.symbol !== this.#symbol) this.#stage.hide();
    this.#symbol = facts.symbol;
    this.#ranks.count(data.long, data.short);
    this.#legendKey = "";
    this.#camera.cover(data);
    const shape = [facts.symbol, data.stepMin, data.columns, data.low, data.ratio].join();
    if (shape !== this.#shape || this.#camera.fitted) this.#fit(nowMs, false);
    this.#shape = shape;
    this.#publish(data);
  }

  #fit(nowMs: number, animate: boolean): void {
    const facts = this.#store.facts.value;
    const data = this.#data();
    if (!data || !facts) return;
    const interest = interestOf(data.candles, data.clusters, stepValue(facts.tick), data);
    const top = data.low * data.ratio ** data.rows;
    this.#camera.fit(data, interest ?? { low: data.low, high: top }, nowMs, animate);
  }

  /** Lets a running move or fling go on; returns whether one is running. */
  #advance(nowMs: number): boolean {
    const dx = this.#flingX.step(nowMs);
    const dy = this.#flingY.step(nowMs);
    if (dx !== null || dy !== null) this.#camera.pan(dx ?? 0, dy ?? 0);
    return this.#camera.step(nowMs) || dx !== null || dy !== null;
  }

  /** The cell at the crosshair: above the finger, never outside the plot. */
  #pointedAt(data: MapData): (MapCell & { readonly x: number; readonly y: number }) | null {
    if (!this.#finger) return null;
    const { plotWidth, plotHeight } = this.#frame;
    const x = Math.min(Math.max(this.#finger.x, 0), plotWidth - 1);
    const y = Math.min(Math.max(this.#finger.y - FINGER_OFFSET_PX, 0), plotHeight - 1);
    const rowPx = (Math.log(data.ratio) / this.#camera.price.span) * plotHeight;
    const { mode } = mapState.choice.value;
    const shown = mode === "short" || mode === "long" ? mode : "both";
    const reach = Math.round(REACH_PX / rowPx);
    const cell = cellNear(data, this.#camera.minuteAt(x), this.#camera.priceAt(y), reach, shown);
    if (!cell) return null;
    return { ...cell, x, y: cell.code > 0 ? this.#camera.y(rowPrice(data, cell.row)) : y };
  }

  #show(data: MapData, facts: SymbolFacts, cell: (MapCell & { x: number; y: number }) | null): void {
    const tick = stepValue(facts.tick);
    const last = this.#app.priceTick() * tick;
    const decimals = axisDecimals(last, facts);
    const { mode, style } = mapState.choice.value;
    const crosshair: Crosshair | null = cell && {
      x: cell.x,
      y: cell.y,
      minute: data.firstMin + cell.column * data.stepMin,
      priceText: fixed(this.#camera.priceAt(cell.y), decimals),
    };
    this.#stage.show({
      place: this.#camera.place,
      appearance: this.#appearance,
      picture: this.#pictureOf(data),
      size: this.#size,
      labelWidth: this.#labelWidth,
      fresh: this.#fresh,
      mode,
      style,
      clusters: this.#clustersOf(data, tick),
      marks: this.#marksOf(tick),
      last,
      lastText: fixed(last, decimals),
      crosshair,
    });
  }

  /** What of a map its painter is sent, once for each of its versions. */
  #pictureOf(data: MapData): MapPicture {
    if (data.version === this.#shown?.version) return this.#shown;
    // Columns are put into the planes in place; another map brings others.
    if (data.long !== this.#planeOf) this.#plane += 1;
    this.#planeOf = data.long;
    const { version, stepMin, firstMin, columns, rows, low, ratio } = data;
    const { long, short, candles, bids, asks, known, topUsd, calibrated } = data;
    this.#shown = {
      ...{ version, plane: this.#plane, stepMin, firstMin, columns, rows, low, ratio },
      ...{ long, short, candles, bids, asks, known, topUsd, calibrated },
    };
    return this.#shown;
  }

  #clustersOf(data: MapData, tick: number): readonly MapCluster[] {
    if (this.#clustersSeen.begin().add(data.clusters).add(tick).differs()) {
      this.#clusters = data.clusters.map(({ side, lo, hi, usd }) => ({
        side,
        low: lo * tick,
        high: hi * tick,
        usd,
      }));
    }
    return this.#clusters;
  }

  #marksOf(tick: number): readonly MapMark[] {
    const ticks = this.#app.markTicks();
    if (this.#marksSeen.begin().add(ticks).add(tick).differs())
      this.#marks = ticks.map((mark) => ({ price: mark.tick * tick, text: mark.text }));
    return this.#marks;
  }

  #publishCard(data: MapData, facts: SymbolFacts, cell: (MapCell & { x: number; y: number }) | null): void {
    if (!cell) {
      this.#cardKey = "";
      mapState.card.value = null;
      return;
    }
    const { plotWidth, plotHeight } = this.#frame;
    const corner = `${cell.y < plotHeight / 2 ? "low" : "high"} ${cell.x < plotWidth / 2 ? "right" : "left"}`;
    const key = [cell.column, cell.row, cell.side, cell.code, corner, data.version].join();
    if (key === this.#cardKey) return;
    this.#cardKey = key;
    mapState.card.value = describeCell(data, facts, cell, this.#ranks, corner);
  }

  #paintLegendOf(data: MapData, cell: MapCell | null): void {
    if (this.#legendSurface.width === 0) return;
    const { mode } = mapState.choice.value;
    const key = `${data.version} ${mode} ${cell?.code ?? ""}`;
    if (key === this.#legendKey) return;
    this.#legendKey = key;
    paintLegend(
      this.#legendSurface,
      { topUsd: data.topUsd, ranks: this.#ranks, mode, pointerUsd: cell?.usd ?? null },
      paletteOf(this.#appearance),
    );
  }

  /** Tells the elements around the canvas what it shows. */
  #publish(data: MapData): void {
    batch(() => {
      mapState.facts.value = {
        rowBp: rowBp(data),
        calibrated: data.calibrated,
        simulated: (data.flags & FLAG_SIMULATED) !== 0,
        markEstimated: Object.values(data.standing).includes("mark_estimated"),
        opened: data.opened,
        part: data.part,
      };
      this.publishAge();
    });
  }
}
