// @ts-check
/** Who is in a room now, as a WebSocket tells it. By any other way nobody is known to be there. */

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./connection.js").Status} Status
 * @typedef {import("./protocol.js").Author} Author
 */

/** A connection that comes back sooner changes nothing that shows. */
const HOLDS_MS = 15_000;
/** The server lists so many at most, in a crowd fewer: of a list so long nobody knows whether it is all. */
const LISTED = new Set([20, 200]);

export class Presence {
  /** @type {Author[]} */
  people = [];
  #cancel = () => {};
  #live = false;

  /** @param {{clock: Clock, onchange: () => void}} how */
  constructor({ clock, onchange }) {
    this.clock = clock;
    this.onchange = onchange;
  }

  /** Whether there may be more than are listed. */
  get more() {
    return LISTED.has(this.people.length);
  }

  /** All who are there now. @param {Author[]} people */
  told(people) {
    this.#live = true;
    this.#become(people);
  }

  /** @param {Status} status */
  status({ state, transport }) {
    const live = state === "open" && transport === "websocket";
    if (live === this.#live) return;
    this.#live = live;
    this.#cancel();
    if (!live) this.#cancel = this.clock.after(HOLDS_MS, () => this.#become([]));
    // The list comes soon after the join. Where it does not, what was told before the cut is not kept for good.
    else if (this.people.length > 0) this.#cancel = this.clock.after(HOLDS_MS, () => this.#become([]));
  }

  /** @param {Author[]} people */
  #become(people) {
    this.#cancel();
    this.people = people;
    this.onchange();
  }
}
