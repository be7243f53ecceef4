/** Whether alerts reach this phone, the taps that change it, and how every device fares. */

import { useEffect } from "preact/hooks";
import { rules } from "../alerts/client.ts";
import { strings } from "../strings.ts";
import { askHealth, push, test, turnOff, turnOn } from "./client.ts";
import { type HealthRow, lastOf, phoneRows, stopRows } from "./health.ts";
import "./push.css";

export function PushPanel() {
  useEffect(() => void askHealth(), []);
  const state = push.state.value;
  const busy = push.busy.value;
  const tripMs = push.roundTripMs.value;
  return (
    <section class="push-panel" data-push={state}>
      <h2>{strings.push.title}</h2>
      <p>{strings.push.states[state]}</p>
      <div class="segments">
        {state === "off" && (
          <button type="button" disabled={busy} onClick={turnOn}>
            {strings.push.turnOn}
          </button>
        )}
        {state === "on" && (
          <>
            <button type="button" disabled={busy} onClick={test}>
              {strings.push.test}
            </button>
            <button type="button" disabled={busy} onClick={turnOff}>
              {strings.push.turnOff}
            </button>
          </>
        )}
      </div>
      <p role="status">{tripMs === null ? push.said.value : strings.push.roundTrip(Math.round(tripMs))}</p>
      <Health />
    </section>
  );
}

function Health() {
  const phone = push.phone.value;
  if (!phone) return null;
  const server = push.server.value;
  const nowMs = Date.now();
  // While the rules are not known, the usual one is taken to be there.
  const hasRule = rules.value?.rules.some((it) => it.kind === "server" && it.enabled) ?? true;
  const others = server?.devices.filter((it) => !it.isThis) ?? [];
  const rows = others.map((it) => ({
    name: it.name,
    note: it.channel === "webpush" ? it.service : (strings.push.channels[it.channel] ?? it.channel),
    ...lastOf(it, nowMs),
  }));
  return (
    <>
      <h3>{strings.push.health}</h3>
      <Rows rows={phoneRows(phone, server, nowMs)} />
      {server && (
        <>
          <h3>{strings.push.stop}</h3>
          <Rows rows={stopRows(phone, server, hasRule, nowMs)} />
        </>
      )}
      {rows.length > 0 && <h3>{strings.push.others}</h3>}
      {rows.length > 0 && <Rows rows={rows} />}
    </>
  );
}

/** A mark stands beside every colour, for those who do not see it. */
const MARKS = new Map<boolean | null, string>([
  [true, "\u2713"],
  [false, "\u2715"],
  [null, ""],
]);

function Rows({ rows }: { rows: readonly (HealthRow & { readonly note?: string })[] }) {
  return (
    <dl class="health">
      {rows.map(({ name, note, value, good }) => (
        <div key={`${name} ${note ?? ""}`} data-good={good}>
          <dt>
            {name}
            {note && <small>{note}</small>}
          </dt>
          <dd>
            {value} <span aria-hidden="true">{MARKS.get(good)}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
