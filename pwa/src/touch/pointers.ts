/** Connects an element's pointers to gestures, every point the screen reported included. */

import type { Gestures } from "./gestures.ts";

/** Listens until the signal aborts. */
export function readPointers(target: HTMLElement, gestures: Gestures, ended: AbortSignal): void {
  let holding: ReturnType<typeof setTimeout> | undefined;
  const on = (
    name: "pointerdown" | "pointermove" | "pointerup" | "pointercancel",
    heard: (event: PointerEvent) => void,
  ) => target.addEventListener(name, heard, { passive: true, signal: ended });
  // Where the element lies is read once a gesture: asking again lays the page out.
  let [left, top] = [0, 0];
  const place = (event: PointerEvent): [number, number] => [event.clientX - left, event.clientY - top];
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    // Buttons that lie over the picture keep their own taps.
    if (event.target instanceof Element && event.target.closest("button")) return;
    target.setPointerCapture(event.pointerId);
    const box = target.getBoundingClientRect();
    [left, top] = [box.left, box.top];
    gestures.down(event.pointerId, ...place(event), event.timeStamp);
    clearTimeout(holding);
    const due = gestures.holdDueMs;
    // Time that the touch itself waited to be heard counts as rest.
    if (due !== null) holding = setTimeout(() => gestures.hold(due), due - performance.now());
  });
  on("pointermove", (event) => {
    const points = event.getCoalescedEvents?.() ?? [];
    for (const point of points.length > 0 ? points : [event]) {
      gestures.move(event.pointerId, ...place(point), point.timeStamp);
    }
  });
  on("pointerup", (event) => gestures.up(event.pointerId, event.timeStamp));
  on("pointercancel", (event) => gestures.cancel(event.pointerId));
  ended.addEventListener("abort", () => clearTimeout(holding));
}
