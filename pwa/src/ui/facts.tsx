/** The slow facts of the market: mark, funding, open interest, clusters, and how the venues are. */

import { duration, fixed, price, signed, stepValue, usd, usdInterval } from "../format.ts";
import { fateOf } from "../model/cluster_fate.ts";
import { nearEdge, type StreamState, type VenueFacts } from "../model/state.ts";
import { store } from "../model/store.ts";
import type { SymbolFacts } from "../net/frames.ts";
import { strings } from "../strings.ts";
import { clusterRange, venueName } from "./names.ts";

/** All of them, in the order of how often one looks. */
export function Facts({ title, onJump }: { title: string; onJump: (tick: number) => void }) {
  return (
    <>
      <ClusterList onJump={onJump} />
      <section>
        <h3>{title}</h3>
        <MarketFacts />
      </section>
      <VenueList />
    </>
  );
}

export function MarketFacts() {
  const state = store.state.value;
  const facts = store.facts.value;
  if (!state || !facts) return null;
  const rows: [string, string][] = [
    [strings.mark, state.mark === null ? strings.unknown : markText(state.mark, facts)],
    [strings.funding, fundingText(state)],
    [strings.openInterest, state.oi_usd === null ? strings.unknown : `$${usd(state.oi_usd)}`],
    ...unusual(state),
    [strings.pace, state.pace === null ? strings.unknown : strings.pacePerMinute(signed(state.pace, 1))],
  ];
  if (state.bias !== null) rows.push([strings.bias, state.bias > 0 ? strings.biasAbove : strings.biasBelow]);
  if (state.easier !== null) rows.push([strings.easier, easierText(state, state.easier, facts)]);
  const chain = chainText(state, facts);
  if (chain) rows.push([strings.chain, chain]);
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How far open interest is from its median of 30 days, in median deviations, once that is known. */
const unusual = ({ bands }: StreamState): [string, string][] =>
  bands?.oi_z == null ? [] : [[strings.interestUnusual, strings.deviations(signed(bands.oi_z, 1))]];

const markText = (mark: number, facts: SymbolFacts): string =>
  price(mark / stepValue(facts.tick), facts.tick);

function fundingText(state: StreamState): string {
  if (state.funding === null) return strings.unknown;
  const rate = strings.percent(signed(state.funding * 100, 4));
  if (!state.funding_at || state.funding_at <= state.t) return rate;
  return `${rate} ${strings.fundingIn(duration(state.funding_at - state.t))}`;
}

/** Where more may rest than is known, the way that looks thinner may be the other one. */
function easierText({ mark, known, reach_bp }: StreamState, way: "up" | "down", facts: SymbolFacts): string {
  const tick = (mark ?? Number.NaN) / stepValue(facts.tick);
  const part = (reach_bp ?? Number.POSITIVE_INFINITY) / 10_000;
  const sure = !known || (known.low <= tick * (1 - part) && tick * (1 + part) <= known.high);
  return sure ? strings.easierWay[way] : strings.ofKnown(strings.easierWay[way]);
}

/** Where more may rest than is known, the place may be farther away. */
function chainText({ chain: { up, down }, known }: StreamState, facts: SymbolFacts): string {
  const parts: string[] = [];
  const text = (tick: number, sure: boolean) =>
    sure ? price(tick, facts.tick) : strings.orFarther(price(tick, facts.tick));
  if (up !== null) parts.push(strings.chainUp(text(up, !known || up <= known.high)));
  if (down !== null) parts.push(strings.chainDown(text(down, !known || down >= known.low)));
  return parts.join(" · ");
}

function ClusterList({ onJump }: { onJump: (tick: number) => void }) {
  const state = store.state.value;
  const facts = store.facts.value;
  if (!state || !facts || state.clusters.length === 0) return null;
  const above = state.clusters.filter((it) => it.side === "short").reverse();
  const below = state.clusters.filter((it) => it.side === "long");
  return (
    <section>
      <h3>{strings.clusters}</h3>
      <ul class="clusters">
        {[...above, ...below].map((it) => (
          <li key={it.id}>
            <button type="button" onClick={() => onJump(nearEdge(it))}>
              <span class={it.side === "short" ? "name buy" : "name sell"}>{it.name}</span>
              <span class="range">
                {clusterRange(it, facts, store.group.value)}
                <small>{strings.percent(fixed(it.distance_pct, 2))}</small>
                {fateOf(it) && <small class="fate">{fateOf(it)}</small>}
              </span>
              <span class="amount">
                <b>{usd(it.usd)}</b>
                <small>{usdInterval(it.usd_lo, it.usd_hi, it.usd)}</small>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** One venue's health in words. */
export function venueHealth(venue: VenueFacts): string {
  const parts: string[] = [strings.venueState[venue.state] ?? venue.state];
  if (venue.age_ms !== null && venue.state !== "live") parts.push(strings.venueAge(duration(venue.age_ms)));
  if (venue.unverified) parts.push(strings.unverified);
  if (venue.resyncs > 0) parts.push(strings.resyncs(venue.resyncs));
  return parts.join(" · ");
}

function VenueList() {
  const venues = store.state.value?.venues ?? [];
  if (venues.length === 0) return null;
  return (
    <section>
      <h3>{strings.venues}</h3>
      <dl class="facts">
        {venues.map((venue) => (
          <div key={venue.venue}>
            <dt>{venueName(venue.venue)}</dt>
            <dd class={venue.state === "live" ? "" : "late"}>{venueHealth(venue)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
