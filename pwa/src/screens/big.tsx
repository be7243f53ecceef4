/** One market to be read from across the room: large digits on black, and the screen stays on. */

import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";
import { fixed, signed, splitDecimals, usd, usdInterval } from "../format.ts";
import { nearestOf } from "../model/glance.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { Age, Watermark } from "../ui/header.tsx";

/** A forgotten phone shall not burn through its battery. */
const AWAKE_MS = 30 * 60_000;

export function BigScreen(_: { app: App }) {
  useEffect(keepAwake, []);
  const freshness = store.freshness.value;
  const stale = freshness === "stale";
  const facts = store.facts.value;
  const [whole, decimals] = splitDecimals(store.last.value);
  const row = facts && store.quotes.value.get(facts.symbol)?.row;
  const nearest = nearestOf(row ?? null);
  const day = store.day.value;
  return (
    <main class={`big ${freshness}`}>
      <button type="button" class="big-close" onClick={() => history.back()}>
        {strings.close}
      </button>
      <div class="big-facts">
        <h1 class="bare">
          <b>{facts?.base ?? strings.appName}</b>
        </h1>
        <Age />
        <Watermark />
      </div>
      <p class={`big-price ${freshness}`}>
        {whole || strings.unknown}
        <small>{decimals}</small>
      </p>
      {!stale && day !== null && (
        <p class={`big-day ${day > 0 ? "buy" : day < 0 ? "sell" : ""}`}>{strings.percent(signed(day, 2))}</p>
      )}
      {!stale && nearest && (
        <p class="big-near">
          <i class={nearest.side === "above" ? "triangle buy" : "triangle down sell"} />{" "}
          {strings.glanceTo(
            strings.percent(fixed(nearest.cluster.distanceBp / 100, 2)),
            usd(nearest.cluster.usd),
            nearest.side === "above" ? strings.shorts : strings.longs,
          )}{" "}
          <span>({usdInterval(nearest.cluster.lowUsd, nearest.cluster.highUsd, nearest.cluster.usd)})</span>
          {row?.calibrated === false && <span> {strings.uncalibrated}</span>}
        </p>
      )}
    </main>
  );
}

/** Holds the screen on while it is looked at; the browser lets go whenever the page is hidden. */
function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let over = false;
  const hold = async () => {
    if (over || document.visibilityState !== "visible") return;
    try {
      lock = await navigator.wakeLock?.request("screen");
    } catch {
      // A low battery may refuse it: the screen then sleeps as ever.
    }
    if (over) void lock?.release();
  };
  const end = () => {
    over = true;
    void lock?.release();
  };
  document.addEventListener("visibilitychange", hold);
  const timer = setTimeout(end, AWAKE_MS);
  void hold();
  return () => {
    document.removeEventListener("visibilitychange", hold);
    clearTimeout(timer);
    end();
  };
}
