/** The service worker: the shell starts without a server, and alerts are shown; market data never passes here. */

import { askServer } from "./net/ask.ts";
import { deviceName } from "./push/device.ts";
import { buttonsOf, notDone, type Offer, readNotice, SILENCE, shaking } from "./push/notice.ts";
import { lookerOf, lookForServer } from "./push/silence.ts";
import { register } from "./push/subscribe.ts";

declare const self: ServiceWorkerGlobalScope;
declare const __PRECACHE_URLS__: string[];
declare const __PRECACHE_VERSION__: string;

const URLS = __PRECACHE_URLS__;
/** How many buttons this browser shows on a notification; none on iOS. */
const MOST_BUTTONS = (Notification as { maxActions?: number }).maxActions ?? 0;
const CACHE = `leadline-${__PRECACHE_VERSION__}`;
/** How long the page waits for the server before the kept one is shown. */
const PAGE_PATIENCE_MS = 2_000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE).then((cache) =>
      // "reload" passes by the browser's own cache, which may hold the page of an older version.
      cache.addAll(URLS.map((url) => new Request(url, { cache: "reload" }))),
    ),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      const old = names.filter((name) => name.startsWith("leadline-") && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && url.pathname === "/") event.respondWith(page(request));
  else if (URLS.includes(url.pathname)) event.respondWith(kept(request, url.pathname));
});

/** The server's page when it answers soon, else the kept one. */
async function page(request: Request): Promise<Response> {
  const cached = await caches.match("/", { cacheName: CACHE });
  const patience = cached ? AbortSignal.timeout(PAGE_PATIENCE_MS) : null;
  try {
    const answer = await fetch(request, { signal: patience });
    if (answer.ok || !cached) return answer;
  } catch (error) {
    if (!cached) throw error;
  }
  return cached;
}

/** Names under /assets carry a hash of their content; the few others change with the version. */
async function kept(request: Request, path: string): Promise<Response> {
  return (await caches.match(path, { cacheName: CACHE })) ?? fetch(request);
}

// Every push ends in a shown notification, whatever it says: systems end subscriptions that stay silent.
self.addEventListener("push", (event) => {
  const notice = readNotice(event.data?.text() ?? "");
  event.waitUntil(
    Promise.all([
      self.registration.showNotification(notice.title, {
        body: notice.body,
        ...(notice.tag && { tag: notice.tag, renotify: true }),
        icon: "/icons/icon-192.png",
        data: { url: notice.url, alert: notice.alert },
        actions: buttonsOf(notice.offers, MOST_BUTTONS),
        vibrate: shaking(notice.way),
      } as NotificationOptions),
      showBadge(notice.badge),
      tellPages({ shown: notice.kind, way: notice.way }),
    ]),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const data = event.notification.data as { url?: unknown; alert?: unknown } | null;
  const url = typeof data?.url === "string" ? data.url : "/";
  event.waitUntil(event.action ? act(event.action as Offer, data?.alert, url) : openApp(url));
});

/** Asks the server for what a button says; a notification takes its place when that was not done. */
async function act(action: Offer, alert: unknown, url: string): Promise<void> {
  try {
    await askServer(self.fetch.bind(self), "/api/inbox/act", { id: alert, action });
    await tellPages({ acted: action });
  } catch {
    const body = notDone(action);
    await self.registration.showNotification("Leadline", { body, tag: `act-${alert}`, data: { url } });
  }
}

// Not every system tells this; the app says its subscription again at each start.
self.addEventListener("pushsubscriptionchange", (event) => {
  const manager = self.registration.pushManager;
  const browser = { manager, stores: caches, fetch: self.fetch.bind(self) };
  (event as ExtendableEvent).waitUntil(
    register(browser, deviceName(self.navigator.userAgent)).catch(() => {}),
  );
});

// Where the browser wakes the worker now and then: a server that was killed can send no message.
self.addEventListener("periodicsync" as "sync", (event) => {
  const { tag } = event as unknown as { tag: string };
  if (tag === SILENCE) (event as ExtendableEvent).waitUntil(lookForServer(lookerOf(self.registration)));
});

/** An app in view goes there itself; else one is brought up. */
async function openApp(url: string): Promise<void> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((it) => it.visibilityState === "visible") ?? pages[0];
  if (!page) {
    await self.clients.openWindow(url);
    return;
  }
  page.postMessage({ open: url });
  await page.focus();
}

async function tellPages(message: object): Promise<void> {
  for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage(message);
}

async function showBadge(count: number | null): Promise<void> {
  const badge = self.navigator as { setAppBadge?: (count: number) => Promise<void> };
  if (count !== null) await badge.setAppBadge?.(count).catch(() => {});
}
