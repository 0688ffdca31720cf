// @ts-check
/** Who is writing something: what is told of oneself, and what is heard of others. Nothing of it lasts. */

import { gettext, interpolate } from "./i18n.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").UserId} UserId
 */

const TELL_EVERY_MS = 3_000;
const HOLDS_MS = 5_000;
/** The server gathers for a second: so a word that somebody types may come after what they typed. */
const LATE_MS = 1_500;

export class TypingTeller {
  #toldAt = -Infinity;

  /** @param {{clock: Clock, tell: () => void}} how */
  constructor({ clock, tell }) {
    this.clock = clock;
    this.tell = tell;
  }

  /** @param {string} text what stands in the box now that something was typed */
  typed(text) {
    const now = this.clock.now();
    if (text.trim() === "" || now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    this.tell();
  }
}

export class Typists {
  /** In the order in which they began. @type {Map<UserId, {name: string, end: () => void}>} */
  #typing = new Map();
  /** When those who have just written did. @type {Map<UserId, number>} */
  #wrote = new Map();

  /** @param {{clock: Clock, me: UserId | undefined, onchange: (names: string[]) => void}} how */
  constructor({ clock, me, onchange }) {
    this.clock = clock;
    this.me = me;
    this.onchange = onchange;
  }

  /** @param {Author} user */
  heard({ id, name }) {
    if (id === this.me || this.clock.now() - (this.#wrote.get(id) ?? -Infinity) < LATE_MS) return;
    this.#typing.get(id)?.end();
    this.#typing.set(id, { name, end: this.clock.after(HOLDS_MS, () => this.#done([id])) });
    this.#tell();
  }

  /** Whoever has written something no longer types it. @param {readonly Message[]} messages just come */
  wrote(messages) {
    const now = this.clock.now();
    for (const [id, at] of this.#wrote) if (now - at >= LATE_MS) this.#wrote.delete(id);
    const ids = messages.flatMap(({ kind, author }) => (kind === "message" && author ? [author.id] : []));
    for (const id of ids) this.#wrote.set(id, now);
    this.#done(ids.filter((id) => this.#typing.has(id)));
  }

  /** @param {UserId[]} ids */
  #done(ids) {
    if (ids.length === 0) return;
    for (const id of ids) {
      this.#typing.get(id)?.end();
      this.#typing.delete(id);
    }
    this.#tell();
  }

  #tell() {
    this.onchange([...this.#typing.values()].map(({ name }) => name));
  }
}

/** @param {string[]} names @returns {string} "" where nobody types */
export function typingLine(names) {
  const [one, other] = names;
  if (names.length === 0) return "";
  if (names.length === 1) return interpolate(gettext("%(name)s is typing…"), { name: one });
  if (names.length === 2) return interpolate(gettext("%(one)s and %(other)s are typing…"), { one, other });
  return gettext("Several people are typing…");
}
