// @ts-check
/**
 * The log on the page: rows put in, changed and taken out so that what is being read stays where it is.
 *
 * It sticks to the newest message only while its reader is there; else it counts what came.
 */

import { make } from "./elements.js";
import { same } from "./models.js";
import { fill } from "./rows.js";

/**
 * @typedef {import("./models.js").Row} Row
 * @typedef {import("./rows.js").Acts} Acts
 * @typedef {import("./rows.js").Viewer} Viewer
 *
 * @typedef {object} Parts
 * @property {HTMLElement} scroller
 * @property {HTMLElement} live the region whose additions are announced
 * @property {HTMLElement} list
 * @property {HTMLElement} jump "N new"
 */

const NEAR_PX = 48;

export class LogView {
  /** @type {Map<string, {row: Row, item: HTMLLIElement}>} */
  #shown = new Map();
  #scheduled = false;
  #stuck = true;
  #quiet = true;
  /** What may be done is another: all rows are filled anew. */
  #stale = false;
  /** The newest message that was at the bottom of the page when its reader was there. */
  #seen = 0;

  /**
   * @param {object} how
   * @param {Parts} how.parts
   * @param {() => Row[]} how.rows
   * @param {Viewer} how.viewer
   * @param {Acts} how.acts
   * @param {() => void} how.nearTop there is room for earlier messages
   * @param {(id: number) => void} how.seen the newest message is in sight, at the bottom
   */
  constructor({ parts, rows, viewer, acts, nearTop, seen }) {
    this.parts = parts;
    this.rows = rows;
    this.viewer = viewer;
    this.acts = acts;
    this.nearTop = nearTop;
    this.seen = seen;
    parts.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    parts.jump.addEventListener("click", () => {
      this.stick();
      parts.scroller.focus({ preventScroll: true });
    });
    const sizes = new ResizeObserver(() => this.#settle());
    sizes.observe(parts.scroller);
    sizes.observe(parts.list);
  }

  /** Whether its reader is at the newest message. */
  get stuck() {
    return this.#stuck;
  }

  /** Go to the newest message and stay there. */
  stick() {
    this.#stuck = true;
    this.draw();
  }

  /** What is drawn next is the past: it is not announced. */
  quietly() {
    this.#quiet = true;
    this.draw();
  }

  /** Draw soon; many calls are one drawing. */
  draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const run = () => {
      this.#scheduled = false;
      this.#draw();
    };
    if (document.hidden) setTimeout(run, 100);
    else requestAnimationFrame(run);
  }

  /** Draw every row anew. */
  renew() {
    this.#stale = true;
    this.draw();
  }

  /** Do not go to the newest message by itself: another is looked for. */
  aside() {
    this.#stuck = false;
  }

  /** Have a message in sight, if it is on the page, and the reader at it. @param {number} id @returns {boolean} whether it is */
  goTo(id) {
    const item = this.item(id);
    if (!item) return false;
    this.#stuck = false;
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
    item.classList.add("sought");
    return true;
  }

  /** The element of a message, if it is on the page. @param {number} id */
  item(id) {
    return this.#shown.get(`m${id}`)?.item;
  }

  #draw() {
    const { live, scroller } = this.parts;
    live.setAttribute("aria-live", this.#quiet ? "off" : "polite");
    this.#quiet = false;
    const rows = this.rows();
    const anchor = this.#stuck ? null : this.#anchor();
    this.#patch(rows);
    this.#stale = false;
    if (anchor) scroller.scrollTop += anchor.item.getBoundingClientRect().top - anchor.top;
    this.#settle();
    this.#count(rows);
    if (scroller.scrollTop < scroller.clientHeight) this.nearTop();
  }

  /** The first row in sight, by halving: it must not move. */
  #anchor() {
    const top = this.parts.scroller.getBoundingClientRect().top;
    const items = this.parts.list.children;
    let low = 0;
    let high = items.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    const item = items[low];
    return item ? { item, top: item.getBoundingClientRect().top } : null;
  }

  /** @param {Row[]} rows */
  #patch(rows) {
    const before = this.#shown;
    this.#shown = new Map();
    let next = this.parts.list.firstElementChild;
    for (const row of rows) {
      const item = this.#item(before, row);
      if (item === next) next = next.nextElementSibling;
      else this.parts.list.insertBefore(item, next);
      this.#shown.set(row.key, { row, item });
    }
    for (const { item } of before.values()) item.remove();
  }

  /** @param {Map<string, {row: Row, item: HTMLLIElement}>} before what is used is taken out @param {Row} row */
  #item(before, row) {
    const key = before.has(row.key) ? row.key : ownKey(row);
    const old = before.get(key);
    before.delete(key);
    const item = old?.item ?? make("li", row.kind === "day" || row.kind === "unread" ? {} : { tabindex: "-1" });
    if (!old || old.row.key !== row.key || this.#stale || !same(old.row, row)) fill(item, row, this.viewer, this.acts);
    return item;
  }

  #scrolled() {
    const { scroller } = this.parts;
    this.#stuck = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX;
    if (this.#stuck && !this.parts.jump.hidden) this.draw();
    if (scroller.scrollTop < scroller.clientHeight) this.nearTop();
  }

  #settle() {
    if (this.#stuck) this.parts.scroller.scrollTop = this.parts.scroller.scrollHeight;
  }

  /** @param {Row[]} rows */
  #count(rows) {
    let unseen = 0;
    let newest = this.#seen;
    for (let at = rows.length - 1; at >= 0; at -= 1) {
      const row = rows[at];
      if (row.kind !== "message") continue;
      if (row.message.id <= this.#seen) break;
      newest = Math.max(newest, row.message.id);
      if (row.message.author?.id !== this.viewer.user?.id) unseen += 1;
    }
    if (this.#stuck || this.#seen === 0) this.#seen = newest;
    if (this.#stuck && newest > 0 && !document.hidden) this.seen(newest);
    const { jump } = this.parts;
    jump.hidden = this.#stuck || unseen === 0;
    jump.textContent = `${unseen} new ↓`;
  }
}

/** A message takes over the element that showed it on its way. @param {Row} row */
function ownKey(row) {
  return row.kind === "message" && row.message.nonce ? `n${row.message.nonce}` : row.key;
}
