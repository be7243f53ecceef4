/** What can be done at a price that was tapped: mark it, be told when it is crossed, or forget either. */

import { useEffect, useState } from "preact/hooks";
import { loadRules, problem, putRule, removeRule } from "../alerts/change.ts";
import { rules } from "../alerts/client.ts";
import { levelAt } from "../alerts/rules.ts";
import type { App } from "../app.ts";
import { price, stepValue } from "../format.ts";
import { markTick } from "../model/marks.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { closeSheet, Sheet } from "./sheet.tsx";

const LABEL_MOST = 40;

export function PriceSheet({ app }: { app: App }) {
  const [label, write] = useState("");
  // What is recorded is over: nothing of it can be waited for.
  const over = store.hello.value?.market === "replay";
  useEffect(() => {
    problem.value = "";
    if (!over) void loadRules();
  }, [over]);
  const facts = store.facts.value;
  const { tick, within } = store.tapped.value;
  if (!facts) return null;
  const text = price(tick, facts.tick);
  const here = app.marks.shown.value.filter(
    (it) => it.symbol === facts.symbol && Math.abs(markTick(it, facts) - tick) <= within,
  );
  const step = stepValue(facts.tick);
  const levels = (rules.value?.rules ?? []).filter(
    (it) =>
      it.kind === "price" &&
      it.symbol === facts.symbol &&
      Math.abs(Number(it.settings.price) / step - tick) <= within,
  );
  const watch = async () => {
    const level = Number((tick * step).toFixed(facts.tick[1]));
    if (await putRule(levelAt(facts.symbol, level, label.trim()))) closeSheet();
  };
  const mark = (word: string) => {
    app.mark(tick, word.trim());
    closeSheet();
  };
  return (
    <Sheet title={`${facts.base} ${text}`}>
      {here.map((it) => (
        <div key={it.price} class="watched">
          <b>
            {it.label || strings.mark1} {it.price}
          </b>
          <button
            type="button"
            class="button"
            onClick={() => {
              app.unmark(it);
              closeSheet();
            }}
          >
            {strings.markForget}
          </button>
        </div>
      ))}
      {levels.map((it) => (
        <div key={it.id} class="watched">
          <b>{strings.levels.here(String(it.settings.label || it.settings.price))}</b>
          <button type="button" class="button" onClick={() => removeRule(it.id)}>
            {strings.markForget}
          </button>
        </div>
      ))}
      <input
        class="search"
        type="text"
        maxLength={LABEL_MOST}
        placeholder={strings.markLabel}
        aria-label={strings.markLabel}
        value={label}
        onInput={(event) => write((event.target as HTMLInputElement).value)}
      />
      <div class="mark-words">
        {strings.markWords.map((word) => (
          <button key={word} type="button" class="button" onClick={() => mark(word)}>
            {word}
          </button>
        ))}
        <button type="button" class="button primary" onClick={() => mark(label)}>
          {strings.markPut}
        </button>
      </div>
      {!over && (
        <button type="button" class="button alert-here" onClick={watch}>
          {strings.levels.put}
        </button>
      )}
      {problem.value && (
        <p class="page-warning" role="alert">
          {problem.value}
        </p>
      )}
      <p class="sheet-note">{strings.markNote}</p>
    </Sheet>
  );
}
