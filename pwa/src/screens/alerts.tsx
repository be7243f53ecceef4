/** What calls you when you do not look: what fired, what is waited for, and whether it can reach this phone. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { loadRules } from "../alerts/change.ts";
import { rules } from "../alerts/client.ts";
import { RuleSheet } from "../alerts/editor.tsx";
import { InboxList } from "../alerts/inbox_list.tsx";
import { MomentView, shown } from "../alerts/moment_view.tsx";
import { RulesList } from "../alerts/rules_list.tsx";
import type { App } from "../app.ts";
import { store } from "../model/store.ts";
import { push } from "../push/client.ts";
import { PushPanel } from "../push/panel.tsx";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";
import type { LadderView } from "./ladder_view.ts";
import "../alerts.css";

type Part = "inbox" | "rules" | "health";

/** Which part is in view; it stays while the app runs. */
const part = signal<Part>("inbox");

interface Props {
  readonly app: App;
  /** Hands out the live book beside an opened alert, so that new data can ask for its drawing. */
  readonly onView: (view: LadderView | null) => void;
}

export function AlertsScreen({ app, onView }: Props) {
  const over = store.hello.value?.market === "replay";
  useEffect(() => {
    if (!over) void loadRules();
  }, [over]);
  if (over) return <Recorded app={app} />;
  if (shown.value)
    return <MomentView key={shown.value.entry.id} app={app} of={shown.value} onView={onView} />;
  const show = (it: Part) => () => {
    part.value = it;
  };
  const names: readonly (readonly [Part, string])[] = [
    ["inbox", strings.alerts.inbox],
    ["rules", rules.value ? strings.rules.count(rules.value.rules.length) : strings.rules.title],
    ["health", strings.alerts.health(push.state.value === "on")],
  ];
  return (
    <main class="alerts-screen">
      <div class="page">
        <PageHeader app={app} title={strings.tabs.alerts} />
        {part.value === "inbox" && <InboxList app={app} onHealth={show("health")} />}
        {part.value === "rules" && <RulesList />}
        {part.value === "health" && <PushPanel />}
      </div>
      <div class="segments alerts-parts">
        {names.map(([it, name]) => (
          <button key={it} type="button" aria-pressed={it === part.value} onClick={show(it)}>
            {name}
          </button>
        ))}
      </div>
      {store.sheet.value === "rule" && <RuleSheet />}
    </main>
  );
}

/** What is recorded is over: its server watches for nothing, and is not asked. */
function Recorded({ app }: { app: App }) {
  return (
    <main class="alerts-screen">
      <div class="page">
        <PageHeader app={app} title={strings.tabs.alerts} />
        <p class="page-note">{strings.alerts.recorded}</p>
      </div>
    </main>
  );
}
