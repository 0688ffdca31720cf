// @ts-check
/**
 * What is held of what a room says: messages and notices, ordered by id, as of their newest known change.
 *
 * Pages of history and live batches may come in any order, overlap, and be of different ages. The
 * same set of log rows gives the same messages in whatever order it arrived: a message is kept as the
 * newest page had it, beside the rows that change it and are newer than that.
 */

import { reacted } from "./reactions.js";

/**
 * @typedef {import("./protocol.js").Message} Message
 *
 * @typedef {object} Changes of one target
 * @property {Message[]} rows ascending, all above what its page contained
 * @property {string} [reason] why it was removed
 */

const CHANGES = new Set(["edit", "redaction", "reaction", "unreaction"]);
/** So many rows are kept for targets whose page has not come; any page read from now on contains the older ones. */
const MOST_WAITING = 1_000;
/** So many rows beside one message; then they become part of it. */
const MOST_BESIDE = 100;

export class MessageStore {
  /** As its page had it. @type {Map<number, Message>} */
  #pages = new Map();
  /** As it is now. @type {Map<number, Message>} */
  #held = new Map();
  /** @type {number[]} ascending */
  #ids = [];
  /** By target, also for one whose page has not come yet. @type {Map<number, Changes>} */
  #changes = new Map();
  #waiting = 0;
  #onchange;

  /** @param {() => void} [onchange] called after each change that shows */
  constructor(onchange = () => {}) {
    this.#onchange = onchange;
  }

  /** Take rows of the log, from anywhere, in any order. @param {readonly Message[]} rows */
  add(rows) {
    let shows = false;
    for (const row of rows) {
      if (row.kind === "message" || row.kind === "notice") shows = this.#take(row) || shows;
      else if (CHANGES.has(row.kind)) shows = this.#change(row) || shows;
    }
    if (shows) this.#onchange();
  }

  /** Take of these rows only what changes messages: they lie beyond what is held. @param {readonly Message[]} rows */
  change(rows) {
    this.add(rows.filter(({ kind }) => CHANGES.has(kind)));
  }

  /** Throw everything away: the cursor could not be resumed. */
  reset() {
    this.#pages.clear();
    this.#held.clear();
    this.#changes.clear();
    this.#waiting = 0;
    this.#ids = [];
    this.#onchange();
  }

  /** @param {number} id @returns {Message | undefined} an immutable value; another object once changed */
  get(id) {
    return this.#held.get(id);
  }

  /** Why a message was removed, where that is known and was said. @param {number} id @returns {string | undefined} */
  reason(id) {
    return this.#changes.get(id)?.reason;
  }

  get size() {
    return this.#ids.length;
  }

  /** The messages and notices, ascending by id. @returns {Generator<Message>} */
  *messages() {
    for (const id of this.#ids) yield /** @type {Message} */ (this.#held.get(id));
  }

  /** The id of the message at a place in the order, from the end where that is negative. @param {number} place */
  idAt(place) {
    return this.#ids.at(place);
  }

  /**
   * Let go of what lies outside of these ids, which can be read again. No page of that may be under way
   * meanwhile: a change that it does not contain would be forgotten.
   * @param {number} low @param {number} high both are kept
   */
  keep(low, high) {
    this.#ids = this.#ids.filter((id) => {
      if (id >= low && id <= high) return true;
      this.#pages.delete(id);
      return !this.#held.delete(id);
    });
    for (const target of this.#changes.keys()) if (target < low || target > high) this.#changes.delete(target);
    this.#waiting = this.#countWaiting();
    this.#onchange();
  }

  /** @param {(message: Message) => boolean} test @returns {Message | undefined} */
  findLast(test) {
    for (let at = this.#ids.length - 1; at >= 0; at -= 1) {
      const message = /** @type {Message} */ (this.#held.get(this.#ids[at]));
      if (test(message)) return message;
    }
    return undefined;
  }

  /** @param {Message} row */
  #take(row) {
    const page = this.#pages.get(row.id);
    // A page read earlier may arrive later: what contains more changes stays.
    if (page && (page.changed ?? 0) >= (row.changed ?? 0)) return false;
    if (!page) this.#insert(row.id);
    this.#pages.set(row.id, row);
    const changes = this.#changes.get(row.id);
    if (changes) {
      if (!page) this.#waiting -= changes.rows.length;
      changes.rows = changes.rows.filter(({ id }) => id > (row.changed ?? 0));
    }
    this.#show(row.id);
    return true;
  }

  /** @param {Message} row */
  #change(row) {
    const { target } = row;
    if (target === undefined) return false;
    const changes = this.#changes.get(target) ?? { rows: [] };
    this.#changes.set(target, changes);
    const tells = row.kind === "redaction" && row.body !== undefined && changes.reason === undefined;
    if (tells) changes.reason = row.body;
    const page = this.#pages.get(target);
    if (row.id <= (page?.changed ?? 0) || changes.rows.some(({ id }) => id === row.id)) {
      return tells && page !== undefined;
    }
    putInOrder(changes.rows, row);
    if (!page) {
      this.#waiting += 1;
      if (this.#waiting > MOST_WAITING) this.#forgetOldest();
      return false;
    }
    this.#show(target);
    if (changes.rows.length > MOST_BESIDE) {
      this.#pages.set(target, /** @type {Message} */ (this.#held.get(target)));
      changes.rows = [];
    }
    return true;
  }

  /** Make a message what its page and its changes say. @param {number} id */
  #show(id) {
    const page = /** @type {Message} */ (this.#pages.get(id));
    this.#held.set(id, (this.#changes.get(id)?.rows ?? []).reduce(changed, page));
  }

  /** Half of those who wait, those longest there: the targets whose last change is oldest. */
  #forgetOldest() {
    const waiting = [...this.#changes].filter(([target]) => !this.#pages.has(target));
    waiting.sort(([, one], [, other]) => (one.rows.at(-1)?.id ?? 0) - (other.rows.at(-1)?.id ?? 0));
    for (const [target, { rows }] of waiting) {
      if (this.#waiting <= MOST_WAITING / 2) break;
      this.#changes.delete(target);
      this.#waiting -= rows.length;
    }
  }

  #countWaiting() {
    let count = 0;
    for (const [target, { rows }] of this.#changes) if (!this.#pages.has(target)) count += rows.length;
    return count;
  }

  /** @param {number} id one that is not held */
  #insert(id) {
    const ids = this.#ids;
    if (ids.length === 0 || id > ids[ids.length - 1]) {
      ids.push(id);
      return;
    }
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ids[middle] < id) low = middle + 1;
      else high = middle;
    }
    ids.splice(low, 0, id);
  }
}

/** @param {Message[]} rows ascending @param {Message} row */
function putInOrder(rows, row) {
  const before = rows.findLastIndex(({ id }) => id < row.id);
  rows.splice(before + 1, 0, row);
}

/**
 * A message with a change applied, the same object where it already contains it. A redaction is final.
 * @param {Message} message @param {Message} change @returns {Message}
 */
function changed(message, change) {
  if (change.id <= (message.changed ?? 0)) return message;
  const { body: _body, mentions: _mentions, reactions, ...rest } = message;
  // An edit without a text is one whose text has been withheld: its redaction is on the way.
  if (change.kind === "redaction" || (change.kind === "edit" && change.body === undefined)) {
    if (message.redacted && change.kind === "edit") return message;
    const { files: _files, ...removed } = rest;
    return { ...removed, redacted: true, changed: change.id };
  }
  if (message.redacted) return message;
  if (change.kind === "edit") {
    const edited = { ...rest, body: change.body, edited_at: change.created_at, changed: change.id };
    return { ...edited, ...(change.mentions && { mentions: change.mentions }), ...(reactions && { reactions }) };
  }
  const now = reacted(reactions ?? [], change);
  /** @type {Message} */
  const kept = { ...message, reactions: now, changed: change.id };
  if (now.length === 0) delete kept.reactions;
  return kept;
}
