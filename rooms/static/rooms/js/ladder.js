// @ts-check
/** Which transport: the best that gets through, unless the page's address names one. */

import { eventStream } from "./transports/sse.js";
import { longPoll } from "./transports/longpoll.js";
import { PerRoomTransport } from "./transports/perroom.js";
import { WebSocketTransport } from "./transports/websocket.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./transports/transport.js").Listener} Listener
 * @typedef {import("./transports/transport.js").Transport} Transport
 * @typedef {"websocket" | "sse" | "longpoll"} Kind
 * @typedef {(kind: Kind, listener: Listener) => Transport} Make
 */

/** The best first. @type {readonly Kind[]} */
export const KINDS = ["websocket", "sse", "longpoll"];
const REMEMBERED = "chat:transport";
const REMEMBERED_FOR_MS = 60 * 60_000;
/** Points against a transport. One that opens and does not last may be the server's own unrest: half as bad. */
const NEVER_OPENED = 2;
const DID_NOT_LAST = 1;
const ENOUGH = 4;

/** @param {unknown} value @returns {Kind | null} */
export function kindNamed(value) {
  return KINDS.find((kind) => kind === value) ?? null;
}

export class Ladder {
  #against = 0;

  /**
   * @param {object} how
   * @param {Make} how.make
   * @param {Kind | null} how.fixed the one to use whatever happens
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} how.storage
   * @param {Clock} how.clock
   */
  constructor({ make, fixed, storage, clock }) {
    this.make = make;
    this.fixed = fixed;
    this.storage = storage;
    this.clock = clock;
    /** @type {Kind} */
    this.kind = fixed ?? this.#remembered() ?? KINDS[0];
  }

  /** The next better one, null where there is none or the choice is not ours. @returns {Kind | null} */
  get better() {
    return this.fixed ? null : (KINDS[KINDS.indexOf(this.kind) - 1] ?? null);
  }

  /** The transport in use did not get through although the server answers. */
  failed() {
    this.#blame(NEVER_OPENED);
  }

  /** It got through and was cut soon after. */
  shaky() {
    this.#blame(DID_NOT_LAST);
  }

  stable() {
    this.#against = 0;
  }

  /** @param {number} points */
  #blame(points) {
    this.#against += points;
    if (this.fixed || this.#against < ENOUGH) return;
    this.#against = 0;
    this.kind = KINDS[(KINDS.indexOf(this.kind) + 1) % KINDS.length];
  }

  gotThrough() {
    if (this.fixed) return;
    try {
      if (this.kind === KINDS[0]) this.storage.removeItem(REMEMBERED);
      else this.storage.setItem(REMEMBERED, JSON.stringify({ kind: this.kind, at: this.clock.now() }));
    } catch {
      // A browser that keeps nothing has each page find out again.
    }
  }

  /** The better one has been tried and gets through. */
  improve() {
    this.#against = 0;
    this.kind = this.better ?? this.kind;
  }

  /** A page after another need not find out again. @returns {Kind | null} */
  #remembered() {
    try {
      const { kind, at } = JSON.parse(this.storage.getItem(REMEMBERED) ?? "{}");
      const age_ms = this.clock.now() - at;
      return age_ms >= 0 && age_ms < REMEMBERED_FOR_MS ? kindNamed(kind) : null;
    } catch {
      return null; // something else wrote there; we only forget
    }
  }
}

/** @param {{api: Api, clock: Clock, socketUrl: string}} how @returns {Make} */
export function browserTransports({ api, clock, socketUrl }) {
  return (kind, listener) => {
    if (kind === "websocket") return new WebSocketTransport(socketUrl, listener);
    const follow = kind === "sse" ? eventStream(api, api.root) : longPoll(api);
    return new PerRoomTransport({ api, clock, listener, follow });
  };
}
