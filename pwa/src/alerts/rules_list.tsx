/** The user's rules, what each waits for, and the hours in which nothing rings. */

import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { mute, problem, putRule, setQuiet, snooze } from "./change.ts";
import { held, rules, serverNowMs, trouble } from "./client.ts";
import { edited } from "./editor.tsx";
import { dayAndTime } from "./inbox_list.tsx";
import { freshRule, type Quiet, type Rule, type Rules } from "./rules.ts";
import { sentenceOf } from "./sentence.ts";

const ALL_MINUTES = 60;
const QUIET_FIRST = { begin: "23:00", end: "07:00" };

export function RulesList() {
  const known = rules.value;
  if (!known) {
    return trouble.value === "out" ? <p class="page-note">{strings.alerts.outUnknown}</p> : null;
  }
  void store.second.value;
  const nowMs = held.value ? serverNowMs(held.value) : known.nowMs;
  const asleep = known.rules.some((it) => it.snoozedUntilMs > nowMs);
  const begin = () => {
    const [kind] = known.kinds;
    if (kind) edit(freshRule(kind, null));
  };
  return (
    <div class="alerts-body">
      {problem.value && store.sheet.value !== "rule" && (
        <p class="page-warning" role="alert">
          {problem.value}
        </p>
      )}
      {known.rules.length === 0 && <p class="page-note">{strings.rules.none}</p>}
      <ul class="rules">
        {known.rules.map((it) => (
          <RuleRow key={it.id} rule={it} nowMs={nowMs} />
        ))}
      </ul>
      <div class="rule-buttons">
        <button
          type="button"
          class="button"
          disabled={known.rules.length === 0}
          onClick={() => snooze(null, asleep ? 0 : ALL_MINUTES)}
        >
          {asleep ? strings.rules.wake : `${strings.rules.snoozeAll} ${strings.rules.minutes(ALL_MINUTES)}`}
        </button>
        <button type="button" class="button primary" onClick={begin}>
          {strings.rules.fresh}
        </button>
      </div>
      <Muted muted={known.muted} nowMs={nowMs} />
      <QuietHours rules={known} />
    </div>
  );
}

function edit(rule: Rule): void {
  problem.value = "";
  edited.value = rule;
  store.sheet.value = "rule";
}

function RuleRow({ rule, nowMs }: { rule: Rule; nowMs: number }) {
  const sentence = sentenceOf(rule);
  const aboutNone = rules.value?.kinds.some((it) => it.kind === rule.kind && it.globalOnly);
  const notes = aboutNone ? [] : [rule.symbol ?? strings.rules.everywhere];
  if (rule.snoozedUntilMs > nowMs) notes.push(strings.rules.asleep(dayAndTime(rule.snoozedUntilMs)));
  return (
    <li data-on={rule.enabled}>
      <button type="button" class="rule" aria-haspopup="dialog" onClick={() => edit(rule)}>
        {sentence}
        <span>{notes.join(" · ")}</span>
      </button>
      <button
        type="button"
        class="switch"
        role="switch"
        aria-checked={rule.enabled}
        aria-label={strings.rules.turn(sentence)}
        onClick={() => putRule({ ...rule, enabled: !rule.enabled })}
      >
        {rule.enabled ? strings.rules.on : strings.rules.off}
      </button>
    </li>
  );
}

/** Markets that were silenced from one of their alerts. */
function Muted({ muted, nowMs }: { muted: Rules["muted"]; nowMs: number }) {
  const still = Object.entries(muted).filter(([, untilMs]) => untilMs > nowMs);
  return (
    <>
      {still.map(([symbol, untilMs]) => (
        <div key={symbol} class="quiet-row">
          <p>{strings.act.muted(symbol, dayAndTime(untilMs))}</p>
          <button type="button" class="switch" onClick={() => mute(symbol, 0)}>
            {strings.rules.wake}
          </button>
        </div>
      ))}
    </>
  );
}

function QuietHours({ rules: { quiet } }: { rules: Rules }) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const change = (to: Partial<Quiet>) => setQuiet({ zone, ...QUIET_FIRST, ...quiet, ...to });
  return (
    <section class="quiet">
      <h2>{strings.rules.quiet}</h2>
      <div class="quiet-row">
        <p>
          {strings.rules.quietNote} {quiet && strings.rules.quietZone(quiet.zone)}
        </p>
        <button
          type="button"
          class="switch"
          role="switch"
          aria-checked={quiet !== null}
          aria-label={strings.rules.quiet}
          onClick={() => (quiet ? setQuiet(null) : change({}))}
        >
          {quiet ? strings.rules.on : strings.rules.off}
        </button>
      </div>
      {quiet && (
        <div class="quiet-times">
          {(["begin", "end"] as const).map((it) => (
            <label key={it}>
              {strings.rules[it]}
              <input
                type="time"
                class="search"
                value={quiet[it]}
                onChange={(event) => change({ [it]: (event.target as HTMLInputElement).value })}
              />
            </label>
          ))}
        </div>
      )}
    </section>
  );
}
