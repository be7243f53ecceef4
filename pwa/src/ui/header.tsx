/** The top of the screen: what, how much, how old, from where, and whether it is real. */

import { effect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { duration, fixed, splitDecimals } from "../format.ts";
import { venuesOut } from "../model/state.ts";
import { store } from "../model/store.ts";
import { FLAG_PARTIAL, FLAG_SIMULATED } from "../net/frames.ts";
import { strings } from "../strings.ts";
import { Guide } from "./guide.tsx";
import { ChevronIcon } from "./icons.tsx";
import { venueName } from "./names.ts";

export function Header({ onRetry }: { onRetry: () => void }) {
  return (
    <header class={`header ${store.freshness.value} ${store.recordedMs.value > 0 ? "recorded" : ""}`}>
      <h1 class="bare">
        <SymbolButton />
      </h1>
      <Price />
      <div class="header-facts">
        <Age />
        <Source onRetry={onRetry} />
        <Watermark />
      </div>
      <Change />
      <Guide />
    </header>
  );
}

function SymbolButton() {
  const facts = store.facts.value;
  return (
    <button
      type="button"
      class="symbol"
      aria-haspopup="dialog"
      aria-label={`${facts ? `${facts.base} ${strings.symbolKind(facts.quote)}` : strings.appName}. ${strings.chooseSymbol}`}
      onClick={() => {
        store.sheet.value = "symbols";
      }}
    >
      <b>{facts?.base ?? strings.appName}</b> {facts && <span>{strings.symbolKind(facts.quote)}</span>}
      <ChevronIcon />
    </button>
  );
}

/** The price comes with every frame: its text is changed in place, nothing is rendered for it. */
function Price() {
  const whole = useRef<HTMLSpanElement>(null);
  const decimals = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const texts = [new Text(), new Text()] as const;
    whole.current?.append(texts[0]);
    decimals.current?.append(texts[1]);
    // What was written is kept here: to read it from the page costs as much as to write it.
    let shown = ["", ""];
    return effect(() => {
      const parts = splitDecimals(store.last.value);
      for (const at of [0, 1] as const) if (shown[at] !== parts[at]) texts[at].data = parts[at];
      shown = parts;
    });
  }, []);
  return (
    <div class={`price ${store.freshness.value}`} data-testid="price">
      <span ref={whole} />
      <small ref={decimals} />
      {store.screen.value === "ladder" && store.state.value && (
        <button
          type="button"
          class="price-more"
          aria-haspopup="dialog"
          aria-label={strings.marketFacts}
          onClick={() => {
            store.sheet.value = "facts";
          }}
        >
          <ChevronIcon />
        </button>
      )}
    </div>
  );
}

function Change() {
  const day = store.day.value;
  if (day === null || store.freshness.value === "stale") return null;
  const side = day > 0 ? "buy" : day < 0 ? "sell" : "even";
  return (
    <div class={`change ${side}`}>
      {day !== 0 && <i class={day > 0 ? "triangle up" : "triangle down"} />}
      {strings.percent(fixed(Math.abs(day), 2))}
    </div>
  );
}

export function Age() {
  const freshness = store.freshness.value;
  const age = store.age.value;
  if (!age) return null;
  return (
    <span class={`age ${freshness}`}>
      <i class="dot" />
      {freshness !== "stale" ? age : isSyncing() ? strings.notLive : strings.lastSeen(age)}
    </span>
  );
}

/** Venues answer, but no book is complete yet: what there is of it is young and not true. */
function isSyncing(): boolean {
  const { connection, screen, state } = store;
  const venues = state.value?.venues ?? [];
  return (
    connection.value === "open" &&
    screen.value === "ladder" &&
    venues.some((venue) => venue.state === "syncing") &&
    venues.every((venue) => venue.state !== "live")
  );
}

/** Where the numbers come from; one calm sentence instead when something is not as it should be. */
export function Source({ onRetry, plain = false }: { onRetry: () => void; plain?: boolean }) {
  // What is not about one symbol has no venues of its own.
  const venue = plain ? "all" : store.venue.value;
  const facts = plain ? null : store.facts.value;
  const trouble = store.notice.value || troubleOf();
  if (store.connection.value === "refused") {
    return (
      <button type="button" class="source retry" onClick={onRetry}>
        {trouble}
      </button>
    );
  }
  return (
    <>
      {venue !== "all" && <span class="only">{strings.venueOnly(venueName(venue))}</span>}
      {trouble ? (
        <span class="source" title={trouble}>
          {trouble}
        </span>
      ) : (
        facts && venue === "all" && <span class="source">{strings.venueCount(facts.venues.length)}</span>
      )}
    </>
  );
}

/** Says that this is no live market; nothing ever hides it. */
export function Watermark() {
  const hello = store.hello.value;
  const words: string[] = [];
  const kept = !hello && [...store.quotes.value.values()].some((it) => it.simulated);
  if (hello?.simulated || kept || (store.flags.value & FLAG_SIMULATED) !== 0) words.push(strings.simulated);
  if (hello?.market === "replay") words.push(strings.replay);
  if (words.length === 0) return null;
  const recorded = store.recordedMs.value;
  return (
    <span class="watermark">
      {words.join(" ")}
      {/* The local date and time, written the way that sorts. */}
      {recorded > 0 && <time> {new Date(recorded).toLocaleString("sv-SE")}</time>}
    </span>
  );
}

function troubleOf(): string {
  switch (store.connection.value) {
    case "refused":
      return strings.refused;
    case "waiting":
      return strings.waiting;
    case "open":
      return feedTrouble();
    default:
      // A first attempt is no trouble yet; the age tells how old the picture is.
      return "";
  }
}

function feedTrouble(): string {
  const state = store.state.value;
  const flags = store.flags.value;
  // Elsewhere the venues are not told of, and what is known of them is from another time.
  if (!state || !store.hasLadder.value || store.screen.value !== "ladder") return "";
  if ((flags & FLAG_PARTIAL) !== 0) {
    const [out] = venuesOut(state.venues);
    if (!out) return "";
    const shown = state.venues.filter((venue) => venue.state === "live").length;
    const age = out.age_ms === null ? "" : ` ${duration(out.age_ms)}`;
    return strings.venueOut(venueName(out.venue), age, shown, state.venues.length);
  }
  if (state.venues.length > 0 && state.venues.every((venue) => venue.state !== "live")) {
    return isSyncing() ? strings.syncing : strings.noVenueLive;
  }
  return "";
}
