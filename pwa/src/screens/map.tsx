/** The map screen: header, picture, legend, and what the thumb does. */

import { useCallback, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { HEAT_MODES } from "../draw/heat_pixels.ts";
import { chooseMap, mapState } from "../model/map_state.ts";
import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { Header } from "../ui/header.tsx";
import { CandlesIcon, CentreIcon, LineIcon } from "../ui/icons.tsx";
import { MapNotes, MapPane, MapRange } from "../ui/map_pane.tsx";
import { SettingsButton } from "../ui/settings_button.tsx";
import type { MapView } from "./map_view.ts";

interface Props {
  readonly app: App;
  /** Hands out the view's drawing, so that new data can ask for it. */
  readonly onView: (view: MapView | null) => void;
}

export function MapScreen({ app, onView }: Props) {
  const view = useRef<MapView | null>(null);
  const keep = useCallback(
    (made: MapView | null) => {
      view.current = made;
      onView(made);
    },
    [onView],
  );
  return (
    <main class={`map-screen hand-${store.preferences.value.hand}`}>
      <Header onRetry={() => app.wake()} />
      <MapPane app={app} onView={keep} />
      <div class="map-controls">
        <nav class="map-buttons" aria-label={strings.mapControls}>
          <MapRange onChoose={(hours) => chooseMap(localStorage, { hours })} />
          <ModeButton />
          <StyleButton />
          {mapState.fitted.value ? <SettingsButton /> : <FitButton onFit={() => view.current?.fit()} />}
        </nav>
        <MapNotes />
      </div>
    </main>
  );
}

function ModeButton() {
  const { mode } = mapState.choice.value;
  const next = HEAT_MODES[(HEAT_MODES.indexOf(mode) + 1) % HEAT_MODES.length] ?? "both";
  return (
    <button
      type="button"
      class="button square"
      aria-label={strings.mapModeName(strings.mapModeShort[mode], strings.mapMode[mode])}
      onClick={() => chooseMap(localStorage, { mode: next })}
    >
      {strings.mapModeShort[mode]}
    </button>
  );
}

function StyleButton() {
  const { style } = mapState.choice.value;
  const name = style === "candles" ? strings.mapCandles : strings.mapLine;
  return (
    <button
      type="button"
      class="button square"
      aria-label={strings.mapStyle(name)}
      onClick={() => chooseMap(localStorage, { style: style === "candles" ? "line" : "candles" })}
    >
      {style === "candles" ? <CandlesIcon /> : <LineIcon />}
    </button>
  );
}

function FitButton({ onFit }: { onFit: () => void }) {
  return (
    <button type="button" class="button square primary" aria-label={strings.mapFit} onClick={onFit}>
      <CentreIcon />
    </button>
  );
}
