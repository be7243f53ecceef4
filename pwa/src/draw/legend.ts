/** What the colours stand for: dollars a row, how rare they are, and where the crosshair is among them. */

import { usdRound } from "../format.ts";
import { type CodeRanks, codeOf, type HeatMode, rampColours } from "./heat_pixels.ts";
import { heatOf, INK, type Palette, usdOfHeat } from "./palette.ts";
import type { Surface } from "./surface.ts";
import { FONTS } from "./type.ts";

const POINTER = 6;
const BAR = 10;
const TICKS = [0, 0.25, 0.5, 0.75, 1] as const;

export interface LegendFacts {
  readonly topUsd: number;
  readonly ranks: CodeRanks;
  readonly mode: HeatMode;
  /** Dollars under the crosshair, null while there is none. */
  readonly pointerUsd: number | null;
}

export function paintLegend(surface: Surface, facts: LegendFacts, palette: Palette): void {
  const { context } = surface;
  const { width } = surface;
  surface.clear();
  const halves =
    facts.mode === "split"
      ? [rampColours(palette, "split", "short"), rampColours(palette, "split", "long")]
      : [rampColours(palette, facts.mode, "short")];
  const height = BAR / halves.length;
  for (const [index, colours] of halves.entries()) {
    const ramp = context.createLinearGradient(0, 0, width, 0);
    for (let at = 0; at < colours.length; at += 15) {
      ramp.addColorStop(at / (colours.length - 1), colours[at] as string);
    }
    context.fillStyle = ramp;
    context.fillRect(0, POINTER + 1 + index * height, width, height);
  }
  context.strokeStyle = palette.ground.lineStrong;
  context.lineWidth = surface.hairline();
  context.strokeRect(0.5, POINTER + 1.5, width - 1, BAR - 1);
  if (facts.topUsd > 0) paintTicks(surface, facts);
}

function paintTicks(surface: Surface, facts: LegendFacts): void {
  const { context, width } = surface;
  const baseline = surface.baseline(FONTS.axis, POINTER + BAR + 11);
  context.font = FONTS.axis;
  context.textAlign = "left";
  for (const v of TICKS) {
    const amount = usdOfHeat(v, facts.topUsd);
    const text = v === 0 ? "0" : v === 1 ? `${usdRound(amount)}+` : usdRound(amount);
    const rank = v === 0 || v === 1 ? null : facts.ranks.percentile(codeOf(amount));
    const note = rank === null ? "" : ` p${Math.floor(rank)}`;
    const textWidth = context.measureText(text).width;
    const whole = textWidth + context.measureText(note).width;
    const left = Math.min(Math.max(0, v * width - whole / 2), width - whole);
    context.fillStyle = INK.secondary;
    context.fillText(text, left, baseline);
    context.fillStyle = INK.tertiary;
    context.fillText(note, left + textWidth, baseline);
  }
  if (facts.pointerUsd === null) return;
  const x = heatOf(facts.pointerUsd, facts.topUsd) * width;
  context.fillStyle = INK.primary;
  context.beginPath();
  context.moveTo(x - 5, 0);
  context.lineTo(x + 5, 0);
  context.lineTo(x, POINTER);
  context.fill();
}
