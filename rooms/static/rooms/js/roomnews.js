// @ts-check
/**
 * Keeps the list of rooms up to date.
 *
 * What is said in its rooms is overheard and counted here; what cannot be counted is asked of the server: soon
 * after something tells that it changed, seldom otherwise, and once for all tabs of a browser.
 */

import { Problem } from "./api.js";
import { RoomList } from "./roomlist.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").Listed} Listed
 * @typedef {{at: number, epoch: string, rooms: Listed[]}} Kept what was asked for at a moment, by whatever tab
 */

/** Between two askings, and over how long there are no more than two. */
const SOON_MS = 2_000;
const TWICE_IN_MS = 20_000;
/** The random time before one, so that neither tabs nor people ask together. */
const SPREAD_MS = 1_000;
/** How old an answer is good enough for a page that opens. */
const FRESH_MS = 3_000;
/** How often a page that is looked at asks for what nobody told: by WebSocket, and by any other way. */
const SELDOM_MS = 60_000;
const OFTEN_MS = 30_000;
const MOST_KEPT = 300;

/** @type {RoomNews | null} */
let shown = null;

/** That of this page, if it has one. */
export function ofThisPage() {
  return shown;
}

export class RoomNews {
  #askedAt = -Infinity;
  #askedBefore = -Infinity;
  /** Since when the server's answer is wanted; 0: it is not. */
  #wanted = 0;
  #asking = false;
  /** What was said while the server was asked: its answer may not have it. @type {Extract<Told, {op: "messages"}>[]} */
  #meanwhile = [];
  #live = false;
  /** The browser is logged in as somebody else, or not at all. */
  #over = false;
  #overheard = "";
  /** @type {string | undefined} */
  #epoch;
  #cancel = () => {};

  /**
   * @param {object} how
   * @param {import("./protocol.js").Author} how.user
   * @param {Pick<Api, "list">} how.api
   * @param {Pick<import("./line.js").Line, "overhear">} how.line
   * @param {Clock} how.clock
   * @param {Storage} how.storage
   * @param {() => boolean} how.visible
   * @param {() => void} how.onchange
   */
  constructor({ user, api, line, clock, storage, visible, onchange }) {
    this.list = new RoomList(user.id);
    this.api = api;
    this.line = line;
    this.clock = clock;
    this.storage = storage;
    this.visible = visible;
    this.onchange = onchange;
    this.key = `chat:rooms:${user.id}`;
  }

  /**
   * Begin, with what another page has kept.
   * @param {((list: RoomList) => boolean) | null} good whether that can be right; null where the page itself has what is newer
   */
  open(good) {
    shown = this;
    if (good) this.#adopt(this.storage.getItem(this.key));
    if (!good?.(this.list) || this.clock.now() - this.#askedAt > FRESH_MS) void this.#ask();
    else this.#plan();
  }

  /** @param {Told} told */
  told(told) {
    if (told.op === "messages") {
      if (this.#asking) this.#meanwhile.push(told);
      this.#changed(this.list.take(told.room, told.messages));
    } else if (told.op === "aside") {
      if (told.aside.type === "read") this.#changed(this.list.read(told.room, told.aside.id));
    } else if (told.op === "left") {
      this.list.left(told.room);
      this.#changed(true);
    } else if (told.op === "muted") {
      this.muted(told.room, told.muted);
    } else if (told.op === "overhearing") {
      if (told.rooms.some(({ room, last_id }) => !this.list.isAt(room, last_id))) this.want();
    } else if (told.op === "nudged" || told.op === "reset") this.want();
    else if (told.op === "status") {
      const open = told.status.state === "open";
      this.#live = open && told.status.transport === "websocket";
      if (this.#over && open) {
        this.#over = false;
        this.want();
      } else this.#plan();
    }
  }

  /** Another page has kept something. @param {string | null} key @param {string | null} value */
  elsewhere(key, value) {
    if (key === this.key) this.#adopt(value);
  }

  /** Somebody looks at the page again. */
  seen() {
    if (this.clock.now() - this.#askedAt > OFTEN_MS) this.want();
    else this.#plan();
  }

  /** The reader wants to be told of nothing in a room, or of everything again. @param {string} room @param {boolean} muted */
  muted(room, muted) {
    const listed = this.list.get(room);
    if (listed) listed.muted = muted;
    this.#changed(true);
  }

  /** Ask soon. */
  want() {
    this.#wanted ||= this.clock.now();
    this.#plan();
  }

  /** @param {boolean} ask */
  #changed(ask) {
    this.onchange();
    if (ask) this.want();
  }

  #plan() {
    this.#cancel();
    if (this.#asking || this.#over || (!this.#wanted && !this.visible())) return;
    const now = this.clock.now();
    const spread = SPREAD_MS * this.clock.random();
    // A clock that was set back: what lies ahead of it was asked by now at the latest.
    this.#askedAt = Math.min(this.#askedAt, now);
    this.#askedBefore = Math.min(this.#askedBefore, now);
    const soon = Math.max(this.#askedAt + SOON_MS, this.#askedBefore + TWICE_IN_MS);
    const due = this.#wanted ? soon : this.#askedAt + (this.#live ? SELDOM_MS : OFTEN_MS);
    this.#cancel = this.clock.after(Math.max(0, due - now) + spread, () => void this.#ask());
  }

  async #ask() {
    this.#cancel();
    const at = this.clock.now();
    this.#asking = true;
    this.#wanted = 0;
    this.#askedBefore = this.#askedAt;
    this.#askedAt = at;
    this.#meanwhile = [];
    try {
      const { user, epoch, rooms } = await this.api.list();
      if (user?.id !== this.list.me) throw new Problem(401, "not_authenticated", "another login", undefined);
      this.#keep({ at, epoch, rooms });
      this.#take(epoch, rooms);
    } catch (error) {
      this.#over = error instanceof Problem && error.status === 401;
      console.info(`The list of rooms could not be read: ${error}`);
    } finally {
      this.#asking = false;
      this.#meanwhile = [];
      this.#plan();
    }
  }

  /** @param {string} epoch @param {Listed[]} rooms */
  #take(epoch, rooms) {
    if (epoch !== (this.#epoch ?? epoch)) this.list.reset();
    this.#epoch = epoch;
    this.list.load(rooms);
    for (const { room, messages } of this.#meanwhile) this.list.take(room, messages);
    const overheard = this.list.toOverhear();
    if (overheard.join() !== this.#overheard) {
      this.#overheard = overheard.join();
      this.line.overhear(overheard);
    }
    this.onchange();
  }

  /** @param {string | null} value */
  #adopt(value) {
    try {
      const { at, epoch, rooms } = /** @type {Kept} */ (JSON.parse(value ?? ""));
      // What is of the future was kept by a clock that was fast: nobody knows how old it is.
      if (!(at > this.#askedAt && at <= this.clock.now()) || this.#asking) return;
      this.#askedAt = at;
      if (this.#wanted && at > this.#wanted) this.#wanted = 0;
      this.#take(epoch, rooms);
      this.#plan();
    } catch {
      // Nothing is kept, or not by us: the server is asked.
    }
  }

  /** @param {Kept} kept */
  #keep(kept) {
    try {
      if (kept.rooms.length <= MOST_KEPT) this.storage.setItem(this.key, JSON.stringify(kept));
    } catch {
      // A browser that keeps nothing has each page ask for itself.
    }
  }
}
