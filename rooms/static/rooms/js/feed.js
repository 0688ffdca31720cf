// @ts-check
/**
 * One room as one page reads it: the newest page, which the HTML brings at first, then every batch that
 * joins on, and the gap between by HTTP where one does not.
 *
 * Wake, then read: being told of a newer id than the cursor is enough to get there.
 */

import { Problem } from "./api.js";
import { Backoff } from "./backoff.js";
import { Cursor } from "./cursor.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Page} Page
 *
 * @typedef {object} Reader
 * @property {(page: Page) => void} opened the newest page: at first, and after each reset
 * @property {(messages: Message[]) => void} messages rows of the log above all before, ascending
 * @property {() => void} reset nothing that was told holds any longer
 * @property {(code: string) => void} left this room is not ours to read
 */

const NEWEST = 50;

export class RoomFeed {
  /** @type {Cursor | null} null until the newest page is here */
  #cursor = null;
  #told = 0;
  #reading = false;
  #ended = false;
  /** What was asked for before a reset is nobody's. */
  #life = new AbortController();
  #cancelRetry = () => {};
  #backoff;

  /** @param {{room: string, api: Api, clock: Clock, reader: Reader}} how */
  constructor({ room, api, clock, reader }) {
    this.room = room;
    this.api = api;
    this.clock = clock;
    this.reader = reader;
    this.#backoff = new Backoff(clock.random);
  }

  /** How far the log has been read here. */
  get cursor() {
    return this.#cursor;
  }

  /** Begin with the newest page as it was at some time: what came since joins on, or is read. @param {Page} page */
  begin(page) {
    this.#cursor = new Cursor(page.last_id, page.epoch);
    this.reader.opened(page);
  }

  /** Read the newest page, or what is missing. */
  wake() {
    if (this.#reading || this.#ended) return;
    void this.#read();
  }

  /** Something up to this id is there, in this epoch. @param {number} id @param {string} epoch */
  told(id, epoch) {
    if (!this.#cursor) return;
    if (epoch !== this.#cursor.epoch) {
      this.reset();
      return;
    }
    this.#told = Math.max(this.#told, id);
    if (this.#told > this.#cursor.id) this.wake();
  }

  /** All that the room keeps after `prev`. @param {number} prev @param {Message[]} messages */
  batch(prev, messages) {
    if (!this.#cursor || this.#ended || messages.length === 0) return;
    const fresh = this.#cursor.take(prev, messages);
    if (fresh === null) this.told(messages[messages.length - 1].id, this.#cursor.epoch);
    else if (fresh.length > 0) this.reader.messages(fresh);
  }

  /** The cursor cannot be resumed: begin anew. */
  reset() {
    this.#life.abort();
    this.#life = new AbortController();
    this.#cursor = null;
    this.#told = 0;
    this.#reading = false;
    this.reader.reset();
    this.wake();
  }

  /** Access is withdrawn; for good, unless it is only that nobody is logged in. @param {string} code */
  left(code) {
    if (code !== "not_authenticated") this.end();
    this.reader.left(code);
  }

  end() {
    this.#ended = true;
    this.#life.abort();
    this.#cancelRetry();
  }

  async #read() {
    const { signal } = this.#life;
    this.#reading = true;
    this.#cancelRetry();
    try {
      if (this.#cursor) await this.#readOn(this.#cursor, signal);
      else await this.#readNewest(signal);
      this.#backoff.reset();
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    } finally {
      if (!signal.aborted) this.#reading = false;
    }
    if (!signal.aborted && this.#cursor && this.#told > this.#cursor.id && this.#backoff.rested) this.wake();
  }

  /** @param {AbortSignal} signal */
  async #readNewest(signal) {
    const page = await this.api.newest(this.room, { limit: NEWEST, signal });
    if (!signal.aborted) this.begin(page);
  }

  /** @param {Cursor} cursor @param {AbortSignal} signal */
  async #readOn(cursor, signal) {
    for (let more = true; more; ) {
      const from = cursor.id;
      const page = await this.api.after(this.room, from, { limit: 200, epoch: cursor.epoch, signal });
      if (signal.aborted) return;
      const fresh = cursor.take(from, page.messages) ?? [];
      if (fresh.length > 0) this.reader.messages(fresh);
      ({ more } = page);
      // The server has nothing further: what we were told of lies below, or was another database's.
      if (fresh.length === 0 && cursor.id === from && !more) this.#told = cursor.id;
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const code = error instanceof Problem ? error.code : "";
    if (code === "reset") {
      this.reset();
    } else if (code === "forbidden" || code === "not_found" || code === "not_authenticated") {
      this.left(code);
    } else {
      const atLeast_ms = error instanceof Problem ? (error.retryAfter_s ?? 0) * 1000 : 0;
      this.#cancelRetry = this.clock.after(this.#backoff.next({ atLeast_ms }), () => this.wake());
    }
  }
}
