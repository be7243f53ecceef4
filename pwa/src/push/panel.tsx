/** Whether alerts reach this phone, and the taps that change it. */

import { strings } from "../strings.ts";
import { push, test, turnOff, turnOn } from "./client.ts";
import "./push.css";

export function PushPanel() {
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
    </section>
  );
}
