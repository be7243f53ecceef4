/** Starts the app: the shell first, then the kept picture, then the live one. */

import { render } from "preact";
import { App } from "./app.ts";
import { store } from "./model/store.ts";
import { SUBPROTOCOL } from "./net/frames.ts";
import { LadderScreen } from "./screens/ladder.tsx";
import type { LadderView } from "./screens/ladder_view.ts";
import "./style.css";
import { SettingsSheet } from "./ui/settings.tsx";
import { Summary } from "./ui/summary.tsx";
import { SymbolSheet } from "./ui/symbols.tsx";
import { UpdateChip } from "./ui/update.tsx";
import { watchUpdates } from "./update.ts";

function openSocket(): WebSocket {
  const address = new URL("/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(address, SUBPROTOCOL);
}

const app = new App(store, localStorage, openSocket);
let view: LadderView | null = null;
const setView = (made: LadderView | null) => {
  view = made;
};

function Root() {
  const sheet = store.sheet.value;
  return (
    <>
      <LadderScreen app={app} onView={setView} />
      {sheet === "symbols" && <SymbolSheet app={app} />}
      {sheet === "settings" && <SettingsSheet app={app} />}
      <UpdateChip />
      <Summary />
    </>
  );
}

store.connection.subscribe((state) => {
  document.documentElement.dataset.connection = state;
});
store.freshness.subscribe((freshness) => {
  document.documentElement.dataset.freshness = freshness;
});
store.preferences.subscribe(({ colours, ground }) => {
  Object.assign(document.documentElement.dataset, { colours, ground });
});

render(<Root />, document.getElementById("app") as HTMLElement);
app.start(() => view?.draw());

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") app.shown();
  else app.hidden();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) app.shown();
});
window.addEventListener("pagehide", () => app.hidden());
window.addEventListener("online", () => app.wake());
watchUpdates();
