/** Parts of the app that are not needed for the first picture: fetched when shown, or when there is time. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { store } from "../model/store.ts";

const RETRY_MS = 2_000;
/** Sooner than the part, which is not to be seen without it. */
const STYLE_RETRY_MS = 1_000;
/** A page so old is not one that has just been started anew. */
const OLD_MS = 10_000;

const later: (() => Promise<void>)[] = [];

// What fetches a part asks for its style sheet once: the part would stay bare.
addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLLinkElement && target.rel === "stylesheet")
      setTimeout(() => target.replaceWith(target.cloneNode()), STYLE_RETRY_MS);
  },
  true,
);

/** Something that is fetched when it is first asked for; where that fails, with the next question. */
export function fetched<T>(load: () => Promise<T>): () => Promise<T> {
  let coming: Promise<T> | null = null;
  let missed = 0;
  return () => {
    coming ??= load().catch((error: unknown) => {
      coming = null;
      missed += 1;
      // Many browsers remember for good that a module did not come: only a page that starts anew asks again.
      if (missed > 1 && store.connection.value === "open" && performance.now() > OLD_MS) location.reload();
      throw error;
    });
    return coming;
  };
}

/** Has something fetched when there is time, too. */
export function soon<T>(fetchIt: () => Promise<T>, come: (it: T) => void = () => {}): () => Promise<T> {
  later.push(() => fetchIt().then(come, () => {}));
  return fetchIt;
}

/** A component that is fetched when it is first shown; until then there is nothing in its place. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const held = signal<ComponentType<P> | null>(null);
  const come = (component: ComponentType<P>) => {
    held.value = component;
  };
  const fetchIt = soon(fetched(load), come);
  let shown = false;
  const show = (): Promise<void> =>
    fetchIt().then(come, () => {
      // Without a network now: the place is shown until it is there.
      setTimeout(show, RETRY_MS);
    });
  return (props: P) => {
    const Held = held.value;
    if (Held) return <Held {...props} />;
    if (!shown) void show();
    shown = true;
    return <div aria-busy="true" />;
  };
}

/** Fetches what is still missing, one part after the other: the first picture is there by now. */
export async function fetchTheRest(): Promise<void> {
  for (const fetchIt of later) await fetchIt();
}
