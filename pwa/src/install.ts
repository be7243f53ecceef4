/** Putting the app on the home screen: what the browser offers, and where the app runs. */

import { store } from "./model/store.ts";

export type Platform = "ios" | "android" | "firefox" | "desktop";

/** Chromium's offer to install. */
export interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

/** Which steps lead to the home screen. An iPad calls itself a Mac that is touched. */
export function platformOf(agent: string, touchPoints: number): Platform {
  if (/iPhone|iPad|iPod/.test(agent) || (agent.includes("Macintosh") && touchPoints > 1)) return "ios";
  if (!agent.includes("Android")) return "desktop";
  return agent.includes("Firefox") ? "firefox" : "android";
}

export function installedHere(): boolean {
  const apple = (navigator as { standalone?: boolean }).standalone === true;
  return apple || matchMedia("(display-mode: standalone)").matches;
}

/** The browser's own offer is kept for our button: it can be made once, and only from a tap. */
export function watchInstall(): void {
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    store.installPrompt.value = event as InstallPrompt;
  });
  window.addEventListener("appinstalled", () => {
    store.installPrompt.value = null;
  });
}

export async function install(prompt: InstallPrompt): Promise<void> {
  store.installPrompt.value = null;
  await prompt.prompt();
}
