/** The map of the market in view: the one that streams, or the last one kept on the phone. */

import { type MapData, MapModel } from "../net/map_frames.ts";
import { decode } from "../net/msgpack.ts";
import type { MapKey } from "../net/wishes.ts";
import { keep, readKept } from "./kept.ts";

const KEY = "leadline.map.kept";
const VERSION = 1;
/** Longer texts are not kept: the store also holds what the user chose. */
const KEPT_MAX = 1_300_000;

interface Kept {
  readonly version: typeof VERSION;
  readonly key: MapKey;
  readonly savedMs: number;
  /** Since the newest column came, when it was saved. */
  readonly elapsedMs: number;
  /** A keyframe of the wire in base64. */
  readonly frame: string;
}

export class MapFeed {
  #key: MapKey | null = null;
  #model: MapModel | null = null;
  /** Asked for and not unpacked yet. */
  #next: MapModel | null = null;
  #receivedMs = 0;
  #keptVersion = 0;
  /** Has the picture drawn again. */
  #redraw: () => void;

  constructor(redraw: () => void) {
    this.#redraw = redraw;
  }

  /** Another map streams from now on; the one before stays until the new one is unpacked. */
  show(key: MapKey, model: MapModel): void {
    this.#next = model;
    if (model.data || !this.#model?.data || !sameMarket(this.#key, key)) this.#take(key, model);
    else {
      model.changed = () => {
        if (this.#next === model) this.#take(key, model);
      };
    }
  }

  /** The map of a market; null while there is none: never one market's map under another's name. */
  data(symbol: string, venue: string): MapData | null {
    return sameMarket(this.#key, { symbol, venue }) ? (this.#model?.data ?? null) : null;
  }

  /** When the newest column came, on the clock of `performance.now()`. */
  receivedMs(): number {
    return this.#receivedMs;
  }

  /** Forgets a map whose ticks mean something else now. */
  clear(): void {
    this.#key = null;
    this.#model = null;
    this.#next = null;
  }

  /** Writes the map down if it has changed since. */
  async keep(storage: Storage, nowMs: number, wallMs: number): Promise<void> {
    const key = this.#key;
    const data = this.#model?.data;
    if (!key || !data || data.version === this.#keptVersion) return;
    this.#keptVersion = data.version;
    const elapsedMs = nowMs - this.#receivedMs;
    const frame = await import("../net/map_pack.ts").then(
      (it) => it.packedMap(data),
      // Without a network now; the next column is another chance.
      () => "",
    );
    if (!frame || frame.length > KEPT_MAX) return;
    const kept: Kept = { version: VERSION, key, savedMs: wallMs, elapsedMs, frame };
    keep(storage, KEY, kept);
  }

  /** Shows the kept map until another one comes; anything unreadable is left alone. */
  restore(storage: Storage, nowMs: number, wallMs: number): void {
    try {
      const kept = readKept<Kept>(storage, KEY, VERSION);
      if (!kept) return;
      const parts = decode(Uint8Array.from(atob(kept.frame), (it) => it.charCodeAt(0))) as unknown[];
      const model = new MapModel();
      if (!model.apply({ type: "streamed", code: Number(parts[0]), stream: 0, parts })) return;
      this.#key = kept.key;
      this.#model = model;
      this.#receivedMs = nowMs - kept.elapsedMs - Math.max(0, wallMs - kept.savedMs);
      model.changed = () => {
        this.#keptVersion = model.data?.version ?? 0;
        this.#redraw();
      };
    } catch {
      this.clear();
    }
  }

  #take(key: MapKey, model: MapModel): void {
    this.#key = key;
    this.#model = model;
    model.changed = () => {
      this.#receivedMs = performance.now();
      this.#redraw();
    };
    if (model.data) model.changed();
  }
}

const sameMarket = (
  one: Pick<MapKey, "symbol" | "venue"> | null,
  other: Pick<MapKey, "symbol" | "venue">,
): boolean => one?.symbol === other.symbol && one.venue === other.venue;
