/** The screen in words, for those who do not see the canvas. */

import { effect, signal, untracked } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Screen } from "../model/screens.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { TOUCH_ID } from "./touch.ts";

/** Speech is slow: the sentence changes at most so often. */
const EVERY_MS = 15_000;

/** The screens that show one market's price. */
const PRICED: ReadonlySet<Screen> = new Set(["ladder", "map", "flow", "big"]);

const sentence = signal("");

function describe(): string {
  const facts = store.facts.value;
  const touch = document.getElementById(TOUCH_ID)?.dataset;
  // Elsewhere the screen's own words say what there is; the ladder's would be of another time.
  if (!facts || !store.last.value || !touch || !PRICED.has(store.screen.value)) return "";
  const age = store.age.value;
  const freshness = {
    fresh: strings.summaryFresh,
    late: strings.summaryLate(age),
    stale: strings.summaryStale(age),
  }[store.freshness.value];
  if (store.screen.value !== "ladder") return strings.summaryPrice(facts.symbol, store.last.value, freshness);
  if (!store.hasLadder.value) return "";
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
      void [store.freshness.value, store.facts.value, store.hasLadder.value, store.screen.value];
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
