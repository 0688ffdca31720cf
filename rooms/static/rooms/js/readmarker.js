// @ts-check
/** Tells the server how far its reader has read: soon, at most once a second, and never back. */

/** @typedef {import("./clock.js").Clock} Clock */

const EVERY_MS = 1_000;

export class ReadMarker {
  #seen;
  #told;
  #lost = 0;
  #resting = false;

  /**
   * @param {object} how
   * @param {number} how.from what the server knows
   * @param {Clock} how.clock
   * @param {(id: number) => Promise<unknown>} how.tell
   */
  constructor({ from, clock, tell }) {
    this.clock = clock;
    this.tell = tell;
    this.#seen = from;
    this.#told = from;
  }

  /** A message has been seen. @param {number} id */
  seen(id) {
    this.#seen = Math.max(this.#seen, id);
    this.#say();
  }

  /** The server is reached again: what could not be told then is told now. */
  again() {
    this.#lost = 0;
    this.#say();
  }

  #say() {
    if (this.#resting || this.#seen <= Math.max(this.#told, this.#lost)) return;
    const now = this.#seen;
    this.#resting = true;
    this.tell(now).then(
      () => (this.#told = Math.max(this.#told, now)),
      (/** @type {unknown} */ error) => {
        console.info(`How far was read could not be told: ${error}`);
        this.#lost = now; // what is seen next tells it as well: the marker only ever moves forward
      },
    );
    this.clock.after(EVERY_MS, () => {
      this.#resting = false;
      this.#say();
    });
  }
}
