// @ts-check
/** The messages that others answer, as they are now: those of the store, and those further away, each asked for once. */

import { MessageStore } from "./store.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {Message | null | undefined} Answered null where it is not here any more, undefined while that is not known
 */

const AT_ONCE = 3;
const MOST_KEPT = 500;
const CHANGES = new Set(["edit", "redaction"]);

export class Quotes {
  /** Those asked for, and what changes them. */
  #aside;
  /** @type {Map<number, "waits" | "asked" | "gone" | "failed">} */
  #state = new Map();
  #asking = 0;

  /**
   * @param {object} how
   * @param {string} how.room
   * @param {Pick<Api, "after">} how.api
   * @param {Pick<MessageStore, "get">} how.store
   * @param {() => void} how.onchange more is known
   */
  constructor({ room, api, store, onchange }) {
    this.room = room;
    this.api = api;
    this.store = store;
    this.onchange = onchange;
    this.#aside = new MessageStore(onchange);
  }

  /** @param {number} id @returns {Answered} asked for where it is not known */
  get(id) {
    const held = this.store.get(id) ?? this.#aside.get(id);
    if (held) return held;
    const state = this.#state.get(id);
    if (state === undefined) {
      this.#state.set(id, "waits");
      this.#ask();
    }
    return state === "gone" ? null : undefined;
  }

  /** The log has brought these. @param {readonly Message[]} rows */
  heard(rows) {
    this.#aside.add(rows.filter(({ kind }) => CHANGES.has(kind)));
  }

  /** The server is there again: what could not be asked is asked when it is next looked at. */
  again() {
    for (const [id, state] of this.#state) if (state === "failed") this.#state.delete(id);
  }

  /** Another database: nothing that is held holds. */
  reset() {
    this.#aside = new MessageStore(this.onchange);
    this.#state.clear();
  }

  #ask() {
    // Those drawn last are looked at now.
    const [id] = [...this.#state].findLast(([, state]) => state === "waits") ?? [];
    if (id !== undefined && this.#asking < AT_ONCE) void this.#fetch(id);
  }

  /** @param {number} id */
  async #fetch(id) {
    const aside = this.#aside;
    this.#asking += 1;
    this.#state.set(id, "asked");
    try {
      const [found] = (await this.api.after(this.room, id - 1, { limit: 1 })).messages;
      if (aside !== this.#aside) return;
      if (found?.id === id && found.kind === "message") {
        this.#keep(found);
      } else {
        this.#state.set(id, "gone");
        this.onchange();
      }
    } catch (error) {
      if (aside === this.#aside) this.#state.set(id, "failed");
      console.warn(`A message that another answers could not be read: ${error}`);
    } finally {
      this.#asking -= 1;
      this.#ask();
    }
  }

  /** @param {Message} message */
  #keep(message) {
    if (this.#aside.size >= MOST_KEPT) this.reset();
    this.#state.delete(message.id);
    this.#aside.add([message]);
  }
}
