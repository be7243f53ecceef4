/** The service worker: registered, checked for updates, and swapped when nobody is looking. */

import { store } from "./model/store.ts";
import { trustedScript } from "./net/trusted.ts";

const CHECK_EVERY_MS = 3_600_000;
const WORKER = "/sw.js";

let waiting: ServiceWorker | null = null;

/** Lets the waiting worker take over; the page loads again with it. */
export function applyUpdate(): void {
  waiting?.postMessage("take over");
}

function offer(registration: ServiceWorkerRegistration): void {
  if (!registration.waiting || !navigator.serviceWorker.controller) return;
  waiting = registration.waiting;
  store.updateReady.value = true;
}

/** Does nothing where workers are not allowed, such as plain http at home. */
export async function watchUpdates(): Promise<void> {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  // The first worker to take control brings no new page with it.
  let reloads = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (reloads) location.reload();
    reloads = true;
  });
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(trustedScript("leadline", WORKER));
  } catch {
    return; // Without a worker the app is the same, except that it needs the server to start.
  }
  offer(registration);
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", () => offer(registration));
  });
  setInterval(() => void registration.update().catch(() => {}), CHECK_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") applyUpdate();
  });
}
