/** Paints what lies over the rows: brackets and chips of the clusters in the picture. */

import { fixed, usd, usdInterval } from "../format.ts";
import { type Cluster, clusterName } from "../model/state.ts";
import { strings } from "../strings.ts";
import type { Camera } from "./camera.ts";
import type { Columns } from "./columns.ts";
import { INK, type Palette, withAlpha } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const BRACKET_WIDTH = 2;
const BRACKET_ARM = 6;
const CHIP_WIDTH = 116;
const CHIP_RADIUS = 7;
const CHIP_INSET = 2;
const CHIP_PADDING = 8;

interface Span {
  readonly top: number;
  readonly bottom: number;
  /** The edge towards price, and whether rows go on below it. */
  readonly near: number;
  readonly upward: boolean;
}

export class MarksPainter {
  readonly #surface: Surface;
  #palette: Palette;
  #drawn = "";

  constructor(surface: Surface, palette: Palette) {
    this.#surface = surface;
    this.#palette = palette;
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.invalidate();
  }

  invalidate(): void {
    this.#drawn = "";
    this.#surface.forgetFonts();
  }

  /** Paints again only when a cluster, the camera or the grouping changed. */
  paint(clusters: readonly Cluster[], camera: Camera, columns: Columns, group: number, live: boolean): void {
    const look = JSON.stringify([
      clusters,
      camera.centre,
      camera.boundary,
      camera.height,
      columns,
      group,
      live,
    ]);
    if (look === this.#drawn) return;
    this.#drawn = look;
    this.#surface.clear();
    for (const cluster of clusters) {
      const span = spanOf(cluster, camera, group);
      if (span.bottom <= 0 || span.top >= camera.height) continue;
      this.#paintEdge(cluster, span, columns);
      this.#paintBracket(cluster, clusterName(clusters, cluster), span, columns, camera);
      this.#paintChip(cluster, span, columns, camera, live);
    }
  }

  #hue(cluster: Cluster): string {
    return cluster.side === "short" ? this.#palette.side.buyText : this.#palette.side.sellText;
  }

  #paintEdge(cluster: Cluster, span: Span, columns: Columns): void {
    const context = this.#surface.context;
    const line = this.#surface.hairline();
    context.fillStyle = this.#hue(cluster);
    context.fillRect(0, this.#surface.snap(span.near) - line / 2, columns.width, line);
  }

  #paintBracket(cluster: Cluster, name: string, span: Span, columns: Columns, camera: Camera): void {
    const context = this.#surface.context;
    const x = columns.gutterStart + 8;
    const top = Math.max(span.top + 2, -BRACKET_ARM);
    const bottom = Math.min(span.bottom - 2, camera.height + BRACKET_ARM);
    context.strokeStyle = this.#hue(cluster);
    context.lineWidth = BRACKET_WIDTH;
    context.beginPath();
    context.moveTo(x - BRACKET_ARM, top);
    context.lineTo(x, top);
    context.lineTo(x, bottom);
    context.lineTo(x - BRACKET_ARM, bottom);
    context.stroke();
    context.font = FONTS.name;
    context.fillStyle = this.#hue(cluster);
    context.textAlign = "left";
    const middle = (Math.max(top, 0) + Math.min(bottom, camera.height)) / 2;
    const y = Math.min(Math.max(middle, 8), camera.height - 8);
    context.fillText(name, x + 4, this.#surface.baseline(FONTS.name, y));
  }

  #paintChip(cluster: Cluster, span: Span, columns: Columns, camera: Camera, live: boolean): void {
    const place = chipPlace(span, camera);
    if (!place) return;
    const context = this.#surface.context;
    // On a narrow phone the chip stays off the spine and leaves out the interval rather than cut it.
    const width = Math.min(CHIP_WIDTH, columns.spineStart - columns.volumeEnd - 2);
    const left = cluster.side === "short" ? columns.volumeEnd : columns.gutterStart - width;
    const hue = this.#hue(cluster);
    const height = place.rows * camera.rowHeight - 2 * CHIP_INSET;
    const top = place.top + CHIP_INSET;
    context.beginPath();
    context.roundRect(left + 0.5, top + 0.5, width - 1, height - 1, CHIP_RADIUS);
    context.fillStyle = this.#palette.ground.surface;
    context.fill();
    context.strokeStyle = withAlpha(hue, 0.45);
    context.lineWidth = 1;
    context.stroke();
    const first = place.rows === 2 ? top + height * 0.29 : top + height / 2;
    let x = left + CHIP_PADDING;
    context.textAlign = "left";
    context.font = FONTS.chipValue;
    context.fillStyle = INK.primary;
    const value = usd(cluster.usd);
    context.fillText(value, x, this.#surface.baseline(FONTS.chipValue, first));
    x += context.measureText(value).width + 5;
    context.font = FONTS.chipInterval;
    context.fillStyle = INK.secondary;
    const interval = usdInterval(cluster.usd_lo, cluster.usd_hi, cluster.usd);
    const fits = x + context.measureText(interval).width <= left + width - CHIP_PADDING / 2;
    if (fits) context.fillText(interval, x, this.#surface.baseline(FONTS.chipInterval, first));
    if (place.rows < 2) return;
    context.font = FONTS.chipNote;
    context.fillStyle = hue;
    const second = this.#surface.baseline(FONTS.chipNote, top + height * 0.72);
    context.fillText(chipNote(cluster, live), left + CHIP_PADDING, second);
  }
}

function chipNote(cluster: Cluster, live: boolean): string {
  const distance = strings.percent(fixed(cluster.distance_pct, 2));
  if (!live || cluster.eta_min === null) return distance;
  return `${distance} · ${strings.minutes(cluster.eta_min)}`;
}

/** Pixels of a cluster: the rows its prices round to. */
export function spanOf(cluster: Cluster, camera: Camera, group: number): Span {
  const upward = cluster.side === "short";
  const top = camera.top(Math.round(cluster.hi / group));
  const bottom = camera.top(Math.round(cluster.lo / group)) + camera.rowHeight;
  return { top, bottom, near: upward ? bottom : top, upward };
}

/**
 * Where a cluster's chip goes: just outside the near edge, so that it covers none of its fuel; on one
 * row when price is close, nowhere when price is closer or the edge is outside the picture.
 */
export function chipPlace(span: Span, camera: Camera): { top: number; rows: 1 | 2 } | null {
  const mid = span.upward ? camera.midTop() : camera.midTop() + camera.midHeight;
  const limit = span.upward ? Math.min(mid, camera.height) : Math.max(mid, 0);
  const room = Math.floor((Math.abs(limit - span.near) + 0.5) / camera.rowHeight);
  const outside = span.near < 0 || span.near > camera.height;
  const wrongSide = span.upward ? limit < span.near : limit > span.near;
  if (outside || wrongSide || room < 1) return null;
  const rows = room >= 2 ? 2 : 1;
  return { top: span.upward ? span.near : span.near - rows * camera.rowHeight, rows };
}
