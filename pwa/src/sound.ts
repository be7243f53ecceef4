/** Large prints as tones: up for bought, down for sold, longer and lower for forced ones. */

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
  if (!context) return;
  const tone = context.createOscillator();
  const loudness = context.createGain();
  const lasts = usdOf(loudest) >= fromUsd * LARGE_TIMES ? LONG_S : SHORT_S;
  tone.frequency.value = (loudest.bought ? UP_HZ : DOWN_HZ) * (loudest.liquidation ? FORCED_PART : 1);
  loudness.gain.setValueAtTime(LOUDNESS, context.currentTime);
  loudness.gain.exponentialRampToValueAtTime(0.001, context.currentTime + lasts);
  tone.connect(loudness).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + lasts);
}
