/** An alert opened: its sentence, and the book as it was; one tap shows the live one in the same rows. */

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { App } from "../app.ts";
import { decimalsOf, duration, fixed, stepValue } from "../format.ts";
import { hrefOf } from "../model/screens.ts";
import { store } from "../model/store.ts";
import { readOpened } from "../push/opened.ts";
import { FootRow, HeadRow } from "../screens/ladder.tsx";
import { type LadderApp, type LadderStore, LadderView } from "../screens/ladder_view.ts";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";
import { problem } from "./change.ts";
import { held, serverNowMs } from "./client.ts";
import type { InboxEntry } from "./inbox.ts";
import { clock } from "./inbox_list.tsx";
import { appOf, liveOf, type Moment, readMoment, storeOf } from "./moment.ts";
import { MomentActions } from "./moment_actions.tsx";
import { loadPath, type Point, play } from "./path.ts";
import { factsOf, gapOf, loadSince, type Since } from "./since.ts";
import "../ladder.css";

/** How often what came of it is asked for while it is in view. */
const SINCE_EVERY_MS = 2_000;

interface Shown {
  readonly entry: InboxEntry;
  readonly moment: Moment;
}

/** The alert in view, null while the list is. */
export const shown = signal<Shown | null>(null);

/** Opens an alert as it was; tells whether its moment could be had. */
export async function showMoment(entry: InboxEntry): Promise<boolean> {
  if (!entry.hasMoment) return false;
  try {
    const answer = await fetch(`/api/moments/${entry.id}`, { cache: "no-store" });
    if (!answer.ok) return false;
    const moment = readMoment(new Uint8Array(await answer.arrayBuffer()), performance.now());
    shown.value = { entry, moment };
    return true;
  } catch {
    // Out of reach, or of a version that this one cannot read: the live row is there.
    return false;
  }
}

/** Goes to the live row of an alert, where it names one. */
export function goLive(app: App, entry: InboxEntry): void {
  const opened = readOpened(new URL(entry.url, location.href).search);
  if (!opened) return;
  app.open(opened);
  location.hash = hrefOf("ladder");
}

interface Props {
  readonly app: App;
  readonly of: Shown;
  readonly onView: (view: LadderView | null) => void;
}

export function MomentView({ app, of: { entry, moment }, onView }: Props) {
  const then = useMemo(() => storeOf(moment), [moment]);
  const picture = useMemo(() => appOf(moment), [moment]);
  const view = useRef<LadderView | null>(null);
  /** The live book in the rows of then, null while the past alone is in view. */
  const [live, setLive] = useState<LadderApp | null>(null);
  const [since, setSince] = useState<Since | null>(null);
  const [replayed, setReplayed] = useState<Point | null>(null);
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => {
    const ask = () => {
      if (document.visibilityState === "visible") void loadSince(entry.id).then(setSince);
    };
    ask();
    const timer = setInterval(ask, SINCE_EVERY_MS);
    return () => {
      clearInterval(timer);
      stop.current?.();
    };
  }, [entry.id]);
  const { facts } = moment.market;
  const symbol = facts?.symbol ?? "";
  const group = moment.market.ladder?.group ?? 1;
  useEffect(() => {
    if (!live) return;
    app.followAlert({ symbol, group });
    return () => app.followAlert(null);
  }, [app, live, symbol, group]);
  const words = (value: number) => (facts ? fixed(value, decimalsOf(facts.tick)) : "");
  const price = since?.now != null ? words(since.now) : null;
  useEffect(() => {
    const value = replayed ? replayed.price : (since?.now ?? null);
    picture.now =
      value === null || !facts
        ? null
        : {
            tick: value / stepValue(facts.tick),
            text: replayed ? words(value) : strings.since.now(words(value)),
          };
    view.current?.draw();
  }, [picture, facts, since, replayed]);
  void store.second.value;
  // The book of before is no book of these rows: until theirs has come, the past stays in view.
  const here = store.hasLadder.value && store.facts.value?.symbol === symbol && store.group.value === group;
  const liveShown = live !== null && here;
  const time = new Date(moment.atMs).toLocaleTimeString("en-GB");
  const ageMs = held.value ? Math.max(0, serverNowMs(held.value) - moment.atMs) : null;
  const goNow = () => {
    // The rows in view stay in view.
    const { lo, hi } = then.range.peek();
    const middle = facts && hi > lo ? ((lo + hi) / 2) * stepValue(facts.tick) : moment.target;
    setLive(liveOf(app, { symbol, price: middle, alert: null }));
  };
  const replay = async () => {
    if (stop.current) {
      stop.current();
      return;
    }
    setLive(null);
    const path = await loadPath(entry.id);
    problem.value = path.length > 0 ? "" : strings.alerts.noReplay;
    stop.current = play(path, setReplayed, () => {
      stop.current = null;
      setReplayed(null);
    });
  };
  const [left, right] = liveShown
    ? [strings.alerts.now, strings.alerts.age(store.age.value)]
    : replayed
      ? [strings.alerts.replaying(clock(replayed.atMs)), ""]
      : [strings.alerts.asItWas(time), ageMs === null ? "" : strings.alerts.ago(duration(ageMs))];
  return (
    <main class="moment">
      <PageHeader app={app} title={facts?.base ?? ""}>
        <button type="button" class="moment-close" onClick={close}>
          {strings.alerts.back}
        </button>
      </PageHeader>
      <p class="moment-sentence">
        <b>{entry.title}</b> {entry.body}
      </p>
      <div class="moment-bar" data-live={liveShown}>
        <span>{left}</span>
        {right && <span>{right}</span>}
        {moment.signals.length > 0 && <p>{moment.signals.join(" · ")}</p>}
      </div>
      <section class={`ladder ${liveShown ? `live ${store.freshness.value}` : ""}`} aria-label={left}>
        <HeadRow of={liveShown ? store : then} />
        <div class="moment-panes">
          <Pane app={picture} of={then} hidden={liveShown} onView={(made) => (view.current = made)} />
          {live && <Pane app={live} of={store} hidden={!liveShown} onView={onView} />}
        </div>
        <FootRow of={liveShown ? store : then} />
      </section>
      <dl class="moment-since">
        {factsOf(since, moment.target).map(({ name, value, way }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-way={way}>{value}</dd>
          </div>
        ))}
      </dl>
      {gapOf(since) && <p class="moment-gap">{gapOf(since)}</p>}
      <div class="segments alerts-parts">
        <button type="button" aria-pressed={!live} onClick={() => setLive(null)}>
          {strings.alerts.atThen(time)}
        </button>
        <button type="button" aria-pressed={live !== null} onClick={goNow}>
          {strings.alerts.live} {price}
        </button>
      </div>
      <MomentActions
        entry={entry}
        base={facts?.base ?? ""}
        replaying={replayed !== null}
        onReplay={replay}
        onLadder={() => goLive(app, entry)}
        onMap={() => {
          app.chooseSymbol(symbol);
          location.hash = hrefOf("map");
        }}
      />
    </main>
  );
}

interface PaneProps {
  readonly app: LadderApp;
  readonly of: LadderStore;
  readonly hidden: boolean;
  readonly onView: (view: LadderView | null) => void;
}

/** One of the two books; the hidden one has faded out and takes no finger. */
function Pane({ app, of, hidden, onView }: PaneProps) {
  const pane = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!pane.current || !picture.current) return;
    const made = new LadderView(app, of, pane.current, picture.current);
    onView(made);
    made.draw();
    return () => {
      onView(null);
      made.end();
    };
  }, [app, of]);
  return (
    <div
      class="pane"
      ref={pane}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the ladder scrolls by keys
      tabIndex={0}
      role="application"
      aria-label={strings.ladder}
      inert={hidden}
      data-hidden={hidden}
    >
      <div class="picture" ref={picture} />
    </div>
  );
}

function close(): void {
  shown.value = null;
}
