// @ts-check
/** What the log shows, as plain rows: days, messages, and what is on its way. No document here. */

import { dayKey } from "./times.js";

/**
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../outbox.js").Entry} Entry
 * @typedef {import("../outbox.js").Outbox} Outbox
 * @typedef {import("../store.js").MessageStore} MessageStore
 *
 * @typedef {{kind: "day", key: string, at: string}} DayRow
 * @typedef {{kind: "message", key: string, message: Message, reason: string | undefined,
 *   change: Entry | undefined, follows: boolean}} MessageRow
 * @typedef {{kind: "entry", key: string, entry: Entry, follows: boolean}} EntryRow
 * @typedef {DayRow | MessageRow | EntryRow} Row
 */

const TOGETHER_MS = 5 * 60_000;

/**
 * @param {MessageStore} store @param {Outbox} outbox @param {Author | null} me
 * @returns {Row[]} as they stand below one another
 */
export function rowsOf(store, outbox, me) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {{author: Author | null | undefined, at: string, day: string} | null} */
  let last = null;
  /** @type {Set<string>} */
  const used = new Set();
  /** A day can come twice: clocks of servers and browsers differ around midnight. @param {string} key @returns {string} */
  const unused = (key) => (used.has(key) ? unused(`${key}+`) : (used.add(key), key));
  /** @param {Author | null | undefined} author @param {string} at @returns {boolean} whether it follows on the last row */
  const place = (author, at) => {
    const day = dayKey(at);
    const newDay = last?.day !== day;
    if (newDay) rows.push({ kind: "day", key: unused(`d${day}`), at });
    const follows =
      !newDay && last?.author?.id === author?.id && Date.parse(at) - Date.parse(last?.at ?? at) < TOGETHER_MS;
    last = { author, at, day };
    return follows;
  };
  const changes = new Map(
    outbox.entries().filter(({ command }) => command.type !== "send").map((entry) => [entry.command.target, entry]),
  );
  for (const message of store.messages()) {
    const follows = place(message.author, message.created_at);
    const reason = store.reason(message.id);
    rows.push({ kind: "message", key: `m${message.id}`, message, reason, change: changes.get(message.id), follows });
  }
  for (const entry of outbox.entries()) {
    if (entry.command.type !== "send") continue;
    const follows = place(me, entry.at);
    rows.push({ kind: "entry", key: `n${entry.command.nonce}`, entry, follows });
  }
  return rows;
}

/** Whether two rows of one key look the same. @param {Row} one @param {Row} other */
export function same(one, other) {
  if (one.kind === "day" || other.kind === "day") return one.kind === other.kind;
  if (one.follows !== other.follows) return false;
  if (one.kind === "entry") return other.kind === "entry" && one.entry === other.entry;
  if (other.kind !== "message") return false;
  return one.message === other.message && one.change === other.change && one.reason === other.reason;
}
