// @ts-check
/** Tells the server how far its reader has read: soon, at most once a second, and never back. */

/** @typedef {import("./clock.js").Clock} Clock */

const EVERY_MS = 1_000;
/** What was told so shortly before the connection broke may not have arrived. */
const MAY_BE_LOST_MS = 15_000;

export class ReadMarker {
  #seen;
  #told;
  #before;
  #lost = 0;
  #toldAt = 0;
  /** Grows with each reset: what was told before it says nothing of what is told now. */
  #era = 0;
  #resting = false;

  /**
   * @param {object} how
   * @param {number} how.from what the server knows
   * @param {Clock} how.clock
   * @param {(id: number) => Promise<unknown>} how.tell fails where it is known not to have arrived
   */
  constructor({ from, clock, tell }) {
    this.clock = clock;
    this.tell = tell;
    this.#seen = from;
    this.#told = from;
    this.#before = from;
  }

  /** A message has been seen. @param {number} id */
  seen(id) {
    this.#seen = Math.max(this.#seen, id);
    this.#say();
  }

  /** The server is reached again: what could not be told then is told now. */
  again() {
    this.#lost = 0;
    if (this.clock.now() - this.#toldAt < MAY_BE_LOST_MS) this.#told = this.#before;
    this.#say();
  }

  /** The log has other ids now: nothing that was seen or told holds any longer. */
  reset() {
    this.#era += 1;
    this.#seen = this.#told = this.#before = this.#lost = 0;
  }

  #say() {
    if (this.#resting || this.#seen <= Math.max(this.#told, this.#lost)) return;
    const now = this.#seen;
    const era = this.#era;
    this.#resting = true;
    this.tell(now).then(
      () => {
        if (era !== this.#era || now <= this.#told) return;
        this.#before = this.#told;
        this.#told = now;
        this.#toldAt = this.clock.now();
      },
      (/** @type {unknown} */ error) => {
        console.info(`How far was read could not be told: ${error}`);
        if (era === this.#era) this.#lost = now; // what is seen next tells it as well: the marker only ever moves forward
      },
    );
    this.clock.after(EVERY_MS, () => {
      this.#resting = false;
      this.#say();
    });
  }
}
