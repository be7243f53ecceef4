/** A card that rises from below over the screen; closed by its button, the ground behind or Escape. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";

/** A touch ends in a click so long after it at most, where a sheet may be by then that the touch brought up. */
const LATE_CLICK_MS = 700;

export const closeSheet = () => {
  store.sheet.value = "none";
};

export function Sheet({ title, children }: { title: string; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A press that began in the sheet, such as a text being selected, may end on the ground behind it.
  const pressed = useRef<EventTarget | null>(null);
  const shownMs = useRef(0);
  useEffect(() => {
    const element = dialog.current;
    shownMs.current = performance.now();
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={title}
      onClose={closeSheet}
      onPointerDownCapture={(event: PointerEvent) => {
        pressed.current = event.target;
      }}
      onClickCapture={(event: MouseEvent) => {
        if (!pressed.current && performance.now() - shownMs.current < LATE_CLICK_MS) event.stopPropagation();
      }}
      onClick={(event: MouseEvent) => {
        if (event.target === dialog.current && pressed.current === dialog.current) closeSheet();
      }}
      onKeyDown={(event: KeyboardEvent) => {
        if (event.key === "Escape") closeSheet();
      }}
    >
      <div class="sheet-head">
        <h2>{title}</h2>
        <button type="button" class="close" onClick={closeSheet}>
          {strings.close}
        </button>
      </div>
      <div class="sheet-body">{children}</div>
    </dialog>
  );
}
