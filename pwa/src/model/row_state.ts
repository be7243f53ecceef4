/** The card of the row under a resting finger. */

import { signal } from "@preact/signals";
import type { RowCard } from "./row_card.ts";

export const rowState = { card: signal<RowCard | null>(null) };
