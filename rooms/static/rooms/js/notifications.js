// @ts-check
/** The notifications that this tab has put up: one for a room, whatever comes; gone when it is read, or taken back. */

import { gettext, interpolate } from "./i18n.js";
import { words } from "./markup/drawing.js";
import { lex } from "./markup/lexer.js";

/**
 * @typedef {import("./news.js").Facts} Facts
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./bus.js").Told} Told
 * @typedef {{notification: Notification, id: number, count: number}} Shown
 */

const LONGEST = 140;

export class Notifications {
  /** @type {Map<string, Shown>} by room */
  #shown = new Map();

  /** @param {{open: (room: string, id: number) => void}} how */
  constructor({ open }) {
    this.open = open;
    addEventListener("pagehide", () => this.#closeAll()); // a click on what is left would lead nowhere
  }

  /** @param {Told} told */
  hear(told) {
    if (told.op === "notify") this.#show(told.room, told.facts, told.messages);
    else if (told.op === "left" || told.op === "reset") this.#close(told.room);
    else if (told.op === "aside" && told.aside.type === "read") this.#close(told.room, told.aside.id);
    else if (told.op === "messages") {
      const shown = this.#shown.get(told.room)?.id;
      if (told.messages.some(({ kind, target }) => kind === "redaction" && target === shown)) this.#close(told.room);
    }
  }

  /** @param {string} room @param {Facts} facts @param {readonly Message[]} messages */
  #show(room, facts, messages) {
    const last = messages[messages.length - 1];
    const before = this.#shown.get(room);
    if (!last || (before && before.id >= last.id)) return;
    const count = (before?.count ?? 0) + messages.length;
    const name = last.author?.name ?? "";
    const title = facts.direct ? name : interpolate(gettext("%(name)s in %(room)s"), { name, room: facts.name });
    try {
      const notification = new Notification(count > 1 ? `${title} (${count})` : title, {
        body: plain(last.body ?? ""),
        tag: `chat:${room}`,
        ...icon(),
      });
      notification.onclick = () => {
        this.#close(room);
        window.focus();
        this.open(room, last.id);
      };
      notification.onclose = () => {
        if (this.#shown.get(room)?.notification === notification) this.#shown.delete(room);
      };
      this.#shown.set(room, { notification, id: last.id, count });
    } catch (error) {
      console.info(`This browser shows no notification of a page: ${error}`);
    }
  }

  /** @param {string} room @param {number} [read] up to where */
  #close(room, read = Infinity) {
    const shown = this.#shown.get(room);
    if (!shown || shown.id > read) return;
    this.#shown.delete(room);
    shown.notification.close();
  }

  #closeAll() {
    for (const room of [...this.#shown.keys()]) this.#close(room);
  }
}

/** The site's own. @returns {{icon?: string}} */
function icon() {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=apple-touch-icon]"));
  return link ? { icon: link.href } : {};
}

/** A text without what marks it up, in short: a notification is plain. @param {string} text */
export function plain(text) {
  const tokens = lex(text);
  const points = [...((tokens && words(tokens)) || text).replace(/\s+/g, " ").trim()];
  return points.length > LONGEST ? `${points.slice(0, LONGEST - 1).join("")}…` : points.join("");
}
