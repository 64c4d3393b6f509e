/** A burst is spread over about this long: a little more than the server takes to merge events into one. */
const SPREAD_MS = 240;
const SLOWEST_PER_MS = 0.03;

/**
 * How much of a text that arrives in bursts is shown at a time, so that it flows evenly.
 *
 * The pace follows the backlog: what waits is shown within about `SPREAD_MS`, so the reader is never further behind than
 * that, and a pause in the supply ends in a gentle stop.
 */
export class Flow {
  #shown = 0;
  #exact = 0;

  /** Characters (UTF-16 units) to show. */
  get shown(): number {
    return this.#shown;
  }

  /** Shows everything up to `length` at once: what was there before the reader came. */
  skip(length: number): void {
    this.#exact = Math.max(this.#exact, length);
    this.#shown = Math.floor(this.#exact);
  }

  /** Moves on by one frame. Returns whether more is to be shown later. */
  advance(text: string, elapsed: number): boolean {
    const backlog = text.length - this.#exact;
    if (backlog <= 0) return false;
    const pace = Math.max(SLOWEST_PER_MS, backlog / SPREAD_MS);
    this.#exact = Math.min(text.length, this.#exact + pace * elapsed);
    this.#shown = wholeCharacters(text, Math.floor(this.#exact));
    return this.#exact < text.length;
  }
}

/** `length`, or one more where it would cut a surrogate pair in two. */
function wholeCharacters(text: string, length: number): number {
  const last = text.charCodeAt(length - 1);
  return last >= 0xd800 && last <= 0xdbff ? length + 1 : length;
}
