/** Parts of the app that are not needed for the first picture: fetched when shown, or when there is time. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

const RETRY_MS = 2_000;

const later: (() => Promise<void>)[] = [];

/** A component that is fetched when it is first shown; until then there is nothing in its place. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const held = signal<ComponentType<P> | null>(null);
  let coming: Promise<void> | null = null;
  const fetchIt = (): Promise<void> => {
    coming ??= load().then(
      (component) => {
        held.value = component;
      },
      () => {
        // Without a network now: the place is shown until it is there.
        setTimeout(() => {
          coming = null;
          void fetchIt();
        }, RETRY_MS);
      },
    );
    return coming;
  };
  later.push(fetchIt);
  return (props: P) => {
    const Held = held.value;
    if (Held) return <Held {...props} />;
    void fetchIt();
    return <div aria-busy="true" />;
  };
}

/** Something else that is fetched when it is first asked for; where that fails, with the next question. */
export function fetched<T>(load: () => Promise<T>): () => Promise<T> {
  let coming: Promise<T> | null = null;
  const fetchIt = (): Promise<T> => {
    coming ??= load().catch((error: unknown) => {
      coming = null;
      throw error;
    });
    return coming;
  };
  later.push(() =>
    fetchIt().then(
      () => {},
      () => {},
    ),
  );
  return fetchIt;
}

/** Fetches what is still missing, one part after the other: the first picture is there by now. */
export async function fetchTheRest(): Promise<void> {
  for (const fetchIt of later) await fetchIt();
}
