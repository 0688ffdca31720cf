// @ts-check
/** All rooms over one WebSocket, sends included. */

import { BadWire, parseFrame } from "../protocol.js";

/**
 * @typedef {import("./transport.js").Listener} Listener
 * @typedef {import("./transport.js").Transport} Transport
 * @typedef {import("../protocol.js").Frame} Frame
 */

/** @implements {Transport} */
export class WebSocketTransport {
  /** @type {Map<string, {after: number, epoch: string}>} */
  #rooms = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {string[]} */
  #overheard = [];
  #open = false;
  /** What the server said just before it closed. */
  #retryAfter_s = 0;

  /**
   * @param {string} url
   * @param {Listener} listener
   * @param {(url: string) => WebSocket} [make]
   */
  constructor(url, listener, make = (to) => new WebSocket(to, "chat.v1")) {
    this.url = url;
    this.listener = listener;
    this.make = make;
  }

  open() {
    const socket = this.make(this.url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code }) => {
      this.close();
      this.listener.closed(this.#retryAfter_s ? { code, retryAfter_s: this.#retryAfter_s } : { code });
    };
  }

  /** @param {string} room @param {number} after @param {string} epoch */
  join(room, after, epoch) {
    this.#rooms.set(room, { after, epoch });
    if (this.#open) this.#write({ type: "join", room, after, epoch });
  }

  /** @param {string} room */
  leave(room) {
    if (this.#rooms.delete(room) && this.#open) this.#write({ type: "leave", room });
  }

  attend() {}

  /** @param {string[]} rooms */
  overhear(rooms) {
    this.#overheard = rooms;
    if (this.#open) this.#write({ type: "overhear", rooms });
  }

  /** @param {object} frame */
  send(frame) {
    if (this.#open) this.#write(frame);
    return this.#open;
  }

  /** A browser cannot ping; joining again after the cursor changes nothing and is answered, as is overhearing. */
  poke() {
    for (const [room, { after, epoch }] of this.#rooms) {
      this.join(room, after, epoch);
      return;
    }
    this.overhear(this.#overheard);
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** @param {object} frame */
  #write(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** @param {unknown} data */
  #received(data) {
    this.listener.heard();
    try {
      const frame = parseFrame(String(data));
      if (frame) this.#dispatch(frame);
    } catch (error) {
      if (!(error instanceof BadWire)) throw error;
      // What it said is lost, so the cursor cannot move on: the next connection reads it again.
      console.warn(`A frame was not understood: ${error.message}`);
      this.close();
      this.listener.closed({ code: 1002 });
    }
  }

  /** @param {Frame} frame */
  #dispatch(frame) {
    switch (frame.type) {
      case "hello":
        this.#open = true;
        this.listener.opened(frame.user ?? null);
        for (const [room, { after, epoch }] of this.#rooms) this.#write({ type: "join", room, after, epoch });
        break;
      case "joined":
        this.#moved(frame.room, frame.after, frame.epoch);
        this.listener.joined(frame);
        break;
      case "messages": {
        const last = frame.messages.at(-1);
        const at = this.#rooms.get(frame.room);
        if (at && last) this.#rooms.set(frame.room, { ...at, after: Math.max(at.after, last.id) });
        this.listener.messages(frame.room, frame.prev, frame.messages);
        break;
      }
      case "reset":
        this.#moved(frame.room, frame.after, frame.epoch);
        this.listener.reset(frame);
        break;
      case "left":
        this.#rooms.delete(frame.room);
        this.listener.left(frame.room, frame.code);
        break;
      case "sent":
        this.listener.sent(frame.sent);
        break;
      case "overhearing":
        this.listener.overhearing(frame.rooms);
        break;
      case "rooms":
        this.listener.nudged();
        break;
      case "presence":
      case "typing":
      case "read":
        this.listener.aside(frame);
        break;
      case "error":
        // About no room and no send: it is about the whole connection, which is closed next.
        if (frame.retry_after && frame.room === undefined && frame.nonce === undefined) {
          this.#retryAfter_s = frame.retry_after;
        } else {
          this.listener.failed(frame);
        }
        break;
    }
  }

  /** @param {string} room @param {number} after @param {string} epoch */
  #moved(room, after, epoch) {
    if (this.#rooms.has(room)) this.#rooms.set(room, { after, epoch });
  }
}
