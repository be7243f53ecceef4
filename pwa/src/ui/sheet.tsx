/** A card that rises from below over the screen; closed by its button, the ground behind or Escape. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";

export const closeSheet = () => {
  store.sheet.value = "none";
};

export function Sheet({ title, children }: { title: string; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A press that began in the sheet, such as a text being selected, may end on the ground behind it.
  const pressedGround = useRef(false);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={title}
      onClose={closeSheet}
      onPointerDown={(event: PointerEvent) => {
        pressedGround.current = event.target === dialog.current;
      }}
      onClick={(event: MouseEvent) => {
        if (event.target === dialog.current && pressedGround.current) closeSheet();
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
