/** Alerts on this phone: whether they can come, turning them on and off, and trying the way. */

import { signal } from "@preact/signals";
import { Refusal } from "../net/ask.ts";
import { readySound } from "../sound.ts";
import { deviceName, deviceSecret } from "./device.ts";
import { type PhoneHealth, readHealth, type ServerHealth } from "./health.ts";
import { SILENCE } from "./notice.ts";
import { lastHeard } from "./silence.ts";
import { ask, type Browser, register } from "./subscribe.ts";

/**
 * unknown: not looked yet. insecure: the page is not on https. install: the app has to be on the home
 * screen first (iOS). unsupported: this browser has no push. denied: the user said no to notifications.
 */
export type PushState = "unknown" | "insecure" | "install" | "unsupported" | "denied" | "off" | "on";

export const push = {
  state: signal<PushState>("unknown"),
  busy: signal(false),
  /** The last thing that went wrong or was tried, in words; empty for nothing. */
  said: signal(""),
  /** What this browser can do; null until looked at. */
  phone: signal<PhoneHealth | null>(null),
  /** What the server told last; null while it was not reached. */
  server: signal<ServerHealth | null>(null),
  /** Milliseconds from the tap on the test until this phone showed it; null when none came. */
  roundTripMs: signal<number | null>(null),
};

const LOOK_EVERY_MS = 12 * 3_600_000;
/** How long a test message is waited for. */
const TEST_PATIENCE_MS = 15_000;

/** What a page can tell about push before anything is asked. */
export function pushStateOf(page: {
  readonly secure: boolean;
  readonly hasPush: boolean;
  readonly installed: boolean;
  readonly apple: boolean;
  readonly permission: NotificationPermission | null;
  readonly subscribed: boolean;
}): PushState {
  if (!page.secure) return "insecure";
  if (!page.hasPush) return page.apple && !page.installed ? "install" : "unsupported";
  if (page.permission === "denied") return "denied";
  return page.permission === "granted" && page.subscribed ? "on" : "off";
}

async function browserOf(): Promise<Browser> {
  const registration = await navigator.serviceWorker.ready;
  return { manager: registration.pushManager, stores: caches, fetch: fetch.bind(window) };
}

function isInstalled(): boolean {
  return matchMedia("(display-mode: standalone)").matches;
}

async function look(): Promise<void> {
  const hasPush = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  const permission = hasPush ? Notification.permission : null;
  const asked = hasPush && permission === "granted";
  push.state.value = pushStateOf({
    secure: window.isSecureContext,
    hasPush,
    installed: isInstalled(),
    apple: /iPhone|iPad|iPod/.test(navigator.userAgent),
    permission,
    subscribed: asked && (await (await browserOf()).manager.getSubscription()) !== null,
  });
  const on = push.state.value === "on";
  push.phone.value = {
    state: push.state.value,
    installed: isInstalled(),
    lacks: lacks(),
    looksWhenClosed: on && (await lookWhenClosed()),
    heardMs: on ? ((await lastHeard(caches))?.atMs ?? null) : null,
  };
}

/** Has the browser wake the worker now and then to look for the server; tells whether it will. */
async function lookWhenClosed(): Promise<boolean> {
  const { periodicSync } = (await navigator.serviceWorker.ready) as {
    periodicSync?: { register(tag: string, options: { minInterval: number }): Promise<void> };
  };
  try {
    // How often it does so is the browser's to say: by how much the app is used, at most twice a day.
    await periodicSync?.register(SILENCE, { minInterval: LOOK_EVERY_MS });
    return periodicSync !== undefined;
  } catch {
    return false; // not installed, or not allowed
  }
}

function lacks(): PhoneHealth["lacks"] {
  const found: PhoneHealth["lacks"][number][] = [];
  if (!("setAppBadge" in navigator)) found.push("badge");
  if (!("vibrate" in navigator)) found.push("vibrate");
  if (!("Notification" in window && "maxActions" in Notification)) found.push("actions");
  if (!navigator.storage?.persist) found.push("persist");
  return found;
}

/** Asks how all devices fare, and which of them this phone is. */
export async function askHealth(): Promise<void> {
  await look();
  try {
    const device = window.isSecureContext ? { device: await deviceSecret(caches) } : {};
    push.server.value = readHealth(await ask({ fetch: fetch.bind(window) }, "health", device));
  } catch (error) {
    // A refusal is an answer too: its sentence says what is missing.
    const problem = error instanceof Refusal ? error.message : null;
    push.server.value = problem === null ? null : { ...readHealth(null), problem };
  }
}

/** Tells the server again that this phone is there, with a new subscription when its key has changed. */
export async function keepSubscribed(): Promise<void> {
  await look();
  if (push.state.value !== "on") return;
  // Offline, or the server is out: the next start tells it.
  await attempt(async () => register(await browserOf(), deviceName(navigator.userAgent)), false);
}

/** To be called from a tap: browsers ask the user for leave only then. */
export async function turnOn(): Promise<void> {
  readySound();
  await attempt(async () => {
    if ((await Notification.requestPermission()) === "granted")
      await register(await browserOf(), deviceName(navigator.userAgent));
    await look();
  });
}

export async function turnOff(): Promise<void> {
  await attempt(async () => {
    const browser = await browserOf();
    await (await browser.manager.getSubscription())?.unsubscribe();
    await ask(browser, "unsubscribe", { device: await deviceSecret(browser.stores) });
    await look();
  });
}

/** Has the server send this phone a message, and measures until it is shown here. */
export async function test(): Promise<void> {
  readySound();
  await attempt(async () => {
    push.roundTripMs.value = null;
    const startedMs = performance.now();
    const arrived = new Promise<number | null>((resolve) => {
      const done = (value: number | null) => {
        navigator.serviceWorker.removeEventListener("message", heard);
        clearTimeout(timer);
        resolve(value);
      };
      const heard = (event: MessageEvent) => {
        if (event.data?.shown === "test") done(performance.now() - startedMs);
      };
      const timer = setTimeout(() => done(null), TEST_PATIENCE_MS);
      navigator.serviceWorker.addEventListener("message", heard);
    });
    const browser = await browserOf();
    const told = (await ask(browser, "test", { device: await deviceSecret(browser.stores) })) as {
      result: string;
    };
    push.said.value = told.result;
    if (told.result === "delivered") push.roundTripMs.value = await arrived;
  });
}

async function attempt(work: () => Promise<void>, loud = true): Promise<void> {
  push.busy.value = true;
  push.said.value = "";
  try {
    await work();
  } catch (error) {
    if (loud || error instanceof Refusal)
      push.said.value = error instanceof Error ? error.message : String(error);
  } finally {
    push.busy.value = false;
  }
  if (loud) await askHealth();
}
