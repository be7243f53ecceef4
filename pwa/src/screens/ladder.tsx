/** The ladder screen: header, compass, rows, compass, controls. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { decimalsOf, price, usdRound } from "../format.ts";
import { chooseMap, mapState } from "../model/map_state.ts";
import { rowState } from "../model/row_state.ts";
import { type Store, store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { Compass } from "../ui/compass.tsx";
import { Controls } from "../ui/controls.tsx";
import { Header } from "../ui/header.tsx";
import { ArrowIcon, CentreIcon } from "../ui/icons.tsx";
import "../ladder.css";
import { lazy } from "../ui/lazy.tsx";
import { useMedia } from "../ui/media.ts";
import { LadderView } from "./ladder_view.ts";
import type { MapView } from "./map_view.ts";

const MapPane = lazy(() => import("../ui/map_pane.tsx").then((it) => it.MapPane));
const RowCardBox = lazy(() => import("../ui/row_card.tsx").then((it) => it.RowCardBox));
const Facts = lazy(() => import("../ui/facts.tsx").then((it) => it.Facts));
const FactsSheet = lazy(() => import("../ui/facts_sheet.tsx").then((it) => it.FactsSheet));
const MapRange = lazy(() => import("../ui/map_pane.tsx").then((it) => it.MapRange));

/** From this width on the map has room beside the ladder. */
const BESIDE = matchMedia("(min-width: 700px)");
/** Screens that have room for the facts of the market, as the styles lay them out. */
const FACTS = matchMedia(
  "(orientation: landscape) and (max-height: 540px), (min-width: 820px) and (min-height: 541px)",
);

/** A recording without open interest never gets a map: the facts of the market stand in its place. */
const mayHaveMap = (): boolean => store.hello.value?.market !== "replay" || store.state.value?.bands !== null;

interface Props {
  readonly app: App;
  /** Hands out the view's drawing, so that new data can ask for it. */
  readonly onView: (view: LadderView | null) => void;
  readonly onMap: (view: MapView | null) => void;
}

export function LadderScreen({ app, onView, onMap }: Props) {
  const pane = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  const view = useRef<LadderView | null>(null);
  useEffect(() => {
    if (!pane.current || !picture.current) return;
    const made = new LadderView(app, store, pane.current, picture.current);
    view.current = made;
    onView(made);
    return () => {
      onView(null);
      made.end();
    };
  }, [app, onView]);
  const wide = useMedia(BESIDE);
  useEffect(() => {
    const watching = effect(() => {
      mapState.beside.value = wide && mayHaveMap();
    });
    return () => {
      watching();
      mapState.beside.value = false;
    };
  }, [wide]);
  const beside = mapState.beside.value;
  const withFacts = useMedia(FACTS);
  const jump = (tick: number) => view.current?.lookAt(tick);
  const centre = () => view.current?.recentre();
  return (
    <main
      class={`ladder-screen ${store.freshness.value} hand-${store.preferences.value.hand} ${beside ? "beside" : ""}`}
    >
      <Header onRetry={() => app.wake()} />
      <section class="ladder" aria-label={strings.ladder}>
        <Compass side="short" onJump={jump} />
        <HeadRow />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the ladder scrolls and groups by keys */}
        <div class="pane" ref={pane} tabIndex={0} role="application" aria-label={strings.ladder}>
          <div class="picture" ref={picture} />
          <PaneNote />
          <RowCardPlace />
          <BackToPrice onCentre={centre} />
        </div>
        <FootRow />
        <Compass side="long" onJump={jump} />
      </section>
      {beside && (
        <div class="map-beside">
          <MapPane app={app} onView={onMap} />
          <MapRange onChoose={(hours) => chooseMap(localStorage, { hours })} />
        </div>
      )}
      <aside class="panel">{withFacts && <Facts title={strings.market} onJump={jump} />}</aside>
      <Controls app={app} onCentre={centre} />
      {store.sheet.value === "facts" && <FactsSheet onJump={jump} />}
    </main>
  );
}

/** The head of a column says when its numbers are sums. */
const head = (text: string): string =>
  store.preferences.value.bars === "sum" ? strings.columnSum(text) : text;

/** The heads of the columns; `of` tells of another picture than the live one. */
export function HeadRow({ of = store }: { of?: Pick<Store, "unit" | "facts" | "group" | "state"> }) {
  const unit = of.unit.value;
  const facts = of.facts.value;
  const group = of.group.value;
  const state = of.state.value;
  const guessed = state?.venues.some((it) => it.estimate === "mark_estimated");
  const note = guessed ? strings.markEstimated : state?.bands?.calibrated === false && strings.uncalibrated;
  return (
    <div class="columns" aria-hidden="true">
      <span class="column-volume">{strings.columnVolume}</span>
      <span class="column-left fuel">{head(strings.columnShorts(unit))}</span>
      <span class="column-spine">
        {facts && strings.columnGroup(price(group, facts.tick, decimalsOf(facts.tick, group)))}
      </span>
      <span class="column-right book">{head(strings.columnAsks(unit))}</span>
      {note && <span class="column-note">{note}</span>}
    </div>
  );
}

export function FootRow({ of = store }: { of?: Pick<Store, "unit" | "barUsd"> }) {
  const unit = of.unit.value;
  const bar = of.barUsd.value;
  return (
    <div class="columns" aria-hidden="true">
      <span class="column-volume" />
      <span class="column-left book">{head(strings.columnBids(unit))}</span>
      <span class="column-spine plain">{bar > 0 && strings.barScale(usdRound(bar))}</span>
      <span class="column-right fuel">{head(strings.columnLongs(unit))}</span>
    </div>
  );
}

/** The card of a row is fetched when there is time, or a finger asks for it. */
function RowCardPlace() {
  return rowState.card.value && <RowCardBox />;
}

/** Where there is no picture to show yet, one sentence. */
function PaneNote() {
  if (store.hasLadder.value) return null;
  const connection = store.connection.value;
  const text =
    connection === "open"
      ? strings.noLadderYet
      : connection === "connecting"
        ? strings.connecting
        : strings.nothingKept;
  return <p class="pane-note">{text}</p>;
}

/** The way back after a scroll: where price is and what it is. */
function BackToPrice({ onCentre }: { onCentre: () => void }) {
  if (store.following.value || !store.hasLadder.value) return null;
  const at = store.priceAt.value;
  return (
    <button
      type="button"
      class={`back ${at}`}
      aria-label={strings.backToPrice}
      onPointerDown={(event: PointerEvent) => event.stopPropagation()}
      onClick={onCentre}
    >
      {at === "inside" ? <CentreIcon /> : <ArrowIcon down={at === "below"} />}
      {at === "inside" ? strings.backToPrice : store.last.value}
    </button>
  );
}
