/** How painters are started; the page starts that of the ladder before the app is there. */

import { trustedScript } from "../net/trusted.ts";
import type { Kind } from "./messages.ts";

declare global {
  interface Window {
    /** The ladder's painter that was started before the app came, while it lives. */
    earlyPainter?: Worker | undefined;
  }
}

/** Each is built as one file beside the app's modules, as the first script is. */
export function newPainter(kind: Kind): Worker {
  const name = `${kind}_painter`;
  const address = import.meta.env.DEV ? `/src/paint/${name}.ts` : `/${name}.js`;
  return new Worker(trustedScript(`leadline-${kind}`, address), { type: "module" });
}

/** Takes the early painter over, once and while it lives; else starts another one. */
export function startPainter(kind: Kind): Worker {
  if (kind !== "ladder") return newPainter(kind);
  const early = window.earlyPainter;
  window.earlyPainter = undefined;
  return early ?? newPainter(kind);
}
