// @ts-check
/**
 * What streams and polls share: a request a room, within the few connections that a browser has.
 *
 * HTTP/1.1 gives a browser six connections to an origin. At most HELD rooms hold one each, those
 * looked at last; any further rooms are read by turns, over one more. So two are always free for
 * pages, history and sends, however many rooms are open.
 */

import { Problem } from "../api.js";
import { Cursor } from "../cursor.js";

/**
 * @typedef {import("../api.js").Api} Api
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("./transport.js").Listener} Listener
 * @typedef {import("./transport.js").Transport} Transport
 * @typedef {import("./transport.js").Closed} Closed
 *
 * @typedef {object} Sink what following a room tells
 * @property {() => void} heard
 * @property {(after: number, last_id: number, epoch: string) => void} started
 * @property {(messages: Message[]) => void} messages all that come next, ascending
 * @property {(after: number, epoch: string) => void} reset
 * @property {(code: string) => void} left
 * @property {(closed: Closed) => void} broken the server is not reached this way
 *
 * @typedef {(room: string, place: Cursor, sink: Sink) => (() => void)} Follow follows a room from a
 *   place on until the function that it gives is called
 */

export const HELD = 3;
const TURN_MS = 3_000;

/** @implements {Transport} */
export class PerRoomTransport {
  /** @type {Map<string, Cursor>} the room looked at last is the last */
  #places = new Map();
  /** @type {Map<string, () => void>} */
  #held = new Map();
  #open = false;
  #announced = false;
  #life = new AbortController();
  #cancelTurn = () => {};
  #turns = 0;

  /** @param {{api: Api, clock: Clock, listener: Listener, follow: Follow}} how */
  constructor({ api, clock, listener, follow }) {
    this.api = api;
    this.clock = clock;
    this.listener = listener;
    this.follow = follow;
  }

  async open() {
    const { signal } = this.#life;
    try {
      const { user } = await this.api.rooms();
      if (signal.aborted) return;
      this.user = user ?? null;
      this.#open = true;
      this.#takeTurn();
      if (this.#places.size === 0) this.#announce();
      this.#plan();
    } catch (error) {
      if (!signal.aborted) this.#broken(closing(error));
    }
  }

  /** @param {string} room @param {number} after @param {string} epoch */
  join(room, after, epoch) {
    this.#release(room);
    this.#places.delete(room);
    this.#places.set(room, new Cursor(after, epoch));
    this.#plan();
  }

  /** @param {string} room */
  leave(room) {
    this.#release(room);
    this.#places.delete(room);
    this.#plan();
  }

  /** @param {string} room */
  attend(room) {
    const place = this.#places.get(room);
    if (!place) return;
    this.#places.delete(room);
    this.#places.set(room, place);
    this.#plan();
  }

  /** Each room would cost a request: whoever wants to know of many asks for their list. */
  overhear() {}

  send() {
    return false;
  }

  async poke() {
    for (const room of [...this.#held.keys()]) this.#release(room);
    this.#plan();
    try {
      await this.api.rooms();
      this.listener.heard();
    } catch (error) {
      if (!this.#life.signal.aborted) this.#broken(closing(error));
    }
  }

  close() {
    this.#life.abort();
    this.#open = false;
    this.#cancelTurn();
    for (const room of [...this.#held.keys()]) this.#release(room);
  }

  /** @param {string} room */
  #release(room) {
    this.#held.get(room)?.();
    this.#held.delete(room);
  }

  /** Hold the rooms looked at last, and no other. */
  #plan() {
    if (!this.#open) return;
    const first = new Set([...this.#places.keys()].slice(-HELD));
    for (const room of [...this.#held.keys()]) if (!first.has(room)) this.#release(room);
    for (const room of first) {
      const place = this.#places.get(room);
      if (place && !this.#held.has(room)) this.#held.set(room, this.follow(room, place, this.#sink(room)));
    }
  }

  #takeTurn() {
    this.#cancelTurn = this.clock.after(TURN_MS, async () => {
      const waiting = [...this.#places.keys()].slice(0, -HELD);
      const room = waiting[this.#turns % waiting.length];
      this.#turns += 1;
      if (room !== undefined) await this.#readTurn(room);
      if (this.#open) this.#takeTurn();
    });
  }

  /** @param {string} room */
  async #readTurn(room) {
    const place = /** @type {Cursor} */ (this.#places.get(room));
    const sink = this.#sink(room);
    const current = () => this.#places.get(room) === place && !this.#held.has(room) && this.#open;
    try {
      for (let more = true; more && current(); ) {
        const how = { limit: 200, epoch: place.epoch, signal: this.#life.signal };
        const page = await this.api.after(room, place.id, how);
        if (!current()) return;
        sink.messages(page.messages);
        more = page.more;
      }
    } catch (error) {
      if (current()) await refused(this.api, room, error, sink);
    }
  }

  /** @param {string} room @returns {Sink} */
  #sink(room) {
    const place = /** @type {Cursor} */ (this.#places.get(room));
    const { listener } = this;
    const current = () => this.#places.get(room) === place && this.#open;
    return {
      heard: () => listener.heard(),
      started: (after, last_id, epoch) => {
        if (!current()) return;
        this.#announce();
        listener.joined({ type: "joined", room, after, last_id, epoch });
      },
      messages: (messages) => {
        if (!current() || messages.length === 0) return;
        const prev = place.id;
        listener.messages(room, prev, place.take(prev, messages) ?? []);
      },
      reset: (after, epoch) => {
        if (!current()) return;
        place.id = after;
        place.epoch = epoch;
        listener.reset({ type: "reset", room, after, epoch });
      },
      left: (code) => {
        if (!current()) return;
        this.leave(room);
        listener.left(room, code);
      },
      broken: (closed) => {
        if (current()) this.#broken(closed);
      },
    };
  }

  #announce() {
    if (this.#announced) return;
    this.#announced = true;
    this.listener.opened(this.user ?? null);
  }

  /** @param {Closed} closed */
  #broken(closed) {
    this.close();
    this.listener.closed(closed);
  }
}

/** @param {unknown} error @returns {Closed} @throws what is not a failed call */
export function closing(error) {
  return error instanceof Problem && error.retryAfter_s !== undefined ? { retryAfter_s: error.retryAfter_s } : {};
}

/**
 * Say what a room's refused read means: only for this room, or for the way to the server.
 * @param {Api} api @param {string} room @param {unknown} error @param {Sink} sink
 */
export async function refused(api, room, error, sink) {
  const code = error instanceof Problem ? error.code : "";
  if (code === "forbidden" || code === "not_found" || code === "not_authenticated") {
    sink.left(code);
  } else if (code === "reset") {
    try {
      const { last_id, epoch } = await api.newest(room, { limit: 1 });
      sink.reset(last_id, epoch);
    } catch (worse) {
      sink.broken(closing(worse));
    }
  } else {
    sink.broken(closing(error));
  }
}
