/** One line of guidance at a time, between the head of a screen and its picture. */

import { computed } from "@preact/signals";
import { duration, fixed, signed } from "../format.ts";
import { mapState } from "../model/map_state.ts";
import { nearEdge } from "../model/state.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";

/** A cluster so many times farther away than the rows reach belongs to another time frame. */
const FAR_TIMES = 8;

interface Hint {
  readonly key: string;
  readonly text: string;
  readonly urgent?: boolean;
}

/** The same object while it says the same: price moves often, and nothing is rendered for it. */
const shown = computed<Hint | null>((): Hint | null => {
  const hint = hintOf();
  const before = last;
  last = before && hint && before.key === hint.key && before.text === hint.text ? before : hint;
  return last;
});
let last: Hint | null = null;

export function Guide() {
  const hint = shown.value;
  if (!hint || store.hintsSeen.value.has(hint.key)) return null;
  return (
    <p class={hint.urgent ? "guide urgent" : "guide"} role="status">
      <span>{hint.text}</span>
      <button
        type="button"
        aria-label={strings.guideClose}
        onClick={() => {
          store.hintsSeen.value = new Set(store.hintsSeen.value).add(hint.key);
        }}
      >
        ×
      </button>
    </p>
  );
}

/** What matters most: the news, a thin market, levels from before, a picture of another time frame. */
function hintOf(): Hint | null {
  const facts = store.facts.value;
  if (!facts || store.freshness.value === "stale") return null;
  const { symbol } = facts;
  const regime = store.quotes.value.get(symbol)?.row.regime;
  if (regime === "news") return { key: `news ${symbol}`, text: strings.guideNews, urgent: true };
  if (regime === "sparse") return { key: `sparse ${symbol}`, text: strings.guideSparse };
  const again = store.lookAgain.value;
  if (again) {
    const text = strings.guideLook(duration(again.sinceMs), strings.percent(signed(again.movedPct, 1)));
    return { key: `look ${symbol} ${again.sinceMs}`, text };
  }
  return mismatch(symbol);
}

/** The rows reach much less far than the next dense cluster of the map's range is away. */
function mismatch(symbol: string): Hint | null {
  if (store.screen.value !== "ladder") return null;
  const key = `reach ${symbol} ${store.group.value}`;
  // A picture that is moved by hand is none of its business, and must not change its height under the finger.
  if (!store.following.value) return last?.key === key ? last : null;
  const { lo, hi } = store.range.value;
  const at = store.lastRow.value * store.group.value;
  const nearest = store.state.value?.clusters.reduce(
    (best, it) => Math.min(best, Math.abs(nearEdge(it) - at)),
    Number.POSITIVE_INFINITY,
  );
  const reach = Math.max(hi - at, at - lo);
  if (!nearest || at <= 0 || reach <= 0) return null;
  if (!Number.isFinite(nearest) || nearest < FAR_TIMES * reach) return null;
  const percent = (ticks: number) => strings.percent(fixed((ticks / at) * 100, 2));
  const hours = strings.mapHours[mapState.choice.value.hours];
  return {
    key,
    text: strings.guideReach(percent(reach), percent(nearest), hours),
  };
}
