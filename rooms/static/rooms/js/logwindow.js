// @ts-check
/**
 * The window over a room's log: one stretch of it without gaps is held, which need not reach the newest.
 *
 * It grows by pages at the end towards which its reader goes, and is let go of at the other. What comes
 * live is put in only where the window reaches the head of the log; of what lies beyond, only what changes
 * a message that is held, or under way, is taken.
 */

import { Problem } from "./api.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./api.js").Reading} Reading
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Page} Page
 * @typedef {import("./store.js").MessageStore} MessageStore
 * @typedef {"older" | "newer"} End
 * @typedef {"idle" | "loading" | "failed" | "complete"} EdgeState `complete`: there is nothing beyond
 * @typedef {"here" | "gone" | "failed" | "overtaken"} Found `overtaken`: something else was asked for since
 * @typedef {{state: EdgeState, life: AbortController}} Edge
 */

/** What is put in at once must be laid out within a frame or two. */
const PAGE = 30;
const PAGE_ANEW = 50;
const MOST = 600;
const MOST_NEWS = 10_000;

export class LogWindow {
  /** All rows from here to `#high` have been read. */
  #low = 0;
  #high = 0;
  /** How far the log has been told of. */
  #head = 0;
  #epoch = "";
  /** What others said since the opening, while it is not seen: ids, ascending. @type {number[]} */
  #news = [];
  /** @type {Record<End, Edge>} */
  #edges = { older: edge(), newer: edge() };
  /** A read that takes the place of all that is held. @type {AbortController | null} */
  #move = null;

  /**
   * @param {object} how
   * @param {string} how.room
   * @param {Api} how.api
   * @param {MessageStore} how.store what it holds, which nobody else adds to
   * @param {import("./protocol.js").UserId | undefined} how.me
   * @param {() => End | null} how.far which end is the farther one from what is being read; null where nothing may go
   * @param {() => void} how.onpage what is put in next is not new
   * @param {() => void} how.onchange an edge is another, or something new was told of
   * @param {() => void} how.onreset the log is another database's: nothing that is held holds
   * @param {number} [how.most] messages that are held
   * @param {number} [how.page] rows that are read at a time
   * @param {number} [how.anew] rows that are read where nothing of what is held stays
   */
  constructor({ room, api, store, me, far, onpage, onchange, onreset, most = MOST, page = PAGE, anew = PAGE_ANEW }) {
    this.room = room;
    this.api = api;
    this.store = store;
    this.me = me;
    this.far = far;
    this.onpage = onpage;
    this.onchange = onchange;
    this.onreset = onreset;
    this.most = most;
    this.page = page;
    this.anew = anew;
  }

  /** Whether it reaches the head of the log. */
  get attached() {
    return this.#high >= this.#head;
  }

  /** All that the log keeps from this id up to the newest that is held is held. */
  get from() {
    return this.#edges.older.state === "complete" ? 0 : this.#low;
  }

  /** @param {End} end @returns {EdgeState} */
  state(end) {
    return end === "newer" && this.attached ? "complete" : this.#edges[end].state;
  }

  /** How many messages others said since the opening beyond this one, which has been seen. @param {number} id */
  unseen(id) {
    this.#news = this.#news.filter((one) => one > id);
    return this.#news.length;
  }

  /** Begin anew with the newest page. @param {Page} page */
  open(page) {
    this.#stop();
    this.#epoch = page.epoch;
    this.#head = page.last_id;
    this.#news = [];
    this.#replace(page.messages, page.last_id, page.more);
  }

  /** Nothing that is held holds any longer; the newest page follows. */
  reset() {
    this.#stop();
    this.#low = this.#high = this.#head = 0;
    this.#edges.older.state = "complete";
    this.store.reset();
  }

  /** Take what the log was told to hold after all before. @param {readonly Message[]} rows ascending */
  live(rows) {
    const { attached } = this;
    this.#head = rows.at(-1)?.id ?? this.#head;
    for (const { id, kind, author } of rows) if (kind === "message" && author?.id !== this.me) this.#news.push(id);
    this.#news = this.#news.slice(-MOST_NEWS);
    if (attached) {
      this.#high = Math.max(this.#high, this.#head);
      this.store.add(rows);
      this.#bound();
    } else {
      this.store.change(rows);
    }
    this.onchange();
  }

  /** Read one page more at an end; nothing where one is being read or there is none. @param {End} end */
  async load(end) {
    const state = this.state(end);
    if (this.#move || state === "loading" || state === "complete") return;
    const life = new AbortController();
    const { signal } = life;
    this.#edges[end] = { state: "loading", life };
    this.onchange();
    const head = this.#head;
    try {
      const how = this.#how(signal, this.page);
      const page = await (end === "older" ? this.api.before(this.room, this.#low, how) : this.api.after(this.room, this.#high, how));
      if (signal.aborted) return;
      this.onpage();
      this.store.add(page.messages);
      const more = page.more && page.messages.length > 0;
      // Counted in rows of the log: a page of edits alone has messages above it.
      if (end === "older") this.#low = page.messages[0]?.id ?? this.#low;
      // The head that was told of may itself be gone from the log.
      else this.#high = page.messages.length > 0 ? page.last_id : Math.max(this.#high, head);
      this.#edges[end].state = more || end === "newer" ? "idle" : "complete";
      this.#bound();
    } catch (error) {
      if (signal.aborted || this.#isReset(error)) return;
      console.warn(`Messages could not be read: ${error}`);
      this.#edges[end].state = "failed";
    }
    this.onchange();
  }

  /** Hold what is around a message, whatever is held now. @param {number} id @returns {Promise<Found>} */
  async around(id) {
    if (this.store.get(id)) {
      this.#leave();
      return "here";
    }
    if (id > this.#head) return "gone";
    return this.#moved(async (how) => {
      const [below, from] = await Promise.all([this.api.before(this.room, id, how), this.api.after(this.room, id - 1, how)]);
      const [first] = from.messages;
      if (first?.id !== id || (first.kind !== "message" && first.kind !== "notice")) return null;
      return { ...from, messages: [...below.messages, ...from.messages], more: below.more };
    });
  }

  /** Hold the newest, whatever is held now. @returns {Promise<Found>} */
  async newest() {
    if (this.attached) {
      this.#leave();
      return "here";
    }
    return this.#moved((how) => this.api.newest(this.room, how));
  }

  /**
   * @param {(how: Reading) => Promise<Page | null>} read null where it is gone; `more`: below
   * @returns {Promise<Found>}
   */
  async #moved(read) {
    this.#stop();
    const move = new AbortController();
    this.#move = move;
    try {
      const page = await read(this.#how(move.signal, this.anew));
      if (move.signal.aborted) return "overtaken";
      this.#move = null;
      if (!page) {
        this.#bound();
        return "gone";
      }
      this.onpage();
      this.#replace(page.messages, page.last_id, page.more);
      return "here";
    } catch (error) {
      if (move.signal.aborted || this.#isReset(error)) return "overtaken";
      this.#move = null;
      this.#bound();
      console.info(`Messages could not be read: ${error}`);
      return "failed";
    }
  }

  /** @param {readonly Message[]} rows without a gap @param {number} high @param {boolean} more below */
  #replace(rows, high, more) {
    this.#low = rows[0]?.id ?? high;
    this.#high = high;
    this.#edges.older.state = more && rows.length > 0 ? "idle" : "complete";
    this.store.keep(this.#low, high);
    this.store.add(rows);
    this.onchange();
  }

  /** Hold a bounded piece: let go of the end that is farther from its reader. */
  #bound() {
    const { size } = this.store;
    // What is let go of must not be under way, or a change to it would be forgotten.
    if (size <= this.most || this.#move) return;
    const end = this.far();
    if (!end) return;
    this.#edges[end].life.abort();
    this.#edges[end].state = "idle";
    if (end === "older") this.#low = this.store.idAt(size - this.most) ?? this.#low;
    else this.#high = this.store.idAt(this.most - 1) ?? this.#high;
    this.store.keep(end === "older" ? this.#low : 0, end === "newer" ? this.#high : Infinity);
  }

  /** Where one was going is where one no longer wants to be. */
  #leave() {
    this.#move?.abort();
    this.#move = null;
    this.#bound();
  }

  /** Whatever is under way is nobody's. */
  #stop() {
    this.#leave();
    for (const one of Object.values(this.#edges)) {
      one.life.abort();
      if (one.state === "loading") one.state = "idle";
    }
  }

  /** @param {AbortSignal} signal @param {number} limit @returns {Reading} */
  #how(signal, limit) {
    return { limit, epoch: this.#epoch, signal };
  }

  /** @param {unknown} error */
  #isReset(error) {
    const reset = error instanceof Problem && error.code === "reset";
    if (reset) this.onreset();
    return reset;
  }
}

/** @returns {Edge} */
function edge() {
  return { state: "idle", life: new AbortController() };
}
