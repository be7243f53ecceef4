/** How the painter is started; the page starts it before the app is there. */

import { trustedScript } from "../net/trusted.ts";

/** Built as one file beside the app's modules, as the first script is. */
const ADDRESS = import.meta.env.DEV ? "/src/paint/painter.ts" : "/painter.js";

declare global {
  interface Window {
    /** The painter that was started before the app came, while it lives. */
    earlyPainter?: Worker | undefined;
  }
}

export function newPainter(): Worker {
  return new Worker(trustedScript("leadline-painter", ADDRESS), { type: "module" });
}

/** Takes the early painter over, once and while it lives; else starts another one. */
export function startPainter(): Worker {
  const early = window.earlyPainter;
  window.earlyPainter = undefined;
  return early ?? newPainter();
}
