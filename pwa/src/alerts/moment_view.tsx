/** An alert opened: its sentence, and the book as it was; one tap leads to the live one. */

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { App } from "../app.ts";
import { decimalsOf, duration, fixed, stepValue } from "../format.ts";
import { hrefOf } from "../model/screens.ts";
import { store } from "../model/store.ts";
import { readOpened } from "../push/opened.ts";
import { FootRow, HeadRow } from "../screens/ladder.tsx";
import { LadderView } from "../screens/ladder_view.ts";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";
import { held, serverNowMs } from "./client.ts";
import type { InboxEntry } from "./inbox.ts";
import { appOf, type Moment, readMoment, storeOf } from "./moment.ts";
import { MomentActions } from "./moment_actions.tsx";
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

export function MomentView({ app, of: { entry, moment } }: { app: App; of: Shown }) {
  const pane = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLCanvasElement>(null);
  const then = useMemo(() => storeOf(moment), [moment]);
  const picture = useMemo(() => appOf(moment), [moment]);
  const view = useRef<LadderView | null>(null);
  const [since, setSince] = useState<Since | null>(null);
  useEffect(() => {
    if (!pane.current || !rows.current || !marks.current) return;
    const made = new LadderView(picture, then, pane.current, rows.current, marks.current);
    view.current = made;
    made.draw();
    return () => made.end();
  }, [picture, then]);
  useEffect(() => {
    const ask = () => {
      if (document.visibilityState === "visible") void loadSince(entry.id).then(setSince);
    };
    ask();
    const timer = setInterval(ask, SINCE_EVERY_MS);
    return () => clearInterval(timer);
  }, [entry.id]);
  const { facts } = moment.market;
  const price = since?.now != null && facts ? fixed(since.now, decimalsOf(facts.tick)) : null;
  useEffect(() => {
    const tick = since?.now != null && facts ? since.now / stepValue(facts.tick) : null;
    picture.now = tick === null || price === null ? null : { tick, text: strings.since.now(price) };
    view.current?.draw();
  }, [picture, facts, since, price]);
  void store.second.value;
  const time = new Date(moment.atMs).toLocaleTimeString("en-GB");
  const ageMs = held.value ? Math.max(0, serverNowMs(held.value) - moment.atMs) : null;
  return (
    <main class="moment">
      <PageHeader app={app} title={moment.market.facts?.base ?? ""}>
        <button type="button" class="moment-close" onClick={close}>
          {strings.alerts.back}
        </button>
      </PageHeader>
      <p class="moment-sentence">
        <b>{entry.title}</b> {entry.body}
      </p>
      <div class="moment-bar">
        <span>{strings.alerts.asItWas(time)}</span>
        {ageMs !== null && <span>{strings.alerts.ago(duration(ageMs))}</span>}
        {moment.signals.length > 0 && <p>{moment.signals.join(" · ")}</p>}
      </div>
      <section class="ladder" aria-label={strings.alerts.asItWas(time)}>
        <HeadRow of={then} />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the ladder scrolls by keys */}
        <div class="pane" ref={pane} tabIndex={0} role="application" aria-label={strings.ladder}>
          <canvas ref={rows} />
          <canvas ref={marks} />
        </div>
        <FootRow of={then} />
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
        <button type="button" aria-pressed={true}>
          {strings.alerts.atThen(time)}
        </button>
        <button type="button" aria-pressed={false} onClick={() => goLive(app, entry)}>
          {strings.alerts.live} {price}
        </button>
      </div>
      <MomentActions entry={entry} base={facts?.base ?? ""} />
    </main>
  );
}

function close(): void {
  shown.value = null;
}
