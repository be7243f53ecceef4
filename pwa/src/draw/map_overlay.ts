/** The map's upper canvas: price line, clusters, own marks and the crosshair; light enough for every frame. */

import { usd } from "../format.ts";
import { placeLabels, type Wanted } from "./labels.ts";
import type { MapCamera } from "./map_camera.ts";
import type { MapFrame } from "./map_frame.ts";
import { PRICE_TEXT, priceTexts } from "./map_plot.ts";
import { INK, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { timeText } from "./ticks.ts";
import { FONTS } from "./type.ts";

const LABEL_GAP = 21;
const LABEL_HEIGHT = 18;
const LABEL_RADIUS = 4;
const BRACKET_ARM = 5;
const BRACKET_WIDTH = 2;
const CROSS_RADIUS = 5;
const TIME_ROOM = 46;
const ICE = "#e6edf7";

/** Prices in quote currency. */
export interface MapCluster {
  readonly side: "long" | "short";
  readonly low: number;
  readonly high: number;
  readonly usd: number;
}

export interface MapMark {
  readonly price: number;
  readonly text: string;
}

export interface Crosshair {
  readonly x: number;
  readonly y: number;
  readonly minute: number;
  readonly priceText: string;
}

export interface Overlay {
  readonly clusters: readonly MapCluster[];
  readonly marks: readonly MapMark[];
  /** Last price; 0 while it is unknown. */
  readonly last: number;
  readonly lastText: string;
  readonly crosshair: Crosshair | null;
}

type Label =
  | { readonly kind: "cluster"; readonly cluster: MapCluster }
  | { readonly kind: "mark"; readonly mark: MapMark }
  | { readonly kind: "last" | "cross"; readonly text: string };

export class MapOverlayPainter {
  readonly #surface: Surface;
  #palette: Palette;

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.#palette = palette;
  }

  set palette(palette: Palette) {
    this.#palette = palette;
  }

  invalidate(): void {
    this.#surface.forgetFonts();
  }

  paint(overlay: Overlay, camera: MapCamera, frame: MapFrame): void {
    const { context } = this.#surface;
    this.#surface.clear();
    for (const mark of overlay.marks) {
      this.#dashed(camera.y(mark.price), camera, frame, INK.mark, [5, 4]);
    }
    for (const cluster of overlay.clusters) this.#bracket(cluster, camera, frame);
    if (overlay.last > 0) {
      this.#dashed(camera.y(overlay.last), camera, frame, "rgb(255 255 255 / 0.6)", [3, 3]);
    }
    if (overlay.crosshair) this.#cross(overlay.crosshair, camera, frame);
    for (const { item, y } of placeLabels(labelsOf(overlay, camera, frame), frame.plotHeight, LABEL_GAP)) {
      this.#label(item, y, frame);
    }
    context.globalAlpha = 1;
  }

  #hue(side: "long" | "short"): string {
    return side === "short" ? this.#palette.side.buyText : this.#palette.side.sellText;
  }

  /** A line at a price, which strikes out no price of the scale. */
  #dashed(y: number, camera: MapCamera, frame: MapFrame, ink: string, dash: readonly number[]): void {
    if (y < 0 || y > frame.plotHeight) return;
    const struck = priceTexts(camera, frame).some((it) => Math.abs(it.y - y) <= PRICE_TEXT.height / 2);
    const { context } = this.#surface;
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.setLineDash(dash as number[]);
    context.beginPath();
    context.moveTo(struck ? PRICE_TEXT.right : 0, this.#surface.snap(y));
    context.lineTo(frame.axisLeft, this.#surface.snap(y));
    context.stroke();
    context.setLineDash([]);
  }

  /** The stretch of a cluster, at the edge of the plot where now is. */
  #bracket(cluster: MapCluster, camera: MapCamera, frame: MapFrame): void {
    const top = Math.max(camera.y(cluster.high), 1);
    const bottom = Math.min(camera.y(cluster.low), frame.plotHeight - 1);
    if (bottom < 0 || top > frame.plotHeight) return;
    const { context } = this.#surface;
    const x = frame.plotWidth - BRACKET_WIDTH / 2;
    context.strokeStyle = this.#hue(cluster.side);
    context.lineWidth = BRACKET_WIDTH;
    context.beginPath();
    context.moveTo(x - BRACKET_ARM, top);
    context.lineTo(x, top);
    context.lineTo(x, Math.max(bottom, top + 3));
    context.lineTo(x - BRACKET_ARM, Math.max(bottom, top + 3));
    context.stroke();
  }

  #cross(crosshair: Crosshair, camera: MapCamera, frame: MapFrame): void {
    const { context } = this.#surface;
    this.#dashed(crosshair.y, camera, frame, ICE, [4, 3]);
    const x = this.#surface.snap(crosshair.x);
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, frame.plotHeight);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.arc(crosshair.x, crosshair.y, CROSS_RADIUS, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.stroke();
    const middle = frame.plotHeight + (frame.height - frame.plotHeight) / 2;
    // No half of another time may look out from behind the chip.
    context.fillStyle = this.#palette.ground.bg;
    context.fillRect(x - TIME_ROOM, frame.plotHeight + 1, 2 * TIME_ROOM, frame.height - frame.plotHeight - 1);
    this.#chip(timeText(crosshair.minute), x, middle, "center", ICE, INK.onLight, frame);
  }

  #label(label: Label, y: number, frame: MapFrame): void {
    const left = frame.axisLeft + 2;
    if (label.kind === "cluster") this.#clusterLabel(label.cluster, y, frame);
    else if (label.kind === "mark") this.#chip(label.mark.text, left, y, "left", "", INK.mark, frame);
    else if (label.kind === "last") {
      this.#chip(label.text, left, y, "left", "#2d3644", INK.primary, frame);
    } else this.#chip(label.text, left, y, "left", ICE, INK.onLight, frame);
  }

  #clusterLabel(cluster: MapCluster, y: number, frame: MapFrame): void {
    const { context } = this.#surface;
    const left = frame.axisLeft + 2;
    context.fillStyle = this.#palette.ground.midRow;
    context.beginPath();
    context.roundRect(left, y - LABEL_HEIGHT / 2, frame.width - left - 1, LABEL_HEIGHT, LABEL_RADIUS);
    context.fill();
    const tip = cluster.side === "short" ? -3.5 : 3.5;
    context.fillStyle = this.#hue(cluster.side);
    context.beginPath();
    context.moveTo(left + 3, y - tip);
    context.lineTo(left + 11, y - tip);
    context.lineTo(left + 7, y + tip);
    context.fill();
    context.font = FONTS.axisLabel;
    context.textAlign = "right";
    context.fillStyle = INK.primary;
    const baseline = this.#surface.baseline(FONTS.axisLabel, y);
    context.fillText(usd(cluster.usd).replace(" ", "\u2009"), frame.width - 4, baseline);
  }

  /** Text on a chip of its own colour; without one it stands on the ground. */
  #chip(
    text: string,
    x: number,
    y: number,
    align: "left" | "center",
    ground: string,
    ink: string,
    frame: MapFrame,
  ): void {
    const { context } = this.#surface;
    context.font = FONTS.axisPrice;
    const width = Math.min(context.measureText(text).width + 8, frame.width);
    const left = Math.min(align === "center" ? x - width / 2 : x, frame.width - width);
    if (ground) {
      context.fillStyle = ground;
      context.beginPath();
      context.roundRect(Math.max(0, left), y - LABEL_HEIGHT / 2, width, LABEL_HEIGHT, LABEL_RADIUS);
      context.fill();
    }
    context.fillStyle = ink;
    context.textAlign = "left";
    context.fillText(text, Math.max(0, left) + 4, this.#surface.baseline(FONTS.axisPrice, y));
  }
}

/** What wants a place on the price axis, the most important first. */
function labelsOf(overlay: Overlay, camera: MapCamera, frame: MapFrame): Wanted<Label>[] {
  const wanted: Wanted<Label>[] = [];
  const inside = (y: number): boolean => y >= 0 && y <= frame.plotHeight;
  const held = (y: number): number => Math.min(Math.max(y, LABEL_GAP / 2), frame.plotHeight - LABEL_GAP / 2);
  const cross = overlay.crosshair;
  if (cross) {
    wanted.push({ item: { kind: "cross", text: cross.priceText }, y: held(cross.y), rank: 0, fixed: true });
  }
  const lastY = overlay.last > 0 ? camera.y(overlay.last) : -1;
  const covered = cross !== null && Math.abs(cross.y - lastY) < LABEL_GAP;
  if (inside(lastY) && !covered) {
    wanted.push({ item: { kind: "last", text: overlay.lastText }, y: held(lastY), rank: 0, fixed: true });
  }
  for (const mark of overlay.marks) {
    const y = camera.y(mark.price);
    if (inside(y)) wanted.push({ item: { kind: "mark", mark }, y, rank: Number.MAX_VALUE });
  }
  for (const cluster of overlay.clusters) {
    const y = camera.y(Math.sqrt(cluster.low * cluster.high));
    if (inside(y)) wanted.push({ item: { kind: "cluster", cluster }, y, rank: cluster.usd });
  }
  return wanted;
}
