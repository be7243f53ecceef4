/** The newest alerts; a tap leads to the row it is about. */

import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";
import { duration } from "../format.ts";
import { store } from "../model/store.ts";
import { push } from "../push/client.ts";
import { strings } from "../strings.ts";
import { held, loadInbox, rules, see, serverNowMs, trouble } from "./client.ts";
import type { InboxEntry } from "./inbox.ts";
import { goLive, showMoment } from "./moment_view.tsx";
import { armedIn } from "./rules.ts";
import { change } from "./since.ts";

const EVERY_MS = 15_000;
const DAY_MS = 86_400_000;

export function InboxList({ app, onHealth }: { app: App; onHealth: () => void }) {
  useEffect(() => {
    void loadInbox();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void loadInbox();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  // Ages grow by the second.
  void store.second.value;
  const now = held.value;
  const entries = now?.inbox.entries ?? [];
  return (
    <div class="alerts-body">
      <Trouble />
      {push.state.value === "off" && !trouble.value && (
        <button type="button" class="alerts-hint" onClick={onHealth}>
          {strings.alerts.notHere} <b>{strings.push.turnOn}</b>
        </button>
      )}
      {now && entries.length === 0 && (
        <p class="page-note">
          {strings.alerts.nothing(dayAndTime(now.inbox.sinceMs))}{" "}
          {rules.value && strings.alerts.armed(armedIn(rules.value, serverNowMs(now)))}
        </p>
      )}
      {now && entries.length > 0 && (
        <ul class={trouble.value ? "inbox stale" : "inbox"}>
          {entries.map((it) => (
            <Entry
              key={it.id}
              app={app}
              entry={it}
              ageMs={Math.max(0, serverNowMs(now) - it.atMs)}
              price={trouble.value ? null : (now.inbox.prices[it.symbol ?? ""] ?? null)}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

function Trouble() {
  const said = trouble.value;
  if (!said) return null;
  return (
    <p class="page-warning" role="status">
      {said !== "out" ? said.text : held.value ? outSince(held.value.atMs) : strings.alerts.outUnknown}
    </p>
  );
}

const outSince = (atMs: number): string => strings.alerts.out(duration(performance.now() - atMs));

interface EntryProps {
  readonly app: App;
  readonly entry: InboxEntry;
  readonly ageMs: number;
  /** The last price of its market now; null while it is not live. */
  readonly price: number | null;
}

function Entry({ app, entry, ageMs, price }: EntryProps) {
  const moved = change(entry.price, price);
  const open = async () => {
    void see(entry.id);
    if (!(await showMoment(entry))) goLive(app, entry);
  };
  return (
    <li>
      <button type="button" class="entry" data-seen={entry.seen} data-kind={entry.kind} onClick={open}>
        <span class="entry-title">
          {!entry.seen && <span class="unseen">{strings.alerts.unseen} </span>}
          {entry.way !== 0 && <i class={entry.way > 0 ? "triangle up" : "triangle down"} />}
          {entry.title}
        </span>
        <time dateTime={new Date(entry.atMs).toISOString()}>
          <b>{(ageMs < DAY_MS ? clock : dayAndTime)(entry.atMs)}</b> {duration(ageMs)}
        </time>
        <span class="entry-body">{entry.body}</span>
        {entry.price !== null && price !== null && (
          <span class="entry-moved" data-way={moved.way} title={strings.since.names.price}>
            {moved.value}
          </span>
        )}
      </button>
    </li>
  );
}

/** "09:14", by the phone's clock. */
export const clock = (ms: number): string =>
  new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** "Tue 09:14", by the phone's clock. */
export const dayAndTime = (ms: number): string =>
  `${new Date(ms).toLocaleDateString("en", { weekday: "short" })} ${clock(ms)}`;
