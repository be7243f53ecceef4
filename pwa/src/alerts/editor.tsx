/** The sheet that makes or changes a rule, drawn from what the server says a kind of rule can be set to. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { duration } from "../format.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { closeSheet, Sheet } from "../ui/sheet.tsx";
import { type Preview, previewOf, problem, putRule, putSet, removeRule, snooze } from "./change.ts";
import { rules } from "./client.ts";
import { dayAndTime } from "./inbox_list.tsx";
import {
  type ChoiceSetting,
  type ChoicesSetting,
  freshRule,
  type Kind,
  type LabelSetting,
  type NumberSetting,
  type Rule,
  type Setting,
  type SettingValue,
} from "./rules.ts";
import { kindName, plain, readNumber, wordOf } from "./sentence.ts";

/** The rule in the sheet. */
export const edited = signal<Rule | null>(null);

/** So long after the last keystroke the server is asked what the rule would have done. */
const TYPING_MS = 300;
/** A server that is started anew misses a few minutes, which is nothing to tell. */
const UNKNOWN_MS = 10 * 60_000;
/** What reaches so far back is "the last 24 h"; it begins with a whole minute. */
const WHOLE_DAY_MS = 24 * 3_600_000 - 10 * 60_000;
const SNOOZES = [15, 60, 480];

export function RuleSheet() {
  const rule = edited.value;
  const kinds = rules.value?.kinds ?? [];
  const kind = kinds.find((it) => it.kind === rule?.kind);
  if (!rule || !kind) return null;
  const change = (to: Partial<Rule>) => {
    problem.value = "";
    edited.value = { ...rule, ...to };
  };
  const choose = (name: string) => {
    const other = kinds.find((it) => it.kind === name);
    if (other) edited.value = freshRule(other, rule.symbol ?? (other.symbolNeeded ? firstSymbol() : null));
  };
  return (
    <Sheet title={rule.id > 0 ? strings.rules.edit : strings.rules.fresh}>
      <div class="editor">
        {rule.id > 0 ? (
          <p>{kindName(rule.kind)}</p>
        ) : (
          <Field name={strings.rules.kind}>
            <Select
              chosen={rule.kind}
              options={kinds.map((it) => [it.kind, kindName(it.kind)])}
              onChoose={choose}
            />
          </Field>
        )}
        {!kind.globalOnly && <Market rule={rule} kind={kind} onChange={change} />}
        {rule.id === 0 && <Sets of={rule} />}
        {kind.settings.map((it) => (
          <SettingField
            key={`${rule.kind} ${it.name}`}
            setting={it}
            value={rule.settings[it.name] ?? null}
            onChange={(value) => change({ settings: { ...rule.settings, [it.name]: value } })}
          />
        ))}
        {rule.id > 0 && <Further rule={rule} />}
        <div class="keep">
          <PreviewLine rule={rule} />
          {problem.value && (
            <p class="page-warning" role="alert">
              {problem.value}
            </p>
          )}
          <button type="button" class="button primary" onClick={() => closeWhen(putRule(rule))}>
            {strings.rules.keep}
          </button>
        </div>
      </div>
    </Sheet>
  );
}

async function closeWhen(done: Promise<boolean>): Promise<void> {
  if (await done) closeSheet();
}

const symbols = (): string[] => store.hello.value?.symbols.map((it) => it.symbol) ?? [];
const firstSymbol = (): string | null => store.facts.value?.symbol ?? symbols()[0] ?? null;

interface MarketProps {
  readonly rule: Rule;
  readonly kind: Kind;
  readonly onChange: (to: Partial<Rule>) => void;
}

function Market({ rule, kind, onChange }: MarketProps) {
  const known = symbols();
  // A rule about a market that is no longer followed keeps it.
  const all = rule.symbol && !known.includes(rule.symbol) ? [rule.symbol, ...known] : known;
  const options = all.map((it) => [it, it] as const);
  return (
    <Field name={strings.rules.symbol}>
      <Select
        chosen={rule.symbol ?? ""}
        options={kind.symbolNeeded ? options : [["", strings.rules.everywhere], ...options]}
        onChoose={(symbol) => onChange({ symbol: symbol || null })}
      />
    </Field>
  );
}

/** Several rules at once, for the market that is chosen. */
function Sets({ of: { symbol } }: { of: Rule }) {
  const sets = rules.value?.sets ?? [];
  if (sets.length === 0) return null;
  return (
    <fieldset class="choice-of">
      <legend>{strings.rules.wholeSet}</legend>
      <div class="segments">
        {sets.map((it) => (
          <button key={it} type="button" onClick={() => closeWhen(putSet(it, symbol))}>
            {strings.rules.sets[it] ?? it}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

/** Snoozing and removing: done at once, without keeping what was typed. */
function Further({ rule }: { rule: Rule }) {
  return (
    <>
      <fieldset class="choice-of">
        <legend>{strings.rules.snooze}</legend>
        <div class="segments">
          {SNOOZES.map((minutes) => (
            <button key={minutes} type="button" onClick={() => closeWhen(snooze(rule.id, minutes))}>
              {strings.rules.minutes(minutes)}
            </button>
          ))}
          <button type="button" onClick={() => closeWhen(snooze(rule.id, 0))}>
            {strings.rules.wake}
          </button>
        </div>
      </fieldset>
      <button type="button" class="button remove" onClick={() => closeWhen(removeRule(rule.id))}>
        {strings.rules.remove}
      </button>
    </>
  );
}

function PreviewLine({ rule }: { rule: Rule }) {
  const [told, tell] = useState<Preview | null>(null);
  const asked = JSON.stringify([rule.kind, rule.symbol, rule.settings]);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(async () => {
      const answer = await previewOf(rule);
      if (current) tell(answer);
    }, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [asked]);
  return (
    <p class="preview" role="status" data-bad={told !== null && "problem" in told}>
      {previewText(told)}
    </p>
  );
}

function previewText(told: Preview | null): string {
  if (!told) return strings.rules.previewAsking;
  if ("problem" in told) return told.problem;
  const whole = told.nowMs - told.sinceMs >= WHOLE_DAY_MS;
  const when = whole ? strings.rules.lastDay : strings.rules.since(dayAndTime(told.sinceMs));
  const unknown = told.unknownMs >= UNKNOWN_MS ? strings.rules.previewUnknown(duration(told.unknownMs)) : "";
  return strings.rules.preview(told.count, when) + unknown;
}

interface SettingProps<S extends Setting> {
  readonly setting: S;
  readonly value: SettingValue;
  readonly onChange: (value: SettingValue) => void;
}

function SettingField({ setting, value, onChange }: SettingProps<Setting>) {
  switch (setting.type) {
    case "number":
      return <NumberField setting={setting} value={value} onChange={onChange} />;
    case "choice":
      return <ChoiceField setting={setting} value={value} onChange={onChange} />;
    case "choices":
      return <ChoicesField setting={setting} value={value} onChange={onChange} />;
    case "label":
      return <LabelField setting={setting} value={value} onChange={onChange} />;
  }
}

const nameOf = (setting: Setting): string => strings.rules.names[setting.name] ?? setting.name;

function NumberField({ setting, value, onChange }: SettingProps<NumberSetting>) {
  // What is typed stays as it is: "2." is on its way to a number.
  const [text, write] = useState(typeof value === "number" ? plain(value) : String(value ?? ""));
  const limits = strings.rules.limits(plain(setting.least), plain(setting.most));
  return (
    <Field name={nameOf(setting)} note={setting.name === "usd_min" ? strings.rules.standsOut : limits}>
      <input
        class="search"
        type="text"
        inputMode="decimal"
        value={text}
        onInput={(event) => {
          const typed = (event.target as HTMLInputElement).value;
          write(typed);
          onChange(readNumber(typed));
        }}
      />
    </Field>
  );
}

function LabelField({ setting, value, onChange }: SettingProps<LabelSetting>) {
  return (
    <Field name={nameOf(setting)} note={strings.rules.letters(setting.lengthMax)}>
      <input
        class="search"
        type="text"
        maxLength={setting.lengthMax}
        value={typeof value === "string" ? value : ""}
        onInput={(event) => onChange((event.target as HTMLInputElement).value)}
      />
    </Field>
  );
}

function ChoiceField({ setting, value, onChange }: SettingProps<ChoiceSetting>) {
  return <Words setting={setting} isChosen={(word) => word === value} onTap={(word) => onChange(word)} />;
}

function ChoicesField({ setting, value, onChange }: SettingProps<ChoicesSetting>) {
  const chosen = Array.isArray(value) ? (value as readonly string[]) : [];
  const turn = (word: string) =>
    onChange(setting.words.filter((it) => (it === word ? !chosen.includes(it) : chosen.includes(it))));
  return <Words setting={setting} isChosen={(word) => chosen.includes(word)} onTap={turn} />;
}

interface WordsProps {
  readonly setting: ChoiceSetting | ChoicesSetting;
  readonly isChosen: (word: string) => boolean;
  readonly onTap: (word: string) => void;
}

function Words({ setting, isChosen, onTap }: WordsProps) {
  return (
    <fieldset class="choice-of">
      <legend>{nameOf(setting)}</legend>
      <div class="segments">
        {setting.words.map((word) => (
          <button key={word} type="button" aria-pressed={isChosen(word)} onClick={() => onTap(word)}>
            {wordOf(word)}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

function Field({ name, note, children }: { name: string; note?: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is what is put inside
    <label class="field">
      <span>
        {name} {note && <small>{note}</small>}
      </span>
      {children}
    </label>
  );
}

interface SelectProps {
  readonly chosen: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChoose: (value: string) => void;
}

function Select({ chosen, options, onChoose }: SelectProps) {
  return (
    <select
      class="search"
      value={chosen}
      onChange={(event) => onChoose((event.target as HTMLSelectElement).value)}
    >
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
