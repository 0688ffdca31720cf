// @ts-check
/** A list of rooms on a page, as it is now. Nothing moves under a pointer or from under the focus. */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { grouped, MOST } from "../roomlist.js";
import { make } from "./elements.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Listed} Listed
 */

/** For so long after it moved a pointer is taken to be on its way to a room. */
const AIMING_MS = 1_500;

export class RoomListView {
  /** @type {Map<string, {item: HTMLLIElement, shows: string}>} */
  #items = new Map();
  /** @type {Listed[]} */
  #rooms = [];
  #movedAt = -Infinity;
  #cancel = () => {};

  /**
   * @param {object} how
   * @param {HTMLElement} how.root holds a `data-rooms` list for each group
   * @param {(room: string) => string} how.address
   * @param {string} [how.current] the room of the page
   * @param {boolean} [how.compact] names and counts, and no more than one must know
   * @param {Clock} how.clock
   */
  constructor({ root, address, current, compact = false, clock }) {
    this.root = root;
    this.address = address;
    this.current = current;
    this.compact = compact;
    this.clock = clock;
    for (const item of /** @type {NodeListOf<HTMLLIElement>} */ (root.querySelectorAll("li[data-room]"))) {
      this.#items.set(item.dataset.room ?? "", { item, shows: "" });
    }
    root.addEventListener("pointermove", ({ pointerType }) => {
      if (pointerType === "mouse") this.#movedAt = clock.now();
    });
    root.addEventListener("pointerleave", () => this.#aimedElsewhere());
    root.addEventListener("focusout", () => void clock.after(0, () => this.#arrange()));
  }

  /** @param {Listed[]} rooms */
  show(rooms) {
    this.#rooms = rooms;
    const there = new Set(rooms.map(({ room }) => room));
    for (const [room, { item }] of this.#items) {
      if (there.has(room)) continue;
      item.remove();
      this.#items.delete(room);
    }
    for (const room of rooms) this.#fill(room);
    this.#arrange();
  }

  /** @param {Listed} room */
  #fill(room) {
    const { name, topic, unread, mentions, muted, post, visibility, archived } = room;
    const shows = JSON.stringify([name, topic, unread, mentions, muted, post, visibility, archived]);
    let known = this.#items.get(room.room);
    if (!known) this.#items.set(room.room, (known = { item: make("li", { "data-room": room.room }), shows: "" }));
    if (known.shows === shows) return;
    known.shows = shows;
    const link = known.item.querySelector("a") ?? make("a", { href: this.address(room.room) });
    link.className = room.muted ? "hushed" : room.unread > 0 || room.mentions > 0 ? "news" : "";
    if (room.room === this.current) link.setAttribute("aria-current", "page");
    link.replaceChildren(...this.#parts(room));
    if (!link.parentNode) known.item.append(link);
  }

  /** @param {Listed} room @returns {Node[]} */
  #parts(room) {
    const { name, topic, visibility, archived, post, muted } = room;
    const parts = [make("span", { class: "room-name" }, make("bdi", {}, name))];
    if (!this.compact) {
      if (visibility === "private") parts.push(tag(gettext("private")));
      if (archived) parts.push(tag(gettext("archived")));
      else if (!post) parts.push(tag(gettext("read-only")));
    }
    if (muted) parts.push(tag(gettext("muted")));
    parts.push(...counts(room));
    if (topic && !this.compact) parts.push(make("span", { class: "topic", dir: "auto" }, topic));
    return parts.flatMap((part, at) => (at > 0 ? [" ", part] : [part])).map((part) =>
      typeof part === "string" ? document.createTextNode(part) : part,
    );
  }

  /** Put all in their order, unless somebody is about to use what stands there. */
  #arrange() {
    this.#cancel();
    const groups = Object.entries(grouped(this.#rooms));
    const wait = this.#movedAt + AIMING_MS - this.clock.now();
    if (this.root.contains(document.activeElement) || (wait > 0 && this.root.matches(":hover"))) {
      if (wait > 0) this.#cancel = this.clock.after(wait, () => this.#arrange());
      // Nobody waits for a room that is not shown yet, but one that has come is there.
      for (const [name, rooms] of groups) this.#fillIn(name, rooms);
      return;
    }
    for (const [name, rooms] of groups) this.#order(name, rooms);
  }

  #aimedElsewhere() {
    this.#movedAt = -Infinity;
    this.#arrange();
  }

  /** @param {string} name @param {Listed[]} rooms */
  #fillIn(name, rooms) {
    const list = this.#list(name);
    for (const { room } of rooms) {
      const item = this.#items.get(room)?.item;
      if (item && !item.isConnected) list.append(item);
    }
    this.#frame(list, rooms.length);
  }

  /** @param {string} name @param {Listed[]} rooms */
  #order(name, rooms) {
    const list = this.#list(name);
    rooms.forEach(({ room }, at) => {
      const item = this.#items.get(room)?.item;
      if (item && list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    });
    this.#frame(list, rooms.length);
  }

  /** @param {string} name @returns {HTMLElement} */
  #list(name) {
    const found = this.root.querySelector(`[data-rooms="${name}"]`);
    if (!found) throw new Error(`The page has no list of ${name}`);
    return /** @type {HTMLElement} */ (found);
  }

  /** A group that holds nothing is not there. @param {HTMLElement} list @param {number} size */
  #frame(list, size) {
    const group = /** @type {HTMLElement} */ (list.closest(".room-group"));
    group.hidden = size === 0;
    const summary = group.querySelector("summary");
    if (!summary) return;
    summary.textContent = interpolate(ngettext("One archived room", "%(number)s archived rooms", size), { number: size });
  }
}

/** @param {string} text */
const tag = (text) => make("span", { class: "tag" }, text);

/** @param {number} many */
const number = (many) => (many >= MOST ? "99+" : interpolate("%(many)s", { many }));

/** What waits in a room, for the eye and the ear. @param {Listed} room @returns {HTMLElement[]} */
export function counts({ mentions, unread }) {
  const named = mentions > 0 ? [count(`@${number(mentions)}`, namedLine(mentions), "count named")] : [];
  return unread > 0 ? [...named, count(number(unread), unreadLine(unread), "count")] : named;
}

/** @param {string} short @param {string} long @param {string} kind */
function count(short, long, kind) {
  return make("span", { class: kind }, make("span", { "aria-hidden": "true", dir: "ltr" }, short), make("span", { class: "unseen" }, long));
}

/** @param {number} many */
function namedLine(many) {
  if (many >= MOST) return gettext("You are named more than 99 times.");
  return interpolate(ngettext("You are named once.", "You are named %(number)s times.", many), { number: many });
}

/** @param {number} many */
function unreadLine(many) {
  if (many >= MOST) return gettext("More than 99 unread.");
  return interpolate(ngettext("%(number)s unread.", "%(number)s unread.", many), { number: many });
}
