/** The watchlist: where each market is, and which dense cluster it meets first on either side. */

import { useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { duration, fixed, price, signed, splitDecimals, usd, usdInterval } from "../format.ts";
import { type GlanceItem, glanceItems, heroOf, nearestOf, sortItems } from "../model/glance.ts";
import { GLANCE_SORTS, type GlanceSort, watchlistOf } from "../model/preferences.ts";
import { hrefOf } from "../model/screens.ts";
import { store } from "../model/store.ts";
import type { GlanceCluster, GlanceRow } from "../net/glance_frames.ts";
import { strings } from "../strings.ts";
import "../glance.css";
import { FullIcon, SearchIcon } from "../ui/icons.tsx";
import { PageHeader } from "../ui/page_header.tsx";
import { SettingsButton } from "../ui/settings_button.tsx";
import { Strip } from "../ui/strip.tsx";

/** Rows change places at most so often: a list that moves under the finger is no list. */
const RESORT_MS = 5_000;

type Side = "above" | "below";

export function GlanceScreen({ app }: { app: App }) {
  // Ages grow although nothing comes.
  void store.second.value;
  const nowMs = performance.now();
  const { sort } = store.preferences.value;
  const known = store.hello.value?.symbols ?? [];
  const quotes = store.quotes.value;
  const watched = watchedSymbols();
  const items = useOrder(glanceItems(watched, known, quotes, nowMs), sort, nowMs);
  const hero = heroOf(items);
  const open = (item: GlanceItem) => {
    app.chooseSymbol(item.facts.symbol);
    location.hash = hrefOf("ladder");
  };
  return (
    <main class={`page glance hand-${store.preferences.value.hand}`}>
      <PageHeader app={app} title={strings.tabs.glance}>
        <GlanceAge items={items} />
      </PageHeader>
      <div class="glance-list">
        {hero && <Hero item={hero} onOpen={() => open(hero)} />}
        <div class="glance-head" aria-hidden="true">
          <span>{strings.glanceOrder[sort]}</span>
          <span>
            <i class="triangle down sell" /> {strings.longs} <i class="triangle buy" /> {strings.shorts}
          </span>
        </div>
        {items.length === 0 && <p class="page-note">{emptyText(known.length)}</p>}
        <ul>
          {items
            .filter((item) => item !== hero)
            .map((item) => (
              <Row key={item.facts.symbol} item={item} onOpen={() => open(item)} />
            ))}
        </ul>
      </div>
      <GlanceControls app={app} sort={sort} />
    </main>
  );
}

/** What is watched: the choice of the user, or without a server what was kept. */
function watchedSymbols(): readonly string[] {
  const known = store.hello.value?.symbols.map((it) => it.symbol) ?? [...store.quotes.value.keys()];
  return watchlistOf(store.preferences.value, known);
}

function emptyText(known: number): string {
  if (known > 0) return strings.glanceNone;
  return store.connection.value === "open" ? strings.noSymbols : strings.nothingKept;
}

/** Items in the order chosen; the order of a moment ago stays unless it is old or of another choice. */
function useOrder(items: readonly GlanceItem[], sort: GlanceSort, nowMs: number): readonly GlanceItem[] {
  const held = useRef({ key: "", atMs: 0, order: [] as readonly string[] });
  const key = `${sort} ${items.map((it) => it.facts.symbol + it.freshness).join()}`;
  if (key !== held.current.key || nowMs - held.current.atMs >= RESORT_MS) {
    const order = sortItems(items, sort).map((it) => it.facts.symbol);
    held.current = { key, atMs: nowMs, order };
  }
  const place = (item: GlanceItem) => held.current.order.indexOf(item.facts.symbol);
  return [...items].sort((one, other) => place(one) - place(other));
}

function GlanceAge({ items }: { items: readonly GlanceItem[] }) {
  const shown = items.filter((it) => it.row);
  if (shown.length === 0) return null;
  const newest = shown.reduce((best, it) => (it.ageMs < best.ageMs ? it : best));
  const age = duration(newest.ageMs);
  return (
    <span class={`age ${newest.freshness}`}>
      <i class="dot" />
      {newest.freshness === "stale" ? strings.lastSeen(age) : age}
    </span>
  );
}

function Hero({ item, onOpen }: { item: GlanceItem; onOpen: () => void }) {
  const { facts, row } = item;
  const nearest = nearestOf(row);
  if (!row || !nearest) return null;
  const { side, cluster } = nearest;
  const other = side === "above" ? row.below : row.above;
  const [whole, decimals] = splitDecimals(priceText(item));
  return (
    <button type="button" class="hero" onClick={onOpen}>
      <span class="unseen">{strings.glanceTitle(facts.symbol)}</span>
      <span class="hero-top">
        <b class="hero-symbol">{facts.base}</b>
        {cluster.state && <span class={`state ${sideInk(side)}`}>{stateText(cluster)}</span>}
        <Day row={row} />
        <span class="hero-price">
          {whole}
          <small>{decimals}</small>
        </span>
      </span>
      <span class="hero-line">
        <Triangle side={side} />
        <b>
          {strings.glanceTo(
            strings.percent(fixed(cluster.distanceBp / 100, 2)),
            usd(cluster.usd),
            sideWord(side),
          )}
        </b>{" "}
        <span class="interval-text">({usdInterval(cluster.lowUsd, cluster.highUsd, cluster.usd)})</span>
      </span>
      <span class="hero-why">{whyText(row, cluster)}</span>
      {other && <span class="hero-why">{otherSide(side === "above" ? "below" : "above", other)}</span>}
      <Strip row={row} />
      <span class="strip-scale" aria-hidden="true">
        {strings.glanceStrip.map((it) => (
          <span key={it}>{it}</span>
        ))}
      </span>
    </button>
  );
}

const otherSide = (side: Side, cluster: GlanceCluster): string =>
  strings.glanceOther(
    strings.percent(fixed(cluster.distanceBp / 100, 2)),
    side === "above",
    usd(cluster.usd),
    sideWord(side),
    usdInterval(cluster.lowUsd, cluster.highUsd, cluster.usd),
  );

function Row({ item, onOpen }: { item: GlanceItem; onOpen: () => void }) {
  const { facts, row, freshness } = item;
  const stale = freshness === "stale";
  return (
    <li>
      <button type="button" class={`glance-row ${freshness}`} onClick={onOpen}>
        <span class="unseen">{strings.glanceTitle(facts.symbol)}</span>
        <span class="glance-name">
          <b>{facts.base}</b>
          {row && freshness !== "fresh" ? (
            <span class={`age ${freshness}`}>
              <i class="dot" />
              {stale ? strings.lastSeen(duration(item.ageMs)) : duration(item.ageMs)}
            </span>
          ) : (
            row && <Day row={row} />
          )}
        </span>
        <span class="glance-price">
          <span>{priceText(item)}</span>
          {row && !stale && <small>{noteText(row)}</small>}
        </span>
        {row ? (
          <span class="glance-map">
            <Strip row={row} />
            {stale ? <span class="glance-none">{strings.glancePaused}</span> : <Sides row={row} />}
          </span>
        ) : (
          <span class="glance-map glance-none">{strings.glanceWaiting}</span>
        )}
      </button>
    </li>
  );
}

/** The nearest dense cluster on either side, each under its half of the strip. */
function Sides({ row }: { row: GlanceRow }) {
  if (row.regime === "news") return <span class="glance-none">{strings.regimes.news}</span>;
  if (!row.above && !row.below) {
    const why = row.topCode === null ? strings.noEstimate : strings.glanceNoCluster;
    return <span class="glance-none">{why}</span>;
  }
  const first = nearestOf(row)?.side;
  return (
    <span class="glance-sides">
      {(["below", "above"] as const).map((side) => {
        const cluster = row[side];
        if (!cluster) return <span key={side} />;
        return (
          <span key={side} class={`glance-side ${side === first ? "first" : ""}`}>
            <span>
              <Triangle side={side} /> <b>{strings.percent(fixed(cluster.distanceBp / 100, 2))}</b>{" "}
              {usd(cluster.usd)}
            </span>
            <small>
              {usdInterval(cluster.lowUsd, cluster.highUsd, cluster.usd)} · {etaText(cluster)}
            </small>
          </span>
        );
      })}
    </span>
  );
}

function Day({ row }: { row: GlanceRow }) {
  if (row.day === null) return null;
  const ink = row.day > 0 ? "buy" : row.day < 0 ? "sell" : "even";
  return <span class={`day ${ink}`}>{strings.percent(signed(row.day, 2))}</span>;
}

const Triangle = ({ side }: { side: Side }) => (
  <i class={side === "above" ? "triangle buy" : "triangle down sell"} />
);

const sideInk = (side: Side) => (side === "above" ? "buy" : "sell");
const sideWord = (side: Side) => (side === "above" ? strings.shorts : strings.longs);

const stateText = (cluster: GlanceCluster): string =>
  (strings.clusterState as Readonly<Record<string, string>>)[cluster.state] ?? cluster.state;

const etaText = (cluster: GlanceCluster): string =>
  cluster.etaMin === null ? strings.glanceAway : strings.minutes(cluster.etaMin);

function priceText({ facts, row }: GlanceItem): string {
  return row && row.last > 0 ? price(row.last, facts.tick) : strings.unknown;
}

const biasKey = (bias: number): "above" | "below" | "even" =>
  bias > 0 ? "above" : bias < 0 ? "below" : "even";

function noteText(row: GlanceRow): string {
  if (row.calibrated === false) return strings.uncalibrated;
  if (row.regime === "sparse") return strings.regimes.sparse;
  return row.bias === null ? "" : strings.fuelShort[biasKey(row.bias)];
}

function whyText(row: GlanceRow, cluster: GlanceCluster): string {
  const parts: string[] = row.calibrated === false ? [strings.uncalibrated] : [];
  if (row.bias !== null) {
    parts.push(
      { above: strings.fuelAbove, below: strings.fuelBelow, even: strings.fuelEven }[biasKey(row.bias)],
    );
  }
  if (row.regime === "sparse" || row.regime === "news") parts.push(strings.regimes[row.regime]);
  const facts = parts.length > 0 ? `${parts.join(", ")}. ` : "";
  const way =
    cluster.etaMin === null
      ? strings.glanceMovingAway
      : strings.glanceMinutes(strings.minutes(cluster.etaMin).replace("≈ ", ""));
  return facts + way;
}

function GlanceControls({ app, sort }: { app: App; sort: GlanceSort }) {
  return (
    <nav class="controls" aria-label={strings.glanceControls}>
      <SettingsButton />
      <button
        type="button"
        class="button find"
        aria-label={strings.glanceFind}
        aria-haspopup="dialog"
        onClick={() => {
          store.sheet.value = "watchlist";
        }}
      >
        <SearchIcon />
        {strings.glanceFindShort}
      </button>
      <select
        class="button"
        aria-label={strings.glanceSort}
        value={sort}
        onChange={(event) => app.prefer({ sort: (event.target as HTMLSelectElement).value as GlanceSort })}
      >
        {GLANCE_SORTS.map((it) => (
          <option key={it} value={it}>
            {strings.glanceSorts[it]}
          </option>
        ))}
      </select>
      <a class="button square" href={hrefOf("big")} aria-label={strings.pages.big}>
        <FullIcon />
      </a>
    </nav>
  );
}
