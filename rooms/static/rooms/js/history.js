// @ts-check
/** The past of a room, page by page upwards. */

import { Problem } from "./api.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Page} Page
 * @typedef {"idle" | "loading" | "failed" | "complete"} HistoryState
 */

const PAGE = 50;

export class History {
  /** Below this id nothing has been read. */
  #before = 0;
  #epoch = "";
  #life = new AbortController();
  /** @type {HistoryState} */
  state = "complete";

  /**
   * @param {object} how
   * @param {string} how.room
   * @param {Api} how.api
   * @param {(messages: Message[]) => void} how.onpage
   * @param {() => void} how.onchange its state is another
   * @param {() => void} how.onreset the past is another database's: nothing that is held holds
   */
  constructor({ room, api, onpage, onchange, onreset }) {
    this.room = room;
    this.api = api;
    this.onpage = onpage;
    this.onchange = onchange;
    this.onreset = onreset;
  }

  /** Begin above the newest page. @param {Page} page */
  start(page) {
    this.#life.abort();
    this.#life = new AbortController();
    this.#epoch = page.epoch;
    this.#passed(page);
  }

  /** What lies below an id has been let go of: it is read again when it is asked for. @param {number} id */
  cut(id) {
    this.#before = id;
    this.#become("idle");
  }

  /** Read one page further up; nothing where one is being read or there is none. */
  async load() {
    if (this.state === "loading" || this.state === "complete") return;
    const { signal } = this.#life;
    this.#become("loading");
    try {
      const page = await this.api.before(this.room, this.#before, { limit: PAGE, epoch: this.#epoch, signal });
      if (signal.aborted) return;
      this.onpage(page.messages);
      this.#passed(page);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.code === "reset") {
        this.onreset();
        return;
      }
      console.warn(`Earlier messages could not be read: ${error}`);
      this.#become("failed");
    }
  }

  /** @param {Page} page */
  #passed(page) {
    // Counted in rows of the log: a page of edits alone has messages above it.
    if (page.messages.length > 0) this.#before = page.messages[0].id;
    this.#become(page.more && page.messages.length > 0 ? "idle" : "complete");
  }

  /** @param {HistoryState} state */
  #become(state) {
    this.state = state;
    this.onchange();
  }
}
