/**
 * Whether the server still answers this phone: kept where page and service worker both find it. A server
 * that was killed can tell nobody, so the phone looks by itself where the browser lets it.
 */

import { SILENCE, silenceNotice } from "./notice.ts";

const STORE = "push-device";
const PLACE = "/server-heard";
/** A request that is lost on the way is no silence: it is asked again after a moment. */
const AGAIN_MS = 5_000;
const PATIENCE_MS = 10_000;

/** Unix ms; told: whether the user knows of the silence. */
export interface Heard {
  readonly atMs: number;
  readonly told: boolean;
}

/** What looking needs of a page or a worker. */
export interface Looker {
  readonly stores: CacheStorage;
  readonly fetch: typeof fetch;
  /** Whether this phone has a network at all. */
  readonly online: boolean;
  readonly nowMs: number;
  readonly pause: (ms: number) => Promise<void>;
  /** Tells the user of a silence since then, and takes that back when it is over. */
  readonly tell: (sinceMs: number) => Promise<void>;
  readonly takeBack: () => Promise<void>;
}

/** A looker in a page or a worker; what is told is shown as a notification. */
export const lookerOf = (
  shows: Pick<ServiceWorkerRegistration, "showNotification" | "getNotifications">,
): Looker => ({
  stores: caches,
  fetch: fetch.bind(globalThis),
  online: navigator.onLine,
  nowMs: Date.now(),
  pause: (ms) => new Promise((done) => setTimeout(done, ms)),
  tell: async (sinceMs) => {
    const { title, ...options } = silenceNotice(sinceMs);
    await shows.showNotification(title, options);
  },
  takeBack: async () => {
    for (const one of await shows.getNotifications({ tag: SILENCE })) one.close();
  },
});

/** When the server answered last; null before the first time. */
export async function lastHeard(stores: CacheStorage): Promise<Heard | null> {
  const kept = await (await stores.open(STORE)).match(PLACE);
  const told: unknown = await kept?.json().catch(() => null);
  return isHeard(told) ? told : null;
}

/** Notes that the server has answered; what was said of its silence is taken back. */
export async function heard({ stores, nowMs, takeBack }: Omit<Looker, "fetch">): Promise<void> {
  const before = await lastHeard(stores);
  await keep(stores, { atMs: nowMs, told: false });
  if (before?.told) await takeBack();
}

/** Asks the server; tells the user once when it has fallen silent. */
export async function lookForServer(looker: Looker): Promise<void> {
  if (!looker.online) return;
  let there = await answers(looker);
  if (!there) {
    await looker.pause(AGAIN_MS);
    there = await answers(looker);
  }
  if (there) return heard(looker);
  const before = await lastHeard(looker.stores);
  if (!before || before.told) return;
  await keep(looker.stores, { ...before, told: true });
  await looker.tell(before.atMs);
}

/** A proxy before a dead server answers too: only the server tells its version. */
async function answers(looker: Looker): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await looker.fetch("/healthz", { cache: "no-store", signal });
    const told: unknown = await answer.json();
    return typeof told === "object" && told !== null && "version" in told;
  } catch {
    return false;
  }
}

async function keep(stores: CacheStorage, told: Heard): Promise<void> {
  await (await stores.open(STORE)).put(PLACE, new Response(JSON.stringify(told)));
}

const isHeard = (told: unknown): told is Heard =>
  typeof told === "object" &&
  told !== null &&
  typeof (told as Heard).atMs === "number" &&
  typeof (told as Heard).told === "boolean";
