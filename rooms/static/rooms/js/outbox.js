// @ts-check
/**
 * What was typed and is not known to be stored.
 *
 * An entry is kept in the browser from the moment it is typed until the server has said "stored" or
 * the typist has thrown it away, so neither a bad network nor a reload loses it. Its nonce makes
 * sending it again safe, on any transport: what was stored already is answered as such.
 */

import { Problem } from "./api.js";
import { Backoff } from "./backoff.js";
import { gettext } from "./i18n.js";
import { Kept } from "./kept.js";
import { newNonce } from "./nonce.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {{type: "send" | "edit" | "redact" | "react" | "unreact", room: string, nonce: string, body: string,
 *   target?: number, reply_to?: number, files?: string[]}} Command `body` is the text, a redaction's reason, what is reacted with
 * @typedef {Partial<import("./protocol.js").SentFile> & {name: string, type: string, size: number,
 *   upload?: import("./upload.js").Upload}} Attachment a file of a message; without an id it is not uploaded
 * @typedef {"uploading" | "waiting" | "sending" | "stored" | "failed"} EntryState
 * @typedef {{command: Command, state: EntryState, at: string, nth?: number, code?: string, detail?: string, files?: Attachment[],
 *   id?: number, until?: number, out?: boolean}} Entry `nth`: its place in the order typed; `id`: the row of the log that it was
 *   stored as; `until`: no sooner is it sent again (wall clock, milliseconds), since the server has said so; `out`: it may be
 *   stored, for all that is known
 *
 * @typedef {object} Ways
 * @property {(frame: object) => boolean} socket false where no open socket carries it
 * @property {(command: Command) => Promise<Message>} post by HTTP
 * @property {() => void} doubt nothing was answered for long: is the connection alive?
 * @property {(nonce: string) => void} [files] see to it that the files of an "uploading" one get there (sendfiles.js)
 */

/** Refusals that pass: the same nonce is tried again. */
const PASSING = new Set(["unavailable", "rate_limited", "not_authenticated"]);
const ANSWER_WITHIN_MS = 10_000;

export class Outbox {
  /** In the order typed. @type {Map<string, Entry>} */
  #entries = new Map();
  #open = false;
  #session = "";
  #bySocket = false;
  #posting = false;
  /** How many refusals have told us to wait for a while that is not over: nothing goes out meanwhile. */
  #holds = 0;
  #cancelRetry = () => {};
  /** @type {Map<string, () => void>} */
  #waits = new Map();
  #backoff;
  #kept;

  /**
   * @param {object} how
   * @param {string} how.room
   * @param {import("./protocol.js").Author | null} how.user
   * @param {import("./kept.js").Keeping} how.storage
   * @param {Clock} how.clock
   * @param {Ways} how.ways
   * @param {() => void} how.onchange
   */
  constructor({ room, user, storage, clock, ways, onchange }) {
    this.room = room;
    this.user = user;
    this.clock = clock;
    this.ways = ways;
    this.onchange = onchange;
    this.#kept = new Kept({ storage, room, prefix: `chat:outbox:${user?.id ?? ""}:${room}:` });
    this.#backoff = new Backoff(clock.random, { base_ms: 1_000 });
    for (const entry of this.#kept.all()) {
      // Another tab may be at it.
      if (entry.state === "uploading") ways.files?.(entry.command.nonce);
      else this.#entries.set(entry.command.nonce, { ...entry, out: true });
    }
  }

  /** @returns {readonly Entry[]} in the order typed; "stored" ones are still missing from the log read here */
  entries() {
    return [...this.#entries.values()];
  }

  /**
   * @param {Pick<Command, "type" | "body"> & Partial<Pick<Command, "target" | "reply_to">>} what
   * @param {Attachment[]} [files] it goes out once all of them are uploaded; other messages do not wait for it
   */
  submit(what, files = []) {
    const command = { ...what, room: this.room, nonce: newNonce() };
    const attached = files.length > 0 ? { files } : {};
    this.#begin({ command, state: "waiting", at: new Date(this.clock.now()).toISOString(), ...attached });
    return command.nonce;
  }

  /** @param {string} nonce @returns {Entry | undefined} also one that is kept here and not held */
  get(nonce) {
    return this.#entries.get(nonce) ?? this.#kept.get(nonce);
  }

  /** A message's text as the edits on their way will leave it. @param {Message} message @returns {string} */
  textOf({ id, body = "" }) {
    const edits = this.entries().filter(({ command, state }) => command.type === "edit" && command.target === id && state !== "failed");
    return edits.at(-1)?.command.body ?? body;
  }

  /** Something else is so of one of them. @param {Entry} entry */
  change(entry) {
    this.#put(entry);
    this.#pump();
  }

  /** Try a failed one again, at the end of the line. @param {string} nonce */
  retry(nonce) {
    const entry = this.#entries.get(nonce);
    if (entry?.state !== "failed" || entry.code === "lost") return;
    const { command, at, files } = entry;
    this.#entries.delete(nonce);
    this.#kept.remove(nonce);
    // The nonce was used for something else: only a new one can ever be stored.
    const again = entry.code === "nonce_conflict" ? { ...command, nonce: newNonce() } : command;
    this.#begin({ command: again, state: "waiting", at, ...(files && { files }) });
  }

  /** @param {string} nonce @returns {Entry | undefined} what it was, if it could be; its files are the caller's now */
  discard(nonce) {
    const entry = this.#entries.get(nonce);
    if (entry && !mayDiscard(entry)) return undefined;
    this.#entries.delete(nonce);
    this.#forget(nonce);
    this.onchange();
    return entry;
  }

  /** @param {import("./connection.js").Status} status */
  status({ state, transport, session }) {
    const again = session !== this.#session;
    this.#open = state === "open";
    this.#session = session;
    this.#bySocket = transport === "websocket";
    if (!this.#open) return;
    if (again) this.#unanswered();
    this.#pump();
  }

  /** The server has stored it. @param {string} nonce @param {number} id */
  stored(nonce, id) {
    const entry = this.#entries.get(nonce);
    if (!entry) return;
    this.#stopWaiting(nonce);
    this.#kept.remove(nonce);
    this.#backoff.reset();
    this.#entries.set(nonce, { ...entry, state: "stored", id });
    this.onchange();
  }

  /** The log has shown these. @param {readonly Message[]} messages */
  seen(messages) {
    for (const { nonce, author } of messages) {
      if (nonce === undefined || author?.id !== this.user?.id || !this.#entries.has(nonce)) continue;
      this.#forget(nonce);
      this.onchange();
    }
  }

  /** The log has been read up to here: what was stored below is shown, or is in a page further up. @param {number} cursor */
  passed(cursor) {
    for (const { command, state, id } of this.entries()) {
      if (state !== "stored" || id === undefined || id > cursor) continue;
      this.#forget(command.nonce);
      this.onchange();
    }
  }

  /** @param {{nonce?: string, code: string, detail: string, retry_after?: number}} refusal */
  refused({ nonce, code, detail, retry_after = 0 }) {
    const known = nonce === undefined ? undefined : this.#entries.get(nonce);
    if (!known || nonce === undefined) return;
    const { out: _out, ...entry } = known;
    this.#stopWaiting(nonce);
    if (PASSING.has(code)) {
      const wait_ms = retry_after * 1000;
      this.#put({ ...entry, state: "waiting", ...(code === "rate_limited" && { until: this.clock.now() + wait_ms }) });
      this.#hold(wait_ms);
    } else if (code === "bad_request" && detail.startsWith("files:")) {
      const { files: _files, ...rest } = entry;
      this.#put({ ...rest, state: "failed", code: "lost", detail: gettext("Its files are no longer kept. Attach them again.") });
    } else {
      this.#put({ ...entry, state: "failed", code, detail });
    }
  }

  /** Another tab wrote to the storage that all share. @param {string | null} key @param {string | null} value */
  elsewhere(key, value) {
    const nonce = this.#kept.nonceOf(key);
    if (nonce === undefined || value !== null) return;
    const entry = this.#entries.get(nonce);
    // Stored or thrown away there. Which of the two shows when the log brings it, or does not.
    if (!entry || entry.state === "stored") return;
    this.#forget(nonce);
    this.onchange();
  }

  /** @param {Entry} typed */
  #begin(typed) {
    const entry = { ...typed, nth: this.#kept.next() };
    const { files = [], command } = entry;
    if (files.some(({ id }) => id === undefined)) {
      this.#put({ ...entry, state: "uploading" });
      this.ways.files?.(command.nonce);
    } else {
      this.change({ ...entry, command: withFiles(command, files) });
    }
  }

  /** @param {Entry} entry */
  #put(entry) {
    this.#entries.set(entry.command.nonce, entry);
    this.#kept.put(entry);
    this.onchange();
  }

  /** @param {string} nonce */
  #forget(nonce) {
    this.#stopWaiting(nonce);
    for (const { upload } of this.#entries.get(nonce)?.files ?? []) upload?.drop();
    this.#entries.delete(nonce);
    this.#kept.remove(nonce);
  }

  /** What was sent in a session that is over may or may not be stored: it goes out again. */
  #unanswered() {
    for (const entry of this.entries()) {
      if (entry.state !== "sending" || this.#posting) continue;
      this.#stopWaiting(entry.command.nonce);
      this.#entries.set(entry.command.nonce, { ...entry, state: "waiting" });
    }
  }

  #pump() {
    if (!this.#open || this.#holds > 0) return;
    if (!this.#bySocket) {
      void this.#postAll();
      return;
    }
    for (const { command, state } of this.entries()) {
      if (state !== "waiting") continue;
      if (!this.ways.socket(frame(command))) return;
      this.#sending(command.nonce);
    }
  }

  /** One at a time, so that they are stored in the order typed. */
  async #postAll() {
    if (this.#posting) return;
    this.#posting = true;
    try {
      while (this.#open && !this.#bySocket) {
        const entry = this.entries().find(({ state }) => state === "waiting");
        if (!entry || !(await this.#post(entry.command))) return;
      }
    } finally {
      this.#posting = false;
      // The way out may have changed while an answer was awaited.
      if (this.#open && this.#bySocket) this.#pump();
    }
  }

  /** @param {Command} command @returns {Promise<boolean>} whether to go on with the next */
  async #post(command) {
    const { nonce } = command;
    this.#mark(nonce, "sending");
    try {
      const { id } = await this.ways.post(command);
      this.stored(nonce, id);
      return true;
    } catch (error) {
      if (error instanceof Problem) {
        const { code, detail, retryAfter_s } = error;
        this.refused({ nonce, code, detail, retry_after: retryAfter_s ?? 0 });
        return !PASSING.has(code);
      }
      this.#mark(nonce, "waiting");
      this.#pumpLater();
      this.ways.doubt();
      return false;
    }
  }

  /** @param {string} nonce */
  #sending(nonce) {
    this.#mark(nonce, "sending");
    this.#waits.set(nonce, this.clock.after(ANSWER_WITHIN_MS, () => {
      this.#mark(nonce, "waiting");
      this.ways.doubt();
      this.#pumpLater();
    }));
  }

  /** @param {string} nonce @param {EntryState} state */
  #mark(nonce, state) {
    const entry = this.#entries.get(nonce);
    if (!entry) return;
    const { until: _until, ...rest } = entry;
    this.#entries.set(nonce, { ...rest, state, ...(state === "sending" && { out: true }) });
    this.onchange();
  }

  /** @param {string} nonce */
  #stopWaiting(nonce) {
    this.#waits.get(nonce)?.();
    this.#waits.delete(nonce);
  }

  /** The end is told by a timer, not by the time of day, which can be set back. @param {number} wait_ms */
  #hold(wait_ms) {
    this.#holds += 1;
    this.clock.after(wait_ms, () => {
      this.#holds -= 1;
      this.#pumpLater();
    });
  }

  #pumpLater() {
    this.#cancelRetry();
    this.#cancelRetry = this.clock.after(this.#backoff.next(), () => this.#pump());
  }
}

/** Whether it can be thrown away: what is under way cannot, nor what got no answer. @param {Entry} entry */
export const mayDiscard = ({ state, out }) => state === "failed" || state === "uploading" || (state === "waiting" && !out);

/** @param {Command} command @param {Attachment[]} files all of them uploaded @returns {Command} */
export function withFiles(command, files) {
  return files.length === 0 ? command : { ...command, files: files.flatMap(({ id }) => id ?? []) };
}

/** @param {Command} command @returns {object} the WebSocket's frame */
function frame({ type, room, nonce, body, target, reply_to, files }) {
  if (type === "redact") return { type, room, target, nonce, ...(body ? { reason: body } : {}) };
  if (type !== "send") return { type, room, target, body, nonce };
  return { type, room, body, nonce, ...(reply_to && { reply_to }), ...(files && { files }) };
}
