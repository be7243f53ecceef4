/** The facts of the market in view, where a screen has no room for them beside the ladder. */

import { store } from "../model/store.ts";
import { strings } from "../strings.ts";
import { Facts } from "./facts.tsx";
import { closeSheet, Sheet } from "./sheet.tsx";

export function FactsSheet({ onJump }: { onJump: (tick: number) => void }) {
  const facts = store.facts.value;
  const jump = (tick: number) => {
    closeSheet();
    onJump(tick);
  };
  return (
    <Sheet title={strings.marketFacts}>
      {store.freshness.value === "stale" && <p class="page-warning">{strings.lastSeen(store.age.value)}</p>}
      <Facts
        title={facts ? `${facts.base} ${strings.symbolKind(facts.quote)}` : strings.market}
        onJump={jump}
      />
    </Sheet>
  );
}
