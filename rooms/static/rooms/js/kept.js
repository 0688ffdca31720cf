// @ts-check
/** What of an outbox the browser keeps: each entry under a key of its own, so that tabs do not overwrite each other's. */

/**
 * @typedef {import("./outbox.js").Entry} Entry
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">} Keeping
 */

const TYPES = ["send", "edit", "redact", "react", "unreact"];

export class Kept {
  /** @param {{storage: Keeping, prefix: string, room: string}} how */
  constructor({ storage, prefix, room }) {
    this.storage = storage;
    this.prefix = prefix;
    this.room = room;
  }

  /** @returns {Entry[]} in the order typed */
  all() {
    const nonces = Array.from({ length: this.storage.length }, (_, at) => this.nonceOf(this.storage.key(at)));
    const entries = nonces.flatMap((nonce) => (nonce === undefined ? [] : this.get(nonce) ?? []));
    return entries.sort((one, other) => nth(one) - nth(other) || (one.at < other.at ? -1 : 1));
  }

  /** The place of what is typed now: behind all that is kept, whatever the clock says. */
  next() {
    return nth(this.all().at(-1)) + 1;
  }

  /** @param {string} nonce @returns {Entry | undefined} */
  get(nonce) {
    return readEntry(this.storage.getItem(this.prefix + nonce), this.room);
  }

  /** @param {Entry} entry */
  put(entry) {
    try {
      this.storage.setItem(this.prefix + entry.command.nonce, JSON.stringify(entry));
    } catch (error) {
      console.warn(`This browser keeps nothing for us; a reload would lose what is unsent: ${error}`);
    }
  }

  /** @param {string} nonce */
  remove(nonce) {
    this.storage.removeItem(this.prefix + nonce);
  }

  /** Which entry a key of the storage is of, if any of this room's. @param {string | null} key */
  nonceOf(key) {
    return key?.startsWith(this.prefix) ? key.slice(this.prefix.length) : undefined;
  }
}

/** @param {Entry} [entry] @returns {number} 0 for what an earlier version kept */
function nth(entry) {
  return entry?.nth ?? 0;
}

/** @param {string | null} text @param {string} room @returns {Entry | undefined} */
function readEntry(text, room) {
  try {
    const entry = /** @type {Entry} */ (JSON.parse(text ?? "null"));
    const { nonce, body, type } = entry.command;
    if (typeof nonce !== "string" || typeof body !== "string" || !TYPES.includes(type)) return undefined;
    const state = entry.state === "failed" || entry.state === "uploading" ? entry.state : "waiting";
    const { until: _until, ...rest } = entry;
    return { ...rest, command: { ...entry.command, room }, state };
  } catch {
    return undefined; // not ours, or of another version: it stays where it is
  }
}
