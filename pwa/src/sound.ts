/** Large prints as tones: up for bought, down for sold, longer and lower for forced ones; alerts as two. */

import { LARGE_TIMES } from "./model/preferences.ts";
import type { Print } from "./net/tape_frames.ts";

const UP_HZ = 880;
const DOWN_HZ = 440;
const FORCED_PART = 0.75;
const SHORT_S = 0.07;
const LONG_S = 0.16;
const LOUDNESS = 0.08;
/** A rush is one sound, not a noise. */
const APART_MS = 120;

let context: AudioContext | null = null;
let soundedMs = Number.NEGATIVE_INFINITY;

/** To be called from a tap: phones allow no sound that no tap has asked for. */
export function readySound(): void {
  context ??= new AudioContext();
  void context.resume();
}

/** Sounds the largest of some prints, if it is large enough. */
export function sound(prints: readonly Print[], usdOf: (print: Print) => number, fromUsd: number): void {
  let loudest: Print | null = null;
  for (const print of prints) {
    if (usdOf(print) >= fromUsd && (!loudest || usdOf(print) > usdOf(loudest))) loudest = print;
  }
  const nowMs = performance.now();
  if (!loudest || nowMs - soundedMs < APART_MS) return;
  soundedMs = nowMs;
  // A phone that slept has put the sound to sleep as well.
  readySound();
  const lasts = usdOf(loudest) >= fromUsd * LARGE_TIMES ? LONG_S : SHORT_S;
  tone((loudest.bought ? UP_HZ : DOWN_HZ) * (loudest.liquidation ? FORCED_PART : 1), lasts);
}

/** Two tones for an alert: rising for what is above, falling for what is below; silent before any tap. */
export function soundAlert(way: 1 | 0 | -1): void {
  const [first, second] = { "1": [DOWN_HZ, UP_HZ], "0": [UP_HZ, UP_HZ], "-1": [UP_HZ, DOWN_HZ] }[`${way}`];
  if (first) tone(first, LONG_S);
  if (second) tone(second, LONG_S, LONG_S);
}

/** Sounds a tone that dies away, after so many seconds. */
function tone(hz: number, lasts: number, after = 0): void {
  if (!context) return;
  const startS = context.currentTime + after;
  const oscillator = context.createOscillator();
  const loudness = context.createGain();
  oscillator.frequency.value = hz;
  loudness.gain.setValueAtTime(LOUDNESS, startS);
  loudness.gain.exponentialRampToValueAtTime(0.001, startS + lasts);
  oscillator.connect(loudness).connect(context.destination);
  oscillator.start(startS);
  oscillator.stop(startS + lasts);
}
