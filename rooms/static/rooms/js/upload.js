// @ts-check
/** One file on its way to the server, ahead of the message that it belongs to. */

import { Problem, Unreachable } from "./api.js";
import { Backoff } from "./backoff.js";
import { gettext } from "./i18n.js";
import { isPicture } from "./view/filerows.js";
import { refusalLine } from "./view/refusals.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").SentFile} SentFile
 * @typedef {import("./outbox.js").Attachment} Attachment
 * @typedef {(file: File, how: import("./uploading.js").Watching) => Promise<SentFile>} Send
 * @typedef {"going" | "done" | "failed"} UploadState
 */

/** So many attempts in a row without an answer; then its owner is asked. */
const MOST_ATTEMPTS = 8;
/** A refusal that passes sooner is waited for. */
const LONGEST_WAIT_S = 60;
const AT_ONCE = 2;

/** Those under way: to leave the page would end them. @type {Set<Upload>} */
const underWay = new Set();

/** @param {BeforeUnloadEvent} event */
const warn = (event) => event.preventDefault();

/** So many at a time; the others wait in turn. */
export class Turns {
  #free = AT_ONCE;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @template T @param {() => Promise<T>} act */
  async take(act) {
    if (this.#free === 0) await new Promise((turn) => this.#waiting.push(() => turn(undefined)));
    else this.#free -= 1;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

/** Dispatches "change" when there is something else to show. */
export class Upload extends EventTarget {
  /** @type {UploadState} */
  state = "going";
  /** From 0 to 1. */
  share = 0;
  /** Why it failed, in words. */
  why = "";
  /** @type {SentFile | undefined} */
  stored;
  #end = new AbortController();
  /** @type {PromiseWithResolvers<SentFile>} */
  #outcome = Promise.withResolvers();
  #over = () => {};

  /** @param {File} file @param {{send: Send, clock: Clock, turns: Turns}} how */
  constructor(file, { send, clock, turns }) {
    super();
    this.file = file;
    this.send = send;
    this.clock = clock;
    this.turns = turns;
    /** What shows it before the server does. */
    this.local = isPicture(file.type) ? URL.createObjectURL(file) : undefined;
    /** @type {{width?: number, height?: number}} */
    this.dimensions = {};
    this.#begin();
  }

  /** As a message on its way has it. @returns {Attachment} */
  get attachment() {
    const { name, type, size } = this.file;
    return { name, type, size, ...this.dimensions, ...this.stored, upload: this };
  }

  /** @returns {Promise<SentFile>} once it is stored; rejected with an `Error` in words where it is not */
  outcome() {
    return this.#outcome.promise;
  }

  again() {
    if (this.state !== "failed") return;
    this.#outcome = Promise.withResolvers();
    this.#begin();
  }

  /** End it, and let go of what it held. */
  drop() {
    this.#end.abort();
    this.#over();
    if (this.local !== undefined) URL.revokeObjectURL(this.local);
  }

  /** A message is kept in the browser as JSON: without this. */
  toJSON() {
    return undefined;
  }

  #begin() {
    this.state = "going";
    this.share = 0;
    this.#end = new AbortController();
    this.#outcome.promise.catch(() => {}); // somebody may ask later, or nobody
    underWay.add(this);
    addEventListener("beforeunload", warn);
    void this.#run();
    this.#changed();
  }

  async #run() {
    const { signal } = this.#end;
    const backoff = new Backoff(this.clock.random, { base_ms: 1_000 });
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.stored = await this.turns.take(() => this.#send(signal));
        this.#settle("done");
        this.#outcome.resolve(this.stored);
        return;
      } catch (error) {
        const wait_s = attempt < MOST_ATTEMPTS ? passesIn(error) : undefined;
        if (signal.aborted || wait_s === undefined) {
          this.why = inWords(error);
          this.#settle("failed");
          this.#outcome.reject(new Error(this.why));
          return;
        }
        this.share = 0;
        this.#changed();
        await this.#pause(backoff.next({ atLeast_ms: wait_s * 1000 }));
      }
    }
  }

  /** @param {AbortSignal} signal */
  #send(signal) {
    if (signal.aborted) throw new Unreachable("given up");
    const progress = (/** @type {number} */ bytes) => {
      this.share = Math.min(1, bytes / this.file.size);
      this.#changed();
    };
    return this.send(this.file, { signal, progress });
  }

  /** Until then, or the network is back, or it is given up. @param {number} delay_ms */
  #pause(delay_ms) {
    return new Promise((on) => {
      const go = () => {
        cancel();
        removeEventListener("online", go);
        on(undefined);
      };
      const cancel = this.clock.after(delay_ms, go);
      addEventListener("online", go);
      this.#over = go;
    });
  }

  /** @param {UploadState} state */
  #settle(state) {
    this.state = state;
    underWay.delete(this);
    if (underWay.size === 0) removeEventListener("beforeunload", warn);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {unknown} error @returns {number | undefined} seconds; undefined where it does not pass by itself */
function passesIn(error) {
  if (error instanceof Unreachable) return 0;
  if (!(error instanceof Problem) || !["unavailable", "rate_limited"].includes(error.code)) return undefined;
  const { retryAfter_s = 0 } = error;
  return retryAfter_s <= LONGEST_WAIT_S ? retryAfter_s : undefined;
}

/** @param {unknown} error */
function inWords(error) {
  if (!(error instanceof Problem)) return gettext("The connection broke.");
  const { code, detail } = error;
  if (code === "too_large") return gettext("This file is too large.");
  if (code === "unsupported_type") return gettext("Files of this kind are not taken here, or this one cannot be read.");
  if (code === "rate_limited") return gettext("You have uploaded as much as is taken in a day. Try again later.");
  return refusalLine(code, detail);
}
