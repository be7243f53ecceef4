/**
 * What this phone proves itself with to the server: 32 random bytes, kept where the page and the service
 * worker both find them.
 */

const STORE = "push-device";
const PLACE = "/push-device";

/** The secret of this phone, made now when there is none. */
export async function deviceSecret(stores: CacheStorage): Promise<string> {
  const store = await stores.open(STORE);
  const kept = await store.match(PLACE);
  if (kept) return kept.text();
  const secret = base64url(crypto.getRandomValues(new Uint8Array(32)));
  await store.put(PLACE, new Response(secret));
  return secret;
}

export function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/** This phone's own name for the list of devices: enough to tell two apart. */
export function deviceName(agent: string): string {
  const kind = /iPhone|iPad|Android|Windows|Macintosh|X11/.exec(agent)?.[0] ?? "Device";
  const browser = /Edg|Firefox|CriOS|Chrome|Safari/.exec(agent)?.[0] ?? "";
  const names: Record<string, string> = { Macintosh: "Mac", X11: "Linux", Edg: "Edge", CriOS: "Chrome" };
  return [kind, browser]
    .map((it) => names[it] ?? it)
    .join(" ")
    .trim();
}
