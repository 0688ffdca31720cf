// @ts-check
/** Of what somebody wants to be notified, room by room, in this browser. Logging out forgets it. */

/**
 * @typedef {"all" | "named" | "none"} Wish `named`: what names one, and conversations of two
 * @typedef {{other?: Wish, rooms?: Record<string, Wish>}} Kept
 */

/** @type {readonly string[]} */
const WISHES = ["all", "named", "none"];

export class Wishes {
  /** @param {{storage: Storage, user: import("./protocol.js").Author}} how */
  constructor({ storage, user }) {
    this.storage = storage;
    this.key = `chat:notify:${user.id}`;
  }

  /** For rooms without a wish of their own. */
  get other() {
    return this.#read().other ?? "named";
  }

  /** What was wished for this room itself. @param {string} room @returns {Wish | undefined} */
  own(room) {
    const { rooms = {} } = this.#read();
    return Object.hasOwn(rooms, room) ? rooms[room] : undefined;
  }

  /** @param {string} room @returns {Wish} */
  of(room) {
    return this.own(room) ?? this.other;
  }

  /** @param {string} room @param {Wish | undefined} own @param {Wish} other */
  keep(room, own, other) {
    const { [room]: _before, ...rooms } = this.#read().rooms ?? {};
    this.storage.setItem(this.key, JSON.stringify({ other, rooms: own ? { ...rooms, [room]: own } : rooms }));
  }

  /** Read anew each time: another tab may have written. @returns {Kept} */
  #read() {
    try {
      return JSON.parse(this.storage.getItem(this.key) ?? "{}") ?? {};
    } catch {
      return {};
    }
  }
}

/** @param {string | undefined} value @returns {Wish | undefined} */
export function asWish(value) {
  return value !== undefined && WISHES.includes(value) ? /** @type {Wish} */ (value) : undefined;
}
