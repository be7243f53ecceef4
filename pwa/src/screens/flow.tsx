/** Tape over pulse: is this flow forced, and is open interest falling? */

import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { usd } from "../format.ts";
import { flowState, TAPE_FILTERS } from "../model/flow.ts";
import { chooseMap, MAP_HOURS, mapState } from "../model/map_state.ts";
import { SPLIT } from "../model/preferences.ts";
import { store } from "../model/store.ts";
import type { TapeSums } from "../net/tape_frames.ts";
import { readySound } from "../sound.ts";
import { strings } from "../strings.ts";
import "../flow.css";
import { Header } from "../ui/header.tsx";
import { ArrowIcon, SoundIcon } from "../ui/icons.tsx";
import { SettingsButton } from "../ui/settings_button.tsx";
import { PulseView } from "./pulse_view.ts";
import { TapeView } from "./tape_view.ts";

interface Props {
  readonly app: App;
  readonly onTape: (view: TapeView | null) => void;
  readonly onPulse: (view: PulseView | null) => void;
}

export function FlowScreen({ app, onTape, onPulse }: Props) {
  const tapeHost = useRef<HTMLDivElement>(null);
  const tape = useRef<HTMLCanvasElement>(null);
  const pulseHost = useRef<HTMLDivElement>(null);
  const pulse = useRef<HTMLCanvasElement>(null);
  const view = useRef<TapeView | null>(null);
  useEffect(() => {
    if (!tapeHost.current || !tape.current || !pulseHost.current || !pulse.current) return;
    const tapeView = new TapeView(store, tapeHost.current, tape.current);
    const pulseView = new PulseView(store, pulseHost.current, pulse.current);
    view.current = tapeView;
    onTape(tapeView);
    onPulse(pulseView);
    const filtered = flowState.filter.subscribe(() => tapeView.newest());
    // Ages grow although nothing comes.
    const ticking = store.second.subscribe(() => tapeView.draw());
    return () => {
      filtered();
      ticking();
      onTape(null);
      onPulse(null);
      tapeView.end();
      pulseView.end();
    };
  }, [onTape, onPulse]);
  const { hand, split } = store.preferences.value;
  return (
    <main class={`flow-screen ${store.freshness.value} hand-${hand}`}>
      <Header onRetry={() => app.wake()} />
      <Sums />
      <section
        class={`flow-panes ${flowState.freshness.value}`}
        style={{ "--split": `${split * 100}%` }}
        aria-label={strings.flow}
      >
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the tape scrolls by keys */}
        <div class="pane" ref={tapeHost} tabIndex={0} role="application" aria-label={strings.tape}>
          <canvas ref={tape} />
          {!flowState.hasTape.value && <p class="pane-note">{strings.tapeWaiting}</p>}
          {flowState.scrolled.value && (
            <button type="button" class="back above" onClick={() => view.current?.newest()}>
              <ArrowIcon />
              {strings.tapeNewest}
            </button>
          )}
        </div>
        <Divider app={app} />
        <div class="pane pulse-pane" ref={pulseHost} role="img" aria-label={strings.pulse}>
          <canvas ref={pulse} />
          {!flowState.hasPulse.value && <p class="pane-note">{strings.pulseWaiting}</p>}
        </div>
      </section>
      <FlowControls />
    </main>
  );
}

const NO_SUMS: TapeSums = { boughtUsd: 0, soldUsd: 0, shortsUsd: 0, longsUsd: 0, venues: 0 };

/** Who traded at market in the last minute, and how much of it was forced. */
function Sums() {
  // A minute that was not followed has no sums.
  const sums = flowState.freshness.value === "stale" ? null : flowState.sums.value;
  const { boughtUsd: bought, soldUsd: sold, shortsUsd, longsUsd, venues } = sums ?? NO_SUMS;
  const forced = shortsUsd + longsUsd;
  const said = (amount: number) => (sums ? usd(amount) : strings.unknown);
  const all = bought + sold;
  const part = all > 0 ? bought / all : 0.5;
  return (
    <div class="sums">
      <p>
        <span class="buy">
          <i class="triangle" /> {strings.bought(said(bought))}
        </span>
        <span class="sums-when">{strings.lastMinute}</span>
        <span class="sell">
          {strings.sold(said(sold))} <i class="triangle down" />
        </span>
      </p>
      <div class="sums-bar" style={{ "--part": `${part * 100}%` }}>
        <i />
        <i />
      </div>
      <p class="sums-forced">
        {forced > 0 ? (
          <>
            <b>{strings.forced(usd(forced))}</b> {strings.forcedOf(usd(shortsUsd), usd(longsUsd), venues)}
          </>
        ) : (
          sums && strings.forcedNone
        )}
        {flowState.floorUsd.value > 0 && <span> · {strings.tapeFloor(usd(flowState.floorUsd.value))}</span>}
      </p>
    </div>
  );
}

const STEP = 0.05;

/** Moves the border between tape and pulse; by keys as well. */
function Divider({ app }: { app: App }) {
  const { split } = store.preferences.value;
  const set = (part: number) => app.prefer({ split: Math.min(SPLIT.most, Math.max(SPLIT.least, part)) });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved
    <div
      class="divider"
      role="separator"
      aria-orientation="horizontal"
      aria-label={strings.divider}
      aria-valuenow={Math.round(split * 100)}
      aria-valuemin={SPLIT.least * 100}
      aria-valuemax={SPLIT.most * 100}
      tabIndex={0}
      onPointerDown={(event: PointerEvent) =>
        (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId)
      }
      onPointerMove={(event: PointerEvent) => {
        const bar = event.currentTarget as HTMLElement;
        const panes = bar.parentElement?.getBoundingClientRect();
        if (bar.hasPointerCapture(event.pointerId) && panes) set((event.clientY - panes.top) / panes.height);
      }}
      onKeyDown={(event: KeyboardEvent) => {
        const way = { ArrowUp: -STEP, ArrowDown: STEP }[event.key];
        if (way === undefined) return;
        event.preventDefault();
        set(split + way);
      }}
    />
  );
}

function FlowControls() {
  const filter = flowState.filter.value;
  const large = strings.fromUsd(usd(store.preferences.value.largeUsd).replace(".0", ""));
  const words = { all: strings.tapeAll, large, forced: strings.tapeForced };
  const sound = flowState.sound.value;
  return (
    <nav class="controls" aria-label={strings.flowControls}>
      <SettingsButton />
      <fieldset class="segments" aria-label={strings.tapeFilter}>
        {TAPE_FILTERS.map((it) => (
          <button
            key={it}
            type="button"
            aria-pressed={it === filter}
            onClick={() => {
              flowState.filter.value = it;
            }}
          >
            {words[it]}
          </button>
        ))}
      </fieldset>
      <button
        type="button"
        class={sound ? "button square on" : "button square"}
        aria-label={strings.sound}
        aria-pressed={sound}
        onClick={() => {
          flowState.sound.value = !sound;
          if (!sound) readySound();
        }}
      >
        <SoundIcon />
      </button>
      <select
        class="button"
        aria-label={strings.mapRange}
        value={mapState.choice.value.hours}
        onChange={(event) => {
          const chosen = Number((event.target as HTMLSelectElement).value);
          const hours = MAP_HOURS.find((it) => it === chosen);
          if (hours) chooseMap(localStorage, { hours });
        }}
      >
        {MAP_HOURS.map((it) => (
          <option key={it} value={it}>
            {strings.mapHours[it]}
          </option>
        ))}
      </select>
    </nav>
  );
}
