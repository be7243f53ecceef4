/** The user's own marks as the server keeps them: type 60 of the wire. */

import { list, type Streamed, text, whole } from "./frames.ts";

/** A price the user marked. */
export interface Mark {
  /** The server's number for it; 0 while only this phone knows of it. */
  readonly id: number;
  readonly symbol: string;
  /** Decimal text, as it was put. */
  readonly price: string;
  readonly label: string;
}

export class MarksModel {
  marks: readonly Mark[] = [];

  /** Takes the whole list. Throws FrameError for a broken one. */
  apply(frame: Streamed): boolean {
    this.marks = list(frame.parts[2]).map((it) => {
      const [id, symbol, price, label] = list(it);
      return { id: whole(id), symbol: text(symbol), price: text(price), label: text(label) };
    });
    return true;
  }
}
