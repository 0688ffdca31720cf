// @ts-check
/**
 * What was typed in rooms whose pages have been left: any room's page sends it, by an outbox for each of them.
 *
 * A room's own page holds a lock, shared with its like, and sees to its room alone; whoever waits for the lock takes over.
 */

import { Outbox } from "./outbox.js";

/** @typedef {ConstructorParameters<typeof Outbox>[0]} How */

export class Unsent {
  /** Those at work, by room. @type {Map<string, Outbox>} */
  #outboxes = new Map();
  /** Rooms waited for or at work. @type {Set<string>} */
  #asked = new Set();
  /** @type {import("./connection.js").Status | null} */
  #status = null;
  #prefix;

  /** @param {Omit<How, "onchange"> & {locks: LockManager | undefined}} how `room` is the page's; no locks: only what is kept now is sent */
  constructor({ locks, ...how }) {
    this.how = how;
    this.locks = locks;
    this.#prefix = `chat:outbox:${how.user?.id ?? ""}:`;
    const { storage, room } = how;
    // A browser that keeps nothing for a site refuses its locks, too: then nothing was kept in other rooms either.
    locks?.request(this.#lock(room), { mode: "shared" }, () => new Promise(() => {})).catch(() => {});
    for (const key of Array.from({ length: storage.length }, (_, at) => storage.key(at))) this.#found(key);
  }

  /** @param {import("./connection.js").Status} status */
  status(status) {
    this.#status = status;
    for (const outbox of this.#outboxes.values()) outbox.status(status);
  }

  /** @param {string} nonce @param {number} id */
  stored(nonce, id) {
    for (const outbox of this.#outboxes.values()) outbox.stored(nonce, id);
  }

  /** @param {Parameters<Outbox["refused"]>[0]} refusal */
  refused(refusal) {
    for (const outbox of this.#outboxes.values()) outbox.refused(refusal);
  }

  /** Another tab wrote to the storage that all share. @param {string | null} key @param {string | null} value */
  elsewhere(key, value) {
    for (const outbox of this.#outboxes.values()) outbox.elsewhere(key, value);
    // Without locks nobody knows whether the page that wrote it is still there to send it.
    if (this.locks && value !== null) this.#found(key);
  }

  /** @param {string} room */
  #lock(room) {
    return `${this.#prefix}${room}`;
  }

  /** @param {string | null} key of the storage */
  #found(key) {
    if (!key?.startsWith(this.#prefix)) return;
    const [room] = key.slice(this.#prefix.length).split(":");
    if (room === this.how.room || this.#asked.has(room)) return;
    this.#asked.add(room);
    const send = () => this.#send(room);
    void (this.locks ? this.locks.request(this.#lock(room), send).catch(send) : send());
  }

  /** What is refused for good, or misses files, stays kept for the room's own page. @param {string} room @returns {Promise<void>} once nothing more can be sent */
  #send(room) {
    return new Promise((done) => {
      const onchange = () => {
        if (outbox.entries().some(({ state }) => state === "waiting" || state === "sending")) return;
        this.#outboxes.delete(room);
        this.#asked.delete(room);
        done();
      };
      const outbox = new Outbox({ ...this.how, room, onchange });
      this.#outboxes.set(room, outbox);
      if (this.#status) outbox.status(this.#status);
      onchange();
    });
  }
}
