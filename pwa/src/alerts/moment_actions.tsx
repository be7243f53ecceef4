/** What can be done about an alert: let its rule sleep, its market fall silent, mark its price. */

import { useState } from "preact/hooks";
import { strings } from "../strings.ts";
import { act, problem } from "./change.ts";
import { held, rules, serverNowMs } from "./client.ts";
import type { InboxEntry } from "./inbox.ts";
import { clock } from "./inbox_list.tsx";

export function MomentActions({ entry, base }: { entry: InboxEntry; base: string }) {
  const [marked, setMarked] = useState(false);
  const known = rules.value;
  const nowMs = held.value ? serverNowMs(held.value) : (known?.nowMs ?? 0);
  const asleep = known?.rules.find((it) => it.id === entry.rule)?.snoozedUntilMs ?? 0;
  const muted = known?.muted[entry.symbol ?? ""] ?? 0;
  const toggle = (action: "snooze" | "mute", untilMs: number) => () =>
    act(entry.id, action, untilMs > nowMs ? 0 : undefined);
  const mark = async () => setMarked(await act(entry.id, "mark"));
  return (
    <>
      {problem.value && (
        <p class="page-warning" role="alert">
          {problem.value}
        </p>
      )}
      <div class="moment-actions">
        {entry.rule !== null && (
          <button
            type="button"
            class="button"
            aria-pressed={asleep > nowMs}
            onClick={toggle("snooze", asleep)}
          >
            {asleep > nowMs ? strings.act.asleep(clock(asleep)) : strings.act.snooze}
          </button>
        )}
        {entry.symbol !== null && (
          <button type="button" class="button" aria-pressed={muted > nowMs} onClick={toggle("mute", muted)}>
            {muted > nowMs ? strings.act.silent(clock(muted)) : strings.act.mute(base)}
          </button>
        )}
        {entry.target !== null && (
          <button type="button" class="button" aria-pressed={marked} disabled={marked} onClick={mark}>
            {marked ? strings.act.marked : strings.act.mark}
          </button>
        )}
      </div>
    </>
  );
}
