/** What a phone can ask the server to follow. */

/** group in ticks a row, depth in rows a side. */
export interface LadderKey {
  readonly symbol: string;
  /** "all" or a venue's name. */
  readonly venue: string;
  readonly group: number;
  readonly depth: number;
  readonly hz: number;
}

export interface GlanceKey {
  readonly symbols: readonly string[];
}

/** Which positions a map shows: all that are open, or of those the ones opened within its range. */
export type Opened = "all" | "range";

export interface MapKey {
  readonly symbol: string;
  readonly venue: string;
  readonly hours: number;
  readonly opened: Opened;
}

export interface TapeKey {
  readonly symbol: string;
  readonly venue: string;
}

export interface PulseKey {
  readonly symbol: string;
  readonly hours: number;
}

export interface Keys {
  readonly ladder: LadderKey;
  readonly glance: GlanceKey;
  readonly map: MapKey;
  readonly tape: TapeKey;
  readonly pulse: PulseKey;
  /** The user's own marks of all symbols. */
  readonly marks: object;
}

export type Kind = keyof Keys;

/** One subscription, as it is sent. */
export type Wish = { [K in Kind]: { readonly kind: K } & Keys[K] }[Kind];
export type WishOf<K extends Kind> = Extract<Wish, { readonly kind: K }>;

/** Asked once: what a row of the ladder is made of. */
export interface RowWish {
  readonly kind: "row";
  readonly symbol: string;
  readonly group: number;
  readonly row: number;
}

/** Wishes of a kind are always written with their fields in the same order. */
export const sameWish = (one: Wish | null | undefined, other: Wish | null | undefined): boolean =>
  one === other || (!!one && !!other && JSON.stringify(one) === JSON.stringify(other));
