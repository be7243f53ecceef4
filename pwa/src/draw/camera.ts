/** Which rows are where: rows stay put while price walks through them. */

const RECENTRE_MS = 180;

/** Decelerating ease of the recentring move, 0..1 to 0..1. */
const ease = (part: number): number => 1 - (1 - part) ** 3;

interface Move {
  readonly from: number;
  readonly to: number;
  readonly startMs: number;
}

/** Where a camera looks, and how large rows are in CSS pixels. */
export interface CameraPlace {
  readonly centre: number;
  readonly boundary: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly midHeight: number;
}

/**
 * Maps rows of price to pixels of the pane, with the mid row between the rows `boundary` (the highest
 * below the middle) and `boundary + 1`. A row r covers [r, r + 1) of the coordinate `centre` is in.
 */
export class Camera implements CameraPlace {
  /** Coordinate at the middle of the pane. */
  centre = 0;
  boundary = 0;
  height = 0;
  rowHeight = 20;
  midHeight = 30;
  /** True while the picture follows price; a scroll ends it, recentring starts it again. */
  following = true;
  #move: Move | null = null;
  #place: CameraPlace | null = null;

  /** Fits whole rows into the pane: the row height bends a little, so that no row is cut at rest. */
  resize(height: number, rowHeight: number, midHeight: number): void {
    this.height = height;
    this.midHeight = midHeight;
    const rows = Math.max(1, Math.round((height - midHeight) / 2 / rowHeight));
    this.rowHeight = Math.max(1, (height - midHeight) / 2 / rows);
  }

  /** Top edge of a row in pixels of the pane. */
  top(row: number): number {
    return this.absoluteTop(row) - this.paneTop();
  }

  /** What another camera is to show the same by: the same object while it is the same. */
  get place(): CameraPlace {
    const { centre, boundary, height, rowHeight, midHeight } = this;
    const held = this.#place;
    const same =
      held?.centre === centre &&
      held.boundary === boundary &&
      held.height === height &&
      held.rowHeight === rowHeight &&
      held.midHeight === midHeight;
    this.#place = same ? held : { centre, boundary, height, rowHeight, midHeight };
    return this.#place;
  }

  /** Shows what another camera shows. */
  take(place: CameraPlace): void {
    Object.assign(this, place);
  }

  /** Top edge of a row on a picture of all rows: where the camera looks does not change it. */
  absoluteTop(row: number): number {
    return -(row + 1) * this.rowHeight + (row > this.boundary ? 0 : this.midHeight);
  }

  /** Where on the picture of all rows the pane begins. */
  paneTop(): number {
    return (this.midHeight - this.height) / 2 - this.centre * this.rowHeight;
  }

  /** Top edge of the mid row. */
  midTop(): number {
    return this.top(this.boundary + 1) + this.rowHeight;
  }

  /** The row at a pixel; the mid row counts as the row above it. */
  rowAt(y: number): number {
    const mid = this.midTop();
    const shift = y < mid ? -this.midHeight / 2 : this.midHeight / 2;
    const row = Math.ceil(this.centre - (y - this.height / 2 - shift) / this.rowHeight) - 1;
    return y < mid + this.midHeight ? Math.max(row, this.boundary + 1) : Math.min(row, this.boundary);
  }

  /** Highest and lowest row of which at least a part shows. */
  visible(): { highest: number; lowest: number } {
    return { highest: this.rowAt(0), lowest: this.rowAt(this.height - 0.01) };
  }

  /** Moves the picture with the finger; what follows price stops following. */
  scrollBy(pixels: number): void {
    this.#move = null;
    this.following = false;
    this.centre += pixels / this.rowHeight;
  }

  /** Shows a row in the middle of the pane and stays there. */
  lookAt(row: number, nowMs: number, animate: boolean): void {
    this.following = false;
    this.#moveTo(row + 0.5, nowMs, animate);
  }

  /** Brings the mid row to the middle and follows price from now on. */
  recentre(nowMs: number, animate: boolean): void {
    this.following = true;
    this.#moveTo(this.boundary + 1, nowMs, animate);
  }

  /** Takes the row below the middle; starts a move when price has left the middle third. */
  follow(boundary: number, nowMs: number, animate: boolean): void {
    this.boundary = boundary;
    if (!this.following) return;
    const target = this.#move?.to ?? this.centre;
    const off = Math.abs(target - (boundary + 1)) * this.rowHeight;
    if (off > this.height / 6) this.#moveTo(boundary + 1, nowMs, animate);
  }

  /** Keeps the price in the middle of the pane where it is while rows get another size. */
  regroup(before: number, after: number): void {
    this.#move = null;
    const ratio = before / after;
    this.boundary = Math.floor(this.boundary * ratio);
    this.centre = this.following ? this.boundary + 1 : this.centre * ratio;
  }

  /** Advances a running move; returns true while it runs. */
  step(nowMs: number): boolean {
    const move = this.#move;
    if (!move) return false;
    const part = (nowMs - move.startMs) / RECENTRE_MS;
    if (part >= 1) {
      this.centre = move.to;
      this.#move = null;
    } else {
      this.centre = move.from + (move.to - move.from) * ease(Math.max(0, part));
    }
    return true;
  }

  #moveTo(to: number, nowMs: number, animate: boolean): void {
    if (animate && to !== this.centre) {
      this.#move = { from: this.centre, to, startMs: nowMs };
    } else {
      this.#move = null;
      this.centre = to;
    }
  }
}
