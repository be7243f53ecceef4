/** The heat about the last price as a strip: where the light is, and how near the price. */

import { computed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { BAND_USD, heatIndex, type Palette, paletteOf } from "../draw/palette.ts";
import { appearanceOf } from "../model/preferences.ts";
import { store } from "../model/store.ts";
import { type GlanceRow, STRIP_CELLS } from "../net/glance_frames.ts";
import { strings } from "../strings.ts";

/** A sparse map is worth half the light. */
const SPARSE_PART = 0.5;

const palette = computed(() => paletteOf(appearanceOf(store.preferences.value)));

/** A pixel a cell; the page scales it smoothly to the room there is. */
export function Strip({ row }: { row: GlanceRow }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { strip, topCode, regime } = row;
  const colours = palette.value;
  useEffect(() => {
    if (canvas.current) paint(canvas.current, row, colours);
  }, [strip, topCode, regime, colours]);
  return (
    <span
      class={`strip ${row.calibrated === false ? "uncalibrated" : ""}`}
      role="img"
      aria-label={strings.glanceStripName}
    >
      <canvas ref={canvas} width={STRIP_CELLS} height={1} />
    </span>
  );
}

function paint(canvas: HTMLCanvasElement, row: GlanceRow, colours: Palette): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const topUsd = BAND_USD[row.topCode ?? 0] ?? 0;
  const part = row.regime === "sparse" ? SPARSE_PART : 1;
  for (let cell = 0; cell < STRIP_CELLS; cell++) {
    const usd = BAND_USD[row.strip[cell] ?? 0] ?? 0;
    context.fillStyle = colours.heat[Math.round(heatIndex(usd, topUsd) * part)] as string;
    context.fillRect(cell, 0, 1, 1);
  }
}
