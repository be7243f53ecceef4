/** The frame of the app: the screen in view, the thumb bar, and the sheets above both. */

import type { ComponentType } from "preact";
import { unseen } from "../alerts/client.ts";
import type { App } from "../app.ts";
import { hrefOf, type Screen, TABS, type Tab } from "../model/screens.ts";
import { store } from "../model/store.ts";
import { GlanceScreen } from "../screens/glance.tsx";
import { LadderScreen } from "../screens/ladder.tsx";
import { strings } from "../strings.ts";
import "../pages.css";
import "../shell.css";
import { BellIcon, FlowIcon, GlanceIcon, LadderIcon, MapIcon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { Summary } from "./summary.tsx";

const AlertsScreen = lazy(() => import("../screens/alerts.tsx").then((it) => it.AlertsScreen));
const BigScreen = lazy(() => import("../screens/big.tsx").then((it) => it.BigScreen));
const FlowScreen = lazy(() => import("../screens/flow.tsx").then((it) => it.FlowScreen));
const HealthScreen = lazy(() => import("../screens/health.tsx").then((it) => it.HealthScreen));
const InstallScreen = lazy(() => import("../screens/install.tsx").then((it) => it.InstallScreen));
const MapScreen = lazy(() => import("../screens/map.tsx").then((it) => it.MapScreen));
const SettingsScreen = lazy(() => import("../screens/settings.tsx").then((it) => it.SettingsScreen));
const UpdateChip = lazy(() => import("./update.tsx").then((it) => it.UpdateChip));
const PriceSheet = lazy(() => import("./price_sheet.tsx").then((it) => it.PriceSheet));
const SymbolSheet = lazy(() => import("./symbols.tsx").then((it) => it.SymbolSheet));
const WatchlistSheet = lazy(() => import("./watchlist.tsx").then((it) => it.WatchlistSheet));
const SettingsSheet = lazy(() => import("./settings.tsx").then((it) => it.SettingsSheet));

interface View {
  draw(nowMs?: number): void;
}

/** The pictures in view, drawn again with new data. */
export const views = new Set<View>();

/** A place for one picture: takes it when it is made, and forgets it with null. */
function place(): (view: View | null) => void {
  let held: View | null = null;
  return (view) => {
    if (held) views.delete(held);
    if (view) views.add(view);
    held = view;
  };
}

const setLadder = place();
const setMap = place();
const setTape = place();
const setPulse = place();

/** How each screen is shown. */
const SCREENS: { readonly [S in Screen]: ComponentType<{ app: App }> } = {
  glance: GlanceScreen,
  ladder: ({ app }) => <LadderScreen app={app} onView={setLadder} onMap={setMap} />,
  map: ({ app }) => <MapScreen app={app} onView={setMap} />,
  flow: ({ app }) => <FlowScreen app={app} onTape={setTape} onPulse={setPulse} />,
  alerts: ({ app }) => <AlertsScreen app={app} onView={setLadder} />,
  settings: SettingsScreen,
  install: InstallScreen,
  health: HealthScreen,
  big: BigScreen,
};

const TAB_ICONS: { readonly [T in Tab]: ComponentType } = {
  glance: GlanceIcon,
  ladder: LadderIcon,
  map: MapIcon,
  flow: FlowIcon,
  alerts: BellIcon,
};

export function Shell({ app }: { app: App }) {
  const { screen, sheet, preferences } = store;
  const InView = SCREENS[screen.value];
  return (
    <div class={`shell hand-${preferences.value.hand} ${screen.value === "big" ? "alone" : ""}`}>
      <InView app={app} />
      <Tabs />
      {sheet.value === "symbols" && <SymbolSheet app={app} />}
      {sheet.value === "watchlist" && <WatchlistSheet app={app} />}
      {sheet.value === "price" && <PriceSheet app={app} />}
      {sheet.value === "settings" && <SettingsSheet app={app} />}
      {store.updateReady.value && <UpdateChip />}
      <Summary />
    </div>
  );
}

/** Plain links: the address is the screen, so back, reload and shortcuts work by themselves. */
function Tabs() {
  return (
    <nav class="tabs" aria-label={strings.screens}>
      {TABS.map((tab) => {
        const Icon = TAB_ICONS[tab];
        return (
          <a key={tab} href={hrefOf(tab)} aria-current={tab === store.screen.value ? "page" : undefined}>
            <Icon />
            {strings.tabs[tab]}
            {tab === "alerts" && unseen.value > 0 && (
              <span class="count">
                <span class="unseen">{strings.alerts.unseenCount(unseen.value)}</span>
                <span aria-hidden="true">{Math.min(unseen.value, 99)}</span>
              </span>
            )}
          </a>
        );
      })}
    </nav>
  );
}
