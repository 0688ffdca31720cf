// @ts-check
/**
 * What a room says: its messages, ordered by id, as of their newest known edit or redaction.
 *
 * Pages of history and live batches may come in any order, overlap, and be of different ages. The
 * same set of log rows gives the same messages in whatever order it arrived.
 */

/** @typedef {import("./protocol.js").Message} Message */

export class MessageStore {
  /** @type {Map<number, Message>} */
  #held = new Map();
  /** @type {number[]} ascending */
  #ids = [];
  /** The newest change for a target, also for one whose page has not come yet. @type {Map<number, Message>} */
  #changes = new Map();
  #onchange;

  /** @param {() => void} [onchange] called after each change that shows */
  constructor(onchange = () => {}) {
    this.#onchange = onchange;
  }

  /** Take rows of the log, from anywhere, in any order. @param {readonly Message[]} rows */
  add(rows) {
    let shows = false;
    for (const row of rows) {
      if (row.kind === "message") shows = this.#take(row) || shows;
      else if (row.kind === "edit" || row.kind === "redaction") shows = this.#change(row) || shows;
    }
    if (shows) this.#onchange();
  }

  /** Throw everything away: the cursor could not be resumed. */
  reset() {
    this.#held.clear();
    this.#changes.clear();
    this.#ids = [];
    this.#onchange();
  }

  /** @param {number} id @returns {Message | undefined} an immutable value; another object once changed */
  get(id) {
    return this.#held.get(id);
  }

  /** Why a message was removed, where that is known and was said. @param {number} id @returns {string | undefined} */
  reason(id) {
    const change = this.#changes.get(id);
    return change?.kind === "redaction" ? change.body : undefined;
  }

  get size() {
    return this.#ids.length;
  }

  /** The messages, ascending by id. @returns {Generator<Message>} */
  *messages() {
    for (const id of this.#ids) yield /** @type {Message} */ (this.#held.get(id));
  }

  /**
   * Let go of all but the newest, whose past can be read again. No page may be under way meanwhile: a
   * change that it does not contain would be forgotten.
   * @param {number} keep
   * @returns {number} the lowest id that is still held
   */
  trim(keep) {
    for (const id of this.#ids.splice(0, Math.max(0, this.#ids.length - keep))) this.#held.delete(id);
    const lowest = this.#ids[0] ?? 0;
    for (const target of this.#changes.keys()) if (target < lowest) this.#changes.delete(target);
    this.#onchange();
    return lowest;
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
    const held = this.#held.get(row.id);
    // A page read earlier may arrive later: what contains more changes stays.
    if (held && (held.changed ?? 0) >= (row.changed ?? 0)) return false;
    if (!held) this.#insert(row.id);
    const change = this.#changes.get(row.id);
    this.#held.set(row.id, change ? changed(row, change) : row);
    return true;
  }

  /** @param {Message} row an edit or redaction */
  #change(row) {
    if (row.target === undefined) return false;
    const newest = this.#changes.get(row.target);
    if (newest && !supersedes(row, newest)) return false;
    this.#changes.set(row.target, row);
    const held = this.#held.get(row.target);
    if (!held) return false;
    const after = changed(held, row);
    this.#held.set(row.target, after);
    return after !== held;
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

/**
 * Whether a change replaces the newest one known. A redaction is final: no edit comes after it.
 * @param {Message} change @param {Message} known
 */
function supersedes(change, known) {
  if (change.kind !== known.kind) return change.kind === "redaction";
  return change.id > known.id;
}

/**
 * A message with a change applied, the same object where it already contains it.
 * @param {Message} message @param {Message} change @returns {Message}
 */
function changed(message, change) {
  if (change.id <= (message.changed ?? 0)) return message;
  if (message.redacted && change.kind === "edit") return message;
  const { body: _old, ...rest } = message;
  // An edit without a text is one whose text has been withheld: its redaction is on the way.
  if (change.kind === "redaction" || change.body === undefined) {
    return { ...rest, redacted: true, changed: change.id };
  }
  return { ...rest, body: change.body, edited_at: change.created_at, changed: change.id };
}
