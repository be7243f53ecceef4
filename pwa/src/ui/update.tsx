/** A quiet chip when a newer app waits. */

import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { applyUpdate } from "../update.ts";

export function UpdateChip() {
  if (!store.updateReady.value) return null;
  return (
    <button type="button" class="update" onClick={applyUpdate}>
      {strings.updateReady}
    </button>
  );
}
