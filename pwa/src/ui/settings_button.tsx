/** Opens the settings of the screen in view. */

import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { SlidersIcon } from "./icons.tsx";

export function SettingsButton() {
  return (
    <button
      type="button"
      class="button square"
      aria-label={strings.settings}
      aria-haspopup="dialog"
      onClick={() => {
        store.sheet.value = "settings";
      }}
    >
      <SlidersIcon />
    </button>
  );
}
