// @ts-check
/** What a room is now, and what this reader may do there: as it was read, and as notices have changed it since. */

/**
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Notice} Notice
 * @typedef {import("./protocol.js").Room} Room
 * @typedef {import("./protocol.js").UserId} UserId
 * @typedef {"" | "guest" | "archived" | "read_only" | "muted"} WhyNot
 */

/** What these tell of the reader changes more than they say. */
const ABOUT_ONE = new Set(["joined", "left", "removed", "role", "muted", "unmuted", "unbanned"]);

/** @type {Record<string, (notice: Notice) => Partial<Room>>} */
const CHANGES = {
  renamed: ({ value }) => ({ name: String(value) }),
  topic: ({ value }) => ({ topic: String(value ?? "") }),
  archived: () => ({ archived: true }),
  unarchived: () => ({ archived: false }),
  read_only: ({ value }) => ({ read_only: value === true }),
  slow_mode: ({ value }) => ({ slow_mode: Number(value ?? 0) }),
};

export class RoomState {
  /** Notices up to here are contained in `now`. */
  #at;
  #asking = false;
  #again = false;

  /**
   * @param {object} how
   * @param {Room} how.room as the page had it
   * @param {number} how.at the newest id of the log then
   * @param {UserId | undefined} how.me
   * @param {() => Promise<Room>} how.ask reads it anew
   * @param {() => void} how.onchange
   */
  constructor({ room, at, me, ask, onchange }) {
    this.now = room;
    this.me = me;
    this.ask = ask;
    this.onchange = onchange;
    this.#at = at;
  }

  /** Take rows of the log, ascending; all there are above those told before. @param {readonly Message[]} rows */
  told(rows) {
    let mine = false;
    for (const { id, notice } of rows) {
      if (id <= this.#at) continue;
      this.#at = id;
      if (!notice) continue;
      mine ||= ABOUT_ONE.has(notice.event) && this.me !== undefined && notice.about?.id === this.me;
      const change = Object.hasOwn(CHANGES, notice.event) ? CHANGES[notice.event](notice) : null;
      if (change) this.#become({ ...this.now, ...change });
    }
    if (mine) void this.anew();
  }

  /** Begin anew with the newest page, which may have left out what lies between. @param {{messages: readonly Message[], more: boolean}} page */
  opened({ messages, more }) {
    const gap = more && (messages[0]?.id ?? 0) > this.#at;
    this.told(messages);
    if (gap) void this.anew();
  }

  /** Nothing that was told is known to hold: another database, perhaps. */
  reset() {
    this.#at = 0;
    void this.anew();
  }

  /** Read it anew; asked again meanwhile, once more after. */
  async anew() {
    this.#again = true;
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#again) {
        this.#again = false;
        this.#become(await this.ask());
      }
    } catch (error) {
      // Who may no longer see it is told so by the feed; else the next notice, or a reload, asks again.
      console.info(`The room's state could not be read: ${error}`);
    } finally {
      this.#asking = false;
    }
  }

  /** @param {Room} room */
  #become(room) {
    this.now = room;
    this.onchange();
  }
}

/**
 * Whether one may post, and if not, why.
 * @param {Room} room @param {boolean} known has an account @param {number} now_ms
 * @returns {WhyNot}
 */
export function whyNot(room, known, now_ms) {
  if (!known) return "guest";
  if (room.archived) return "archived";
  if (isMuted(room, now_ms)) return "muted";
  return room.read_only && !room.moderate ? "read_only" : "";
}

/** @param {Room} room @param {number} now_ms */
export function isMuted({ muted_until }, now_ms) {
  return muted_until !== undefined && (muted_until === "" || Date.parse(muted_until) > now_ms);
}
