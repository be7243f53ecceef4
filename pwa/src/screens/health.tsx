/** How the connection does, and how well each venue's book of the market in view is followed. */

import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { duration, fixed } from "../format.ts";
import type { TierFacts, VenueFacts } from "../model/state.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { venueName } from "../ui/names.ts";
import { PageHeader } from "../ui/page_header.tsx";

type Row = readonly [name: string, value: string, late?: boolean];

export function HealthScreen({ app }: { app: App }) {
  const state = store.state.value;
  const facts = store.facts.value;
  const connection = useConnection(app);
  const stale = store.freshness.value === "stale";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: nothing in it takes the focus, and keys must scroll it
    <main class={`page ${store.freshness.value}`} tabIndex={0} aria-label={strings.pages.health}>
      <PageHeader app={app} title={strings.pages.health} />
      <div class="page-body">
        <h2>{strings.connection}</h2>
        <Facts rows={connection} />
        <h2>{facts ? strings.venuesOf(facts.symbol) : strings.venues}</h2>
        {stale && store.age.value && <p class="page-warning">{strings.lastSeen(store.age.value)}</p>}
        {state ? (
          state.venues.map((venue) => (
            <section key={venue.venue}>
              <h3>{venueName(venue.venue)}</h3>
              <Facts rows={venueRows(venue, state.bands?.tiers?.[venue.venue], state.t)} />
            </section>
          ))
        ) : (
          <p class="page-hint">{strings.glanceWaiting}</p>
        )}
        <p class="page-hint">{strings.healthHint}</p>
      </div>
    </main>
  );
}

function Facts({ rows }: { rows: readonly Row[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value, late]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={late ? "late" : ""}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Bytes a second are counted from one showing to the next. */
function useConnection(app: App): readonly Row[] {
  const before = useRef<{ bytes: number; atMs: number } | null>(null);
  const second = store.second.value;
  useEffect(() => app.measure(), [app, second]);
  const nowMs = performance.now();
  const { bytes, roundTripMs, clockMs } = app.connection;
  const held = before.current;
  const rate = held && nowMs > held.atMs ? ((bytes - held.bytes) * 1_000) / (nowMs - held.atMs) : null;
  if (!held || nowMs - held.atMs > 900) before.current = { bytes, atMs: nowMs };
  const hello = store.hello.value;
  return [
    [
      strings.connectionNow,
      strings.connectionState[store.connection.value],
      store.connection.value !== "open",
    ],
    [strings.roundTrip, roundTripMs === null ? strings.unknown : strings.ms(fixed(roundTripMs, 0))],
    [strings.received, rate === null ? strings.unknown : strings.bytesPerSecond(fixed(rate, 0))],
    [strings.serverClock, clockMs === null ? strings.unknown : clockText(clockMs)],
    [strings.server, hello ? `${hello.version}, ${strings.marketName[hello.market]}` : strings.unknown],
  ];
}

function venueRows(venue: VenueFacts, tiers: TierFacts | undefined, tMs: number): readonly Row[] {
  const known = (value: number | null | undefined, print: (value: number) => string): string =>
    value === null || value === undefined ? strings.unknown : print(value);
  const live = venue.state === "live";
  return [
    [strings.book, venue.trading === false ? strings.closed : strings.venueState[venue.state], !live],
    [strings.ageOf, known(venue.age_ms, duration)],
    [
      strings.verified,
      venue.unverified ? strings.unverified : known(venue.since, (since) => duration(tMs - since)),
      venue.unverified === true,
    ],
    [strings.gapsAndResyncs, `${venue.gaps} / ${venue.resyncs}`, venue.resyncs > 0],
    [strings.resyncTook, `${known(venue.resync_ms, duration)} / ${known(venue.resync_p99_ms, duration)}`],
    [strings.silent, known(venue.silent_ms, duration)],
    [strings.unread, known(venue.errors, String), (venue.errors ?? 0) > 0],
    [strings.liquidationFeed, strings.liquidationFeeds[venue.liquidations ?? "unknown"]],
    [
      strings.estimateOf,
      strings.standing[venue.estimate ?? "none"],
      venue.estimate !== undefined && venue.estimate !== "in",
    ],
    [
      strings.tiersOf,
      tiers ? tiersText(tiers) : strings.unknown,
      tiers !== undefined && (tiers.later || tiers.source === "fallback"),
    ],
    [strings.venueClock, known(venue.clock_ms, clockText)],
  ];
}

function tiersText({ source, from, later }: TierFacts): string {
  const name = strings.tierSource(source);
  const text = from === null ? name : strings.tiersFrom(name, from);
  return later ? strings.tiersLater(text) : text;
}

function clockText(ms: number): string {
  const by = Math.abs(ms);
  return strings.clock(by < 10_000 ? strings.ms(fixed(by, 0)) : duration(by), ms < 0 ? "behind" : "ahead");
}
