/** Subscribes this phone for the server's key and tells the server; used by the page and by its worker. */

import { askServer } from "../net/ask.ts";
import { base64url, deviceSecret, fromBase64url } from "./device.ts";

/** What subscribing needs of a browser. */
export interface Browser {
  readonly manager: PushManager;
  readonly stores: CacheStorage;
  readonly fetch: typeof fetch;
}

/** Asks the server; throws Refusal when it refuses. */
export const ask = (browser: Pick<Browser, "fetch">, path: string, body?: object): Promise<unknown> =>
  askServer(browser.fetch, `/api/push/${path}`, body);

export async function serverKey(browser: Pick<Browser, "fetch">): Promise<string> {
  return String(((await ask(browser, "key")) as { key: unknown }).key);
}

/** Tells whether a subscription is bound to this key; another one's messages would never arrive. */
export function isFor(subscription: PushSubscription, key: string): boolean {
  const bound = subscription.options.applicationServerKey;
  return bound !== null && base64url(new Uint8Array(bound)) === key;
}

/** Returns a subscription for the key: the one there is, or a new one in place of one for another key. */
async function subscribed(browser: Browser, key: string): Promise<PushSubscription> {
  const held = await browser.manager.getSubscription();
  if (held && isFor(held, key)) return held;
  // A browser refuses to subscribe for a second key beside the first.
  await held?.unsubscribe();
  return browser.manager.subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(key) });
}

/** Brings this phone's subscription up to date, here and on the server. */
export async function register(browser: Browser, name: string): Promise<void> {
  const key = await serverKey(browser);
  const subscription = await subscribed(browser, key);
  const device = await deviceSecret(browser.stores);
  await ask(browser, "subscribe", { device, name, key, subscription: subscription.toJSON() });
}
