/** Starts the app: the shell first, then the kept picture, then the live one. */

import { render } from "preact";
import { held, loadInbox, seeOpened } from "./alerts/client.ts";
import { App } from "./app.ts";
import { watchInstall } from "./install.ts";
import { hrefOf, screenOf } from "./model/screens.ts";
import { store } from "./model/store.ts";
import { openSocket } from "./net/socket.ts";
import { readOpened } from "./push/opened.ts";
import "./style.css";
import { fetched, fetchTheRest } from "./ui/lazy.tsx";
import { Shell, views } from "./ui/shell.tsx";

/** By then the first picture is there, on most networks. */
const REST_AFTER_MS = 4_000;

const app = new App(store, localStorage, openSocket);

store.connection.subscribe((state) => {
  document.documentElement.dataset.connection = state;
});
store.freshness.subscribe((freshness) => {
  document.documentElement.dataset.freshness = freshness;
});
store.preferences.subscribe(({ colours, ground, layout }) => {
  Object.assign(document.documentElement.dataset, { colours, ground, layout });
});

const follow = () => app.visit(screenOf(location.hash) ?? store.preferences.value.tab);
/** Goes to the row that an alert's address names; tells whether it names one. */
function openRow(search: string): boolean {
  const opened = readOpened(search);
  if (opened) app.open(opened);
  if (opened?.alert) showThen(opened.alert).catch(() => {});
  return opened !== null;
}

/** Shows the book as it was when an alert fired, if it can be had; until then the live one is in view. */
async function showThen(alert: number): Promise<void> {
  const entry = await seeOpened(alert);
  if (!entry?.hasMoment) return;
  const { showMoment } = await import("./alerts/moment_view.tsx");
  if ((await showMoment(entry)) && store.screen.value === "ladder") location.hash = hrefOf("alerts");
}

// A reload later is about what is in view then, not about the alert again.
if (openRow(location.search)) history.replaceState(null, "", `/${hrefOf("ladder")}`);
// The first address names its screen, so that the way back from another one leads to it.
if (!screenOf(location.hash)) history.replaceState(null, "", hrefOf(store.preferences.value.tab));
follow();
window.addEventListener("hashchange", follow);

// First of all what is missing is asked for; the page is made while it comes.
app.start((nowMs) => {
  for (const view of views) view.draw(nowMs);
});
render(<Shell app={app} />, document.getElementById("app") as HTMLElement);
app.rendered();

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") app.shown();
  else app.hidden();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) app.shown();
});
window.addEventListener("pagehide", () => app.hidden());
window.addEventListener("online", () => app.wake());
navigator.serviceWorker?.addEventListener("message", (event) => {
  if (typeof event.data?.shown === "string") {
    void import("./sound.ts").then((it) => it.soundAlert(event.data.way ?? 0));
    void loadInbox();
  }
  // A button of a notification was pressed: an alert is seen, and maybe a rule asleep.
  if (typeof event.data?.acted === "string") {
    void loadInbox();
    void import("./alerts/change.ts").then((it) => it.loadRules());
  }
  const url = event.data?.open;
  if (typeof url === "string" && openRow(new URL(url, location.href).search))
    location.hash = hrefOf("ladder");
});
watchInstall();
setTimeout(() => {
  void fetchTheRest();
  // What is recorded is over: it watches for nothing, and what was kept is of another market.
  if (store.hello.value?.market === "replay") held.value = null;
  else if (store.hello.value) void loadInbox();
}, REST_AFTER_MS);
// What nobody looks at begins when the first live picture is painted, or there is none for a while.
let restful = false;
const rest = fetched(() => import("./rest.ts"));
function watchTheRest(): void {
  if (restful) return;
  restful = true;
  rest().then(
    (it) => it.watchTheRest(),
    () => {
      // Without a network now.
      restful = false;
      setTimeout(watchTheRest, REST_AFTER_MS);
    },
  );
}
store.freshness.subscribe((freshness) => {
  if (freshness !== "stale") requestAnimationFrame(() => setTimeout(watchTheRest));
});
setTimeout(watchTheRest, REST_AFTER_MS);
