/** The screen in words, for those who do not see the canvas. */

import { effect, signal, untracked } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { TOUCH_ID } from "./touch.ts";

/** Speech is slow: the sentence changes at most so often. */
const EVERY_MS = 15_000;

const sentence = signal("");

function describe(): string {
  const facts = store.facts.value;
  const touch = document.getElementById(TOUCH_ID)?.dataset;
  if (!facts || !store.hasLadder.value || !touch) return "";
  const age = store.age.value;
  const freshness = {
    fresh: strings.summaryFresh,
    late: strings.summaryLate(age),
    stale: strings.summaryStale(age),
  }[store.freshness.value];
  return strings.summary(facts.symbol, store.last.value, touch.bid ?? "", touch.ask ?? "", freshness);
}

export function Summary() {
  useEffect(() => {
    const speak = () => {
      sentence.value = untracked(describe);
    };
    const timer = setInterval(speak, EVERY_MS);
    // What the picture is of, and whether it lives, is told at once.
    const stop = effect(() => {
      void [store.freshness.value, store.facts.value, store.hasLadder.value];
      speak();
    });
    return () => {
      clearInterval(timer);
      stop();
    };
  }, []);
  return (
    <div class="unseen">
      <output id={TOUCH_ID} aria-live="off" />
      <p aria-live="polite">{sentence.value}</p>
    </div>
  );
}
