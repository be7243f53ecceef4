/** What calls you when you do not look: whether it can reach this phone. */

import type { App } from "../app.ts";
import { PushPanel } from "../push/panel.tsx";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";

export function AlertsScreen({ app }: { app: App }) {
  return (
    <main class="page">
      <PageHeader app={app} title={strings.tabs.alerts} />
      <PushPanel />
    </main>
  );
}
