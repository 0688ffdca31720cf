// @ts-check
/** What the log shows, as plain rows: days, messages, notices, and what is on its way. No document here. */

import { reacted } from "../reactions.js";
import { dayKey } from "./times.js";

/**
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../outbox.js").Entry} Entry
 * @typedef {import("../outbox.js").Outbox} Outbox
 * @typedef {import("../quotes.js").Answered} Answered
 * @typedef {import("../store.js").MessageStore} MessageStore
 *
 * @typedef {{kind: "day", key: string, at: string}} DayRow
 * @typedef {{kind: "notice", key: string, message: Message}} NoticeRow
 * @typedef {{kind: "unread", key: string}} UnreadRow
 * @typedef {{kind: "message", key: string, message: Message, reason: string | undefined,
 *   change: Entry | undefined, reacting: Entry[], follows: boolean, answered?: Answered}} MessageRow `reacting`: on its way
 * @typedef {{kind: "entry", key: string, entry: Entry, follows: boolean, answered?: Answered}} EntryRow
 * @typedef {DayRow | NoticeRow | UnreadRow | MessageRow | EntryRow} Row
 *
 * @typedef {{after: number, upTo: number}} Unread what was new when the page was opened
 * @typedef {{unread?: Unread, from?: number, end?: boolean}} Part of the log: all from an id on is held; its end is
 */

const TOGETHER_MS = 5 * 60_000;

/**
 * @param {MessageStore} store @param {Outbox} outbox @param {Author | null} me @param {Part} [part]
 * @returns {Row[]} as they stand below one another
 */
export function rowsOf(store, outbox, me, { unread = { after: 0, upTo: 0 }, from = 0, end = true } = {}) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {{author: Author | null | undefined, at: string, day: string} | null} */
  let last = null;
  let afterNotice = false;
  /** @type {Set<string>} */
  const used = new Set();
  /** A day can come twice: clocks of servers and browsers differ around midnight. @param {string} key @returns {string} */
  const unused = (key) => (used.has(key) ? unused(`${key}+`) : (used.add(key), key));
  /** @param {Author | null | undefined} author @param {string} at @returns {boolean} whether it follows on the last row */
  const place = (author, at) => {
    const day = dayKey(at);
    const newDay = last?.day !== day;
    if (newDay) rows.push({ kind: "day", key: unused(`d${day}`), at });
    const broken = afterNotice;
    afterNotice = false;
    const follows =
      !newDay && last?.author?.id === author?.id && Date.parse(at) - Date.parse(last?.at ?? at) < TOGETHER_MS;
    last = { author, at, day };
    return follows && !broken;
  };
  const { changes, reactions } = onTheirWay(outbox);
  // Where the first of what is new is not held, the line is further up: it does not wander as pages come.
  let lined = unread.after === 0 || from > unread.after + 1;
  for (const message of store.messages()) {
    const { id, author, created_at } = message;
    if (message.kind === "notice") {
      place(undefined, created_at);
      afterNotice = true;
      rows.push({ kind: "notice", key: `m${id}`, message });
      continue;
    }
    let follows = place(author, created_at);
    if (!lined && id > unread.after && id <= unread.upTo && author?.id !== me?.id) {
      rows.push({ kind: "unread", key: "unread" });
      lined = true;
      follows = false;
    }
    const [reason, change, reacting] = [store.reason(id), changes.get(id), reactions.get(id) ?? []];
    rows.push({ kind: "message", key: `m${id}`, message, reason, change, reacting, follows });
  }
  for (const entry of end ? outbox.entries() : []) {
    if (entry.command.type !== "send") continue;
    const follows = place(me, entry.at);
    rows.push({ kind: "entry", key: `n${entry.command.nonce}`, entry, follows });
  }
  return rows;
}

/** What changes messages and is not in the log yet, by target. @param {Outbox} outbox */
function onTheirWay(outbox) {
  /** The newest of each. @type {Map<number, Entry>} */
  const changes = new Map();
  /** @type {Map<number, Entry[]>} */
  const reactions = new Map();
  for (const entry of outbox.entries()) {
    const { type, target = 0 } = entry.command;
    if (type === "react" || type === "unreact") reactions.set(target, [...(reactions.get(target) ?? []), entry]);
    else if (type !== "send") changes.set(target, entry);
  }
  return { changes, reactions };
}

/** A message's reactions as they will be. @param {MessageRow} row @param {Author | null} me */
export function shownReactions({ message, reacting }, me) {
  let shown = message.reactions ?? [];
  for (const { command, state } of reacting) {
    if (state === "failed" || !me) continue;
    shown = reacted(shown, { ...message, kind: command.type === "react" ? "reaction" : "unreaction", body: command.body, author: me });
  }
  return shown;
}

/** Whether two rows of one key look the same. @param {Row} one @param {Row} other */
export function same(one, other) {
  if (one.kind === "day" || one.kind === "unread" || one.kind === "notice") return one.kind === other.kind;
  if (other.kind === "day" || other.kind === "unread" || other.kind === "notice") return false;
  if (one.follows !== other.follows || one.answered !== other.answered) return false;
  if (one.kind === "entry") return other.kind === "entry" && one.entry === other.entry;
  if (other.kind !== "message") return false;
  if (one.message !== other.message || one.change !== other.change || one.reason !== other.reason) return false;
  const { reacting } = other;
  return one.reacting.length === reacting.length && one.reacting.every((entry, at) => entry === reacting[at]);
}

/** Rows with what they answer. @param {Row[]} rows @param {(id: number) => import("../quotes.js").Answered} answered */
export function withAnswered(rows, answered) {
  for (const row of rows) {
    if (row.kind !== "message" && row.kind !== "entry") continue;
    const id = row.kind === "message" ? row.message.reply_to : row.entry.command.reply_to;
    if (id !== undefined) row.answered = answered(id);
  }
  return rows;
}
