/** The streams a phone follows, one model a kind. */

import type { StreamState } from "../model/state.ts";
import { type Delta, type Keyframe, LadderModel, type Streamed } from "./frames.ts";
import { GlanceModel } from "./glance_frames.ts";
import { MapModel } from "./map_frames.ts";
import { MarksModel } from "./marks_frames.ts";
import { PulseModel } from "./pulse_frames.ts";
import { TapeModel } from "./tape_frames.ts";
import type { Kind, WishOf } from "./wishes.ts";

/**
 * Holds what a stream has told. `apply` takes a frame; false when it does not follow the one before:
 * the stream is then asked for again. It throws FrameError for a broken frame, to the same end.
 */
export interface Follower {
  apply(frame: Streamed): boolean;
}

interface Models {
  readonly ladder: LadderModel;
  readonly glance: GlanceModel;
  readonly map: MapModel;
  readonly tape: TapeModel;
  readonly pulse: PulseModel;
  readonly marks: MarksModel;
}

/** The kinds that this app can read. */
export type Followed = keyof Models & Kind;

type Make<K extends Followed> = (key: WishOf<K>) => Models[K];

/** A model for a stream as the server granted it. */
const MAKE: { readonly [K in Followed]: Make<K> } = {
  ladder: ({ group, depth }) => new LadderModel(group, depth),
  glance: () => new GlanceModel(),
  map: () => new MapModel(),
  tape: () => new TapeModel(),
  pulse: () => new PulseModel(),
  marks: () => new MarksModel(),
};

export const FOLLOWED = Object.keys(MAKE) as readonly Followed[];

interface StreamOf<K extends Followed> {
  readonly kind: K;
  readonly number: number;
  /** The wish as it was asked: the server may have bent it, and asking again would not help. */
  readonly key: WishOf<K>;
  readonly model: Models[K];
  /** The slow facts of a ladder. */
  state: StreamState | null;
}

export type Stream = { [K in Followed]: StreamOf<K> }[Followed];
export type LadderStream = StreamOf<"ladder">;
export type FollowedWish = WishOf<Followed>;

export function makeStream(number: number, asked: FollowedWish, granted: FollowedWish): Stream {
  const make = MAKE[asked.kind] as (key: FollowedWish) => Stream["model"];
  return { kind: asked.kind, number, key: asked, model: make(granted), state: null } as Stream;
}

/** Hands a frame to the model of its kind; false as well when it is of another kind. */
export function applyTo(stream: Stream, frame: Keyframe | Delta | Streamed): boolean {
  const ladders = frame.type !== "streamed";
  if (stream.kind === "ladder") return ladders && stream.model.apply(frame);
  return !ladders && stream.model.apply(frame);
}
