/** The service worker: the shell starts without a server; data never passes through here. */

declare const self: ServiceWorkerGlobalScope;
declare const __PRECACHE_URLS__: string[];
declare const __PRECACHE_VERSION__: string;

const URLS = __PRECACHE_URLS__;
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

// Marks the file as a module, so that its `self` is its own.
export {};
