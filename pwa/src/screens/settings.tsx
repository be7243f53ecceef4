/** How the app looks and what it spends; the ways to installing it and to its health. */

import type { App } from "../app.ts";
import { usdRound } from "../format.ts";
import { COLOURS, LARGE_TIMES, LARGE_USD, type Preferences, WHALE_TIMES } from "../model/preferences.ts";
import { hrefOf } from "../model/screens.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";

export function SettingsScreen({ app }: { app: App }) {
  const { largeUsd } = store.preferences.value;
  return (
    <main class="page">
      <PageHeader app={app} title={strings.settings} />
      <div class="page-body">
        <ul class="links">
          {(["big", "install", "health"] as const).map((it) => (
            <li key={it}>
              <a href={hrefOf(it)}>
                <b>{strings.pages[it]}</b>
                <span>{strings.pageNotes[it]}</span>
              </a>
            </li>
          ))}
        </ul>
        <h2>{strings.appearance}</h2>
        <Choice app={app} name="colours" options={COLOURS.map((it) => [it, strings.coloursOf[it]])} />
        <p class="page-hint">{strings.coloursHint}</p>
        <Choice
          app={app}
          name="ground"
          options={[
            ["default", strings.groundDefault],
            ["black", strings.groundBlack],
          ]}
        />
        <Choice
          app={app}
          name="hand"
          options={[
            ["left", strings.handLeft],
            ["right", strings.handRight],
          ]}
        />
        <h2>{strings.ladderLook}</h2>
        <Choice
          app={app}
          name="layout"
          options={[
            ["middle", strings.layoutMiddle],
            ["left", strings.layoutLeft],
          ]}
        />
        <Choice
          app={app}
          name="bars"
          options={[
            ["row", strings.barsRow],
            ["sum", strings.barsSum],
          ]}
        />
        <p class="page-hint">{strings.barsHint}</p>
        <h2>{strings.numbers}</h2>
        <Choice
          app={app}
          name="units"
          options={[
            ["usd", strings.unitsUsd],
            ["coin", strings.unitsCoin],
          ]}
        />
        <p class="page-hint">{strings.unitsHint}</p>
        <Choice app={app} name="largeUsd" options={LARGE_USD.map((it) => [it, usdRound(it)])} />
        <p class="page-hint">
          {strings.largeHint(usdRound(largeUsd * LARGE_TIMES), usdRound(largeUsd * WHALE_TIMES))}
        </p>
        <h2>{strings.data}</h2>
        <Choice
          app={app}
          name="saver"
          options={[
            [false, strings.off],
            [true, strings.on],
          ]}
        />
        <p class="page-hint">{strings.saverHint}</p>
        <p class="page-hint">{aboutText()}</p>
      </div>
    </main>
  );
}

function aboutText(): string {
  const hello = store.hello.value;
  if (!hello) return strings.aboutOffline;
  return strings.about(hello.version, strings.marketName[hello.market] ?? hello.market);
}

type Chosen = "colours" | "ground" | "hand" | "layout" | "bars" | "units" | "largeUsd" | "saver";

interface ChoiceProps<K extends Chosen> {
  readonly app: App;
  readonly name: K;
  readonly options: readonly (readonly [value: Preferences[K], text: string])[];
}

function Choice<K extends Chosen>({ app, name, options }: ChoiceProps<K>) {
  const chosen = store.preferences.value[name];
  return (
    <fieldset class="choice-of">
      <legend>{strings.choices[name]}</legend>
      <div class="segments">
        {options.map(([value, text]) => (
          <button
            key={text}
            type="button"
            aria-pressed={value === chosen}
            onClick={() => app.prefer({ [name]: value })}
          >
            {text}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
