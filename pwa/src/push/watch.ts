/** Looks each minute whether the server is there, as long as the app runs and alerts are on for this phone. */

import { store } from "../model/store.ts";
import { push } from "./client.ts";
import { heard, lookerOf, lookForServer } from "./silence.ts";

const EVERY_MS = 60_000;

export function watchServer(): void {
  setInterval(() => void look().catch(() => {}), EVERY_MS);
}

async function look(): Promise<void> {
  if (push.state.value !== "on") return;
  const looker = lookerOf(await navigator.serviceWorker.ready);
  if (store.connection.value === "open") await heard(looker);
  // Who looks at the screen sees it there.
  else if (document.visibilityState === "hidden") await lookForServer(looker);
}
