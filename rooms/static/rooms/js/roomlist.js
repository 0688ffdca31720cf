// @ts-check
/** The rooms of a reader's list: what is unread in each, and in which order they stand. */

/**
 * @typedef {import("./protocol.js").Listed} Listed
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").UserId} UserId
 * @typedef {{rooms: Listed[], people: Listed[], archived: Listed[]}} Groups
 *
 * @typedef {object} Entry
 * @property {Listed} now
 * @property {number} asked up to which id the server has counted
 * @property {{id: number, named: boolean}[]} since what has become unread after that
 */

/** As many, or more. */
export const MOST = 100;
const MOST_OVERHEARD = 50;

/** What notices change for all alike: nobody need ask. @type {Record<string, (value: unknown, now: Listed) => Partial<Listed>>} */
const CHANGES = {
  renamed: (value) => ({ name: String(value) }),
  topic: (value) => ({ topic: String(value ?? "") }),
  visibility: (value) => ({ visibility: String(value) }),
  archived: () => ({ archived: true, post: false }),
  unarchived: (_value, { moderate, read_only }) => ({ archived: false, post: moderate || !read_only }),
  read_only: (value, { moderate, archived }) => ({ read_only: value === true, post: !archived && (moderate || value !== true) }),
};

/** A text as it is compared: without case and diacritics. @param {string} text */
export function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase().toLowerCase();
}

/** What is for somebody in person first, then what is unread. @param {Listed} room */
function rank({ muted, mentions, unread, visibility }) {
  if (muted) return 2;
  return mentions > 0 || (unread > 0 && visibility === "direct") ? 0 : Number(unread === 0) + 1;
}

/** @param {Listed[]} rooms @returns {Listed[]} */
export function inOrder(rooms) {
  const keyed = rooms.map((room) => ({ room, rank: rank(room), name: fold(room.name) }));
  keyed.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : Number(a.name > b.name)));
  return keyed.map(({ room }) => room);
}

/** @param {Listed[]} rooms @returns {Groups} each in its order */
export function grouped(rooms) {
  const open = rooms.filter(({ archived }) => !archived);
  return {
    rooms: inOrder(open.filter(({ visibility }) => visibility !== "direct")),
    people: inOrder(open.filter(({ visibility }) => visibility === "direct")),
    archived: inOrder(rooms.filter(({ archived }) => archived)),
  };
}

export class RoomList {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** How far was read by this browser: the server may hear of it later. @type {Map<string, number>} */
  #read = new Map();

  /** @param {UserId} me */
  constructor(me) {
    this.me = me;
  }

  /** The logs have other ids now: forget how far was read. */
  reset() {
    this.#read.clear();
  }

  get rooms() {
    return [...this.#entries.values()].map(({ now }) => now);
  }

  /** @param {string} room @returns {Listed | undefined} */
  get(room) {
    return this.#entries.get(room)?.now;
  }

  /** Begin anew with the server's own count. @param {Listed[]} rooms */
  load(rooms) {
    this.#entries = new Map(rooms.map((room) => [room.room, { now: { ...room }, asked: room.last_id, since: [] }]));
    for (const [room, id] of this.#read) this.read(room, id);
  }

  /**
   * Take rows of a room's log, ascending.
   * @param {string} room @param {readonly Message[]} messages
   * @returns {boolean} whether the server must be asked what has become of the list
   */
  take(room, messages) {
    const entry = this.#entries.get(room);
    if (!entry) return true;
    let ask = false;
    for (const message of messages) {
      if (message.id <= entry.now.last_id) continue;
      entry.now.last_id = message.id;
      ask = this.#took(entry, message) || ask;
    }
    return ask;
  }

  /** Somebody who is the reader has read so far. @param {string} room @param {number} id @returns {boolean} as `take` */
  read(room, id) {
    this.#read.set(room, Math.max(this.#read.get(room) ?? 0, id));
    const entry = this.#entries.get(room);
    if (!entry || id <= (entry.now.read ?? -1)) return false;
    const { now } = entry;
    now.read = id;
    if (now.unread === 0 && now.mentions === 0) return false;
    if (id < entry.asked) return true; // of what the server counted some may lie after it
    entry.since = entry.since.filter((one) => one.id > id);
    now.unread = entry.since.length;
    now.mentions = entry.since.filter(({ named }) => named).length;
    return false;
  }

  /** Whether a room's log goes as far as is known. @param {string} room @param {number} last_id */
  isAt(room, last_id) {
    return this.#entries.get(room)?.now.last_id === last_id;
  }

  /** @param {string} room */
  left(room) {
    this.#entries.delete(room);
  }

  /** Those where something is likeliest to happen that concerns the reader. @returns {string[]} */
  toOverhear() {
    return this.rooms
      .filter(({ archived, muted, read, role }) => !archived && !muted && (read ?? role) !== undefined)
      .sort((a, b) => rank(a) - rank(b) || b.last_id - a.last_id)
      .slice(0, MOST_OVERHEARD)
      .map(({ room }) => room)
      .sort();
  }

  /** @param {Entry} entry @param {Message} message @returns {boolean} */
  #took({ now, since }, { id, kind, author, mentions = [], notice }) {
    const named = mentions.some((one) => one.id === this.me);
    if (notice) {
      if (Object.hasOwn(CHANGES, notice.event)) Object.assign(now, CHANGES[notice.event](notice.value, now));
      return notice.about?.id === this.me;
    }
    if (kind === "edit") return named;
    if (kind === "redaction") return now.mentions > 0;
    if (kind !== "message" || author?.id === this.me) return false;
    // Who neither belongs there nor has read anything has nothing unread, and may be named.
    if ((now.read ?? now.role) === undefined && !named) return false;
    since.push({ id, named });
    if (since.length > MOST) since.shift();
    if ((now.read ?? now.role) !== undefined) now.unread = Math.min(MOST, now.unread + 1);
    if (named) now.mentions = Math.min(MOST, now.mentions + 1);
    return false;
  }
}
