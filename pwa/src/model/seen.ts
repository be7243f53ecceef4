/** Tells whether anything that a picture is made of is another thing than before, without making texts of it. */

export class Seen {
  readonly #values: unknown[] = [];
  #at = 0;
  #differs = false;

  begin(): this {
    this.#at = 0;
    this.#differs = false;
    return this;
  }

  /** Takes the next value; objects are compared by identity. */
  add(value: unknown): this {
    if (this.#at >= this.#values.length || this.#values[this.#at] !== value) {
      this.#values[this.#at] = value;
      this.#differs = true;
    }
    this.#at++;
    return this;
  }

  /** Whether what was taken since `begin` differs from the time before. */
  differs(): boolean {
    if (this.#values.length !== this.#at) this.#differs = true;
    this.#values.length = this.#at;
    return this.#differs;
  }

  forget(): void {
    this.#values.length = 0;
  }
}
