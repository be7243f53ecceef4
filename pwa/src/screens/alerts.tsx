/** The place of the alerts in the thumb bar; they are not there yet, and it says so. */

import type { App } from "../app.ts";
import { strings } from "../strings.ts";
import { PageHeader } from "../ui/page_header.tsx";

export function AlertsScreen({ app }: { app: App }) {
  return (
    <main class="page">
      <PageHeader app={app} title={strings.tabs.alerts} />
      <p class="page-note">{strings.alertsLater}</p>
    </main>
  );
}
