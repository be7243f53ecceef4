/** Connects an element's pointers to gestures, every point the screen reported included. */

import type { Gestures } from "./gestures.ts";

/** Buttons that lie over the picture keep their own taps. */
const onButton = ({ target }: Event): boolean =>
  target instanceof Element && target.closest("button") !== null;

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
    if (onButton(event)) return;
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
  // A touch would end in a click, a moment later, on whatever the tap has brought up there by then.
  const swallow = (event: TouchEvent) => {
    if (event.cancelable && !onButton(event)) event.preventDefault();
  };
  target.addEventListener("touchend", swallow, { passive: false, signal: ended });
  ended.addEventListener("abort", () => clearTimeout(holding));
}
