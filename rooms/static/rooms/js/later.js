// @ts-check
/** A part of the client that is fetched with its first use. */

/** @template T */
export class Later {
  /** What was fetched, once it is here. @type {T | undefined} */
  part;
  /** @type {Promise<T> | undefined} */
  #coming;
  #wanted = false;

  /** @param {() => Promise<T>} fetch @param {() => void} [onready] what was shown without it can be shown by it */
  constructor(fetch, onready = () => {}) {
    this.fetch = fetch;
    this.onready = onready;
  }

  /** Have it for what somebody does: where it cannot be had, the next try fetches it anew. @returns {Promise<T>} */
  get() {
    this.#coming ??= this.fetch().then(
      (part) => {
        this.part = part;
        this.onready();
        return part;
      },
      (error) => {
        this.#coming = undefined;
        throw error;
      },
    );
    return this.#coming;
  }

  /** Have it for what is drawn, which goes on without it. */
  want() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.again();
  }

  /** The server is there again: what could not be had may be now. */
  again() {
    if (this.#wanted && !this.part) this.get().catch((error) => console.warn(`The page does without a part of it for now: ${error}`));
  }
}
