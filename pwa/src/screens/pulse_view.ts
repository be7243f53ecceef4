/** The pulse's picture: four strips on the Map's time axis, and a finger that asks what was when. */

import { mapFrame } from "../draw/map_frame.ts";
import { NextFrame } from "../draw/next_frame.ts";
import { PLAIN, paletteOf } from "../draw/palette.ts";
import { PulsePainter, type Strip } from "../draw/pulse.ts";
import { Surface } from "../draw/surface.ts";
import { timeText } from "../draw/ticks.ts";
import { FONTS } from "../draw/type.ts";
import { fixed, signed, usd } from "../format.ts";
import { changeOver, deltaAgrees, flow, type Held, newest } from "../model/flow.ts";
import { appearanceOf } from "../model/preferences.ts";
import type { Store } from "../model/store.ts";
import type { PulseModel, PulseSeries } from "../net/pulse_frames.ts";
import { strings } from "../strings.ts";
import { Gestures } from "../touch/gestures.ts";
import { readPointers } from "../touch/pointers.ts";

const CHANGE_MIN = 5;
const SPOKEN_EVERY_MS = 15_000;

export class PulseView {
  readonly #store: Store;
  readonly #host: HTMLElement;
  readonly #surface: Surface;
  readonly #painter: PulsePainter;
  readonly #gestures: Gestures;
  readonly #ended = new AbortController();
  readonly #sizes = new ResizeObserver(() => this.#resize());
  readonly #nextFrame = new NextFrame(() => this.#paint());
  #drawn = "";
  #plotWidth = 1;
  #pointed: number | null = null;
  #spokenMs = Number.NEGATIVE_INFINITY;

  constructor(store: Store, host: HTMLElement, canvas: HTMLCanvasElement) {
    this.#store = store;
    this.#host = host;
    this.#surface = new Surface(canvas, true);
    this.#painter = new PulsePainter(this.#surface, paletteOf(PLAIN));
    this.#gestures = new Gestures(
      {
        press: () => {},
        drag: (_dx, _dy) => {},
        fling: () => {},
        pinch: () => {},
        tap: () => {},
        doubleTap: () => {},
        inspect: (x) => this.#point(x),
        inspected: () => this.#point(null),
        swipe: () => {},
      },
      { sideways: "pan", zone: () => "body" },
    );
    const signal = this.#ended.signal;
    readPointers(host, this.#gestures, signal);
    document.fonts?.addEventListener("loadingdone", () => this.#resize(), { signal });
    this.#sizes.observe(host);
    this.#resize();
  }

  end(): void {
    this.#ended.abort();
    this.#sizes.disconnect();
    this.#nextFrame.cancel();
  }

  /** Draws with the next frame of the screen, unless the picture would be the same. */
  draw(): void {
    this.#nextFrame.ask();
  }

  #point(x: number | null): void {
    const columns = this.#held()?.model.data.columns ?? 0;
    const column = x === null ? null : Math.floor((x / this.#plotWidth) * columns);
    this.#pointed = column === null ? null : Math.min(Math.max(column, 0), columns - 1);
    this.draw();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#host;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#surface.resize(clientWidth, clientHeight, window.devicePixelRatio);
    this.#surface.forgetFonts();
    this.#gestures.resize(clientWidth);
    this.#drawn = "";
    this.#nextFrame.cancel();
    this.#paint();
  }

  /** The pulse of the market in view; never another one's. */
  #held(): Held<PulseModel> | null {
    return flow.pulse?.symbol === this.#store.facts.value?.symbol ? flow.pulse : null;
  }

  #paint(): void {
    const held = this.#held();
    const preferences = this.#store.preferences.value;
    const { colours, ground } = preferences;
    const { width, height } = this.#surface;
    const drawn = [held?.symbol, held?.model.version, colours, ground, width, height, this.#pointed].join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#painter.palette = paletteOf(appearanceOf(preferences));
    const data = held?.model.data;
    this.#plotWidth = this.#measure();
    const column = this.#pointed === null ? null : Math.min(this.#pointed, (data?.columns ?? 1) - 1);
    const strips = held ? stripsOf(held.model, column) : [];
    this.#painter.paint(
      {
        strips,
        firstMin: data?.firstMin ?? 0,
        stepMin: data?.stepMin ?? 1,
        columns: data?.columns ?? 0,
        pointed: column,
        timeText,
      },
      this.#plotWidth,
    );
    this.#speak(strips);
  }

  /** The same room for time as on the Map, so that a moment is in the same place on both. */
  #measure(): number {
    const { context, width, height } = this.#surface;
    context.font = FONTS.axisPrice;
    const label = Math.ceil(context.measureText(this.#store.last.value).width / 4) * 4;
    return mapFrame(width, height, label).plotWidth;
  }

  /** Says the newest values, seldom enough to be listened to. */
  #speak(strips: readonly Strip[]): void {
    const nowMs = performance.now();
    if (nowMs - this.#spokenMs < SPOKEN_EVERY_MS || strips.length === 0) return;
    this.#spokenMs = nowMs;
    this.#host.ariaLabel = strips.map((it) => `${it.name} ${it.value}, ${it.notes.join(" ")}`).join(". ");
  }
}

/** Each strip with its words: of the newest column, or of the one that is pointed at. */
export function stripsOf(model: PulseModel, pointed: number | null): Strip[] {
  const { series } = model.data;
  const at = (name: PulseSeries): { value: number; column: number } | null => {
    if (pointed === null) return newest(series[name]);
    const value = series[name][pointed];
    return value === undefined || Number.isNaN(value) ? null : { value, column: pointed };
  };
  const { oiVenues, flowVenues, ratioVenues } = model.data;
  const interest = at("oi_usd");
  const funding = at("funding");
  const delta = at("cvd_usd");
  const ratio = at("long_ratio");
  const change = interest && changeOver(model, "oi_usd", interest.column, CHANGE_MIN);
  const agrees = delta && deltaAgrees(model, delta.column);
  const said = (found: { value: number } | null, print: (value: number) => string): string =>
    found ? print(found.value) : strings.unknown;
  return [
    {
      name: strings.openInterest,
      value: said(interest, usd),
      notes: [
        change && change.from > 0
          ? strings.changeOver(strings.percent(signed((change.to / change.from - 1) * 100, 2)), CHANGE_MIN)
          : "",
        venuesText(oiVenues),
      ].filter(Boolean),
      values: series.oi_usd,
      shape: "line",
      hue: "plain",
    },
    {
      name: strings.funding,
      value: said(funding, (value) => strings.percent(fixed(value * 100, 4))),
      notes: funding ? [funding.value >= 0 ? strings.longsPay : strings.shortsPay, strings.perInterval] : [],
      values: series.funding,
      shape: "bars",
      hue: "sign",
    },
    {
      name: strings.cvd,
      value: said(delta, (value) => (value >= 0 ? `+${usd(value)}` : usd(value))),
      notes: [
        ...(agrees === null ? [] : agrees ? strings.deltaAgrees : strings.deltaDisagrees),
        ...(agrees === null ? [venuesText(flowVenues)] : []),
      ].filter(Boolean),
      values: series.cvd_usd,
      shape: "line",
      hue: "sign",
    },
    {
      name: strings.longShort,
      value: said(ratio, (value) => fixed(value, 2)),
      notes: [strings.accounts, venuesText(ratioVenues)].filter(Boolean),
      values: series.long_ratio,
      shape: "line",
      hue: "plain",
    },
  ];
}

const venuesText = (venues: readonly string[]): string =>
  venues.length === 0 ? "" : strings.venueCount(venues.length);
