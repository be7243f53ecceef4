/** What can be done about an alert: play what price did since, let its rule sleep; behind "more" what is rarer. */

import { useState } from "preact/hooks";
import { strings } from "../strings.ts";
import { act, problem } from "./change.ts";
import { held, rules, serverNowMs } from "./client.ts";
import type { InboxEntry } from "./inbox.ts";
import { clock } from "./inbox_list.tsx";

interface Props {
  readonly entry: InboxEntry;
  readonly base: string;
  readonly replaying: boolean;
  readonly onReplay: () => void;
  readonly onMap: () => void;
  readonly onLadder: () => void;
}

export function MomentActions({ entry, base, replaying, onReplay, onMap, onLadder }: Props) {
  const [marked, setMarked] = useState(false);
  const [more, setMore] = useState(false);
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
        <button type="button" class="button" aria-pressed={replaying} onClick={onReplay}>
          {replaying ? strings.act.stop : strings.act.replay}
        </button>
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
        <button type="button" class="button" onClick={onMap}>
          {strings.act.map}
        </button>
        <button
          type="button"
          class="button more"
          aria-label={strings.act.more}
          aria-expanded={more}
          onClick={() => setMore(!more)}
        >
          …
        </button>
      </div>
      {more && (
        <div class="moment-actions">
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
          <button type="button" class="button" onClick={onLadder}>
            {strings.act.ladder}
          </button>
        </div>
      )}
    </>
  );
}
