/** What the thumb does: settings, grouping, back to price. */

import type { App } from "../app.ts";
import { decimalsOf, price } from "../format.ts";
import { nextGroup } from "../model/grouping.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { CentreIcon, MinusIcon, PlusIcon } from "./icons.tsx";
import { SettingsButton } from "./settings_button.tsx";

interface Props {
  readonly app: App;
  readonly onCentre: () => void;
}

export function Controls({ app, onCentre }: Props) {
  return (
    <nav class="controls" aria-label={strings.controls}>
      <SettingsButton />
      <GroupStepper app={app} />
      <button
        type="button"
        class={store.following.value ? "button wide" : "button wide primary"}
        onClick={onCentre}
      >
        <CentreIcon />
        {strings.centre}
      </button>
    </nav>
  );
}

function GroupStepper({ app }: { app: App }) {
  const facts = store.facts.value;
  const group = store.group.value;
  const groups = facts?.groups ?? [];
  const text = facts && store.hasLadder.value ? price(group, facts.tick, decimalsOf(facts.tick, group)) : "";
  return (
    <fieldset class="stepper" aria-label={strings.group}>
      <button
        type="button"
        aria-label={strings.finer}
        disabled={nextGroup(groups, group, -1) === null}
        onClick={() => app.stepGroup(-1)}
      >
        <MinusIcon />
      </button>
      <output aria-label={strings.group}>{text}</output>
      <button
        type="button"
        aria-label={strings.coarser}
        disabled={nextGroup(groups, group, 1) === null}
        onClick={() => app.stepGroup(1)}
      >
        <PlusIcon />
      </button>
    </fieldset>
  );
}
