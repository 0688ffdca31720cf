// @ts-check
/**
 * The log on the page: rows put in, changed and taken out so that what is being read stays where it is.
 *
 * It sticks to the newest message only while its reader is there; else it counts what came.
 */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { make } from "./elements.js";
import { same } from "./models.js";
import { fill } from "./rows.js";

/**
 * @typedef {import("../logwindow.js").End} End
 * @typedef {import("./models.js").Row} Row
 * @typedef {import("./rows.js").Acts} Acts
 * @typedef {import("./rows.js").Viewer} Viewer
 *
 * @typedef {object} Parts
 * @property {HTMLElement} scroller
 * @property {HTMLElement} live the region whose additions are announced
 * @property {HTMLElement} list
 * @property {HTMLElement} jump "N new"
 *
 * @typedef {object} Reach how the page and the log go together
 * @property {() => boolean} attached the rows now go on to the newest message
 * @property {() => void} ends shows what lies beyond the rows
 * @property {(id: number) => number} unseen how many others said after this one
 * @property {(end: End) => void} near there is room for more at an end
 * @property {() => void} down the newest message is wanted
 * @property {(id: number) => void} seen the newest message is in sight, at the bottom
 *
 * @typedef {object} Anchor what must not move
 * @property {HTMLElement} item
 * @property {Element} part of it
 * @property {number} place of that, in the content of the scroller
 */

const NEAR_PX = 48;

export class LogView {
  /** @type {Map<string, {row: Row, item: HTMLLIElement}>} */
  #shown = new Map();
  #scheduled = false;
  /** The rows that are drawn go on to the newest message. */
  #whole = false;
  #stuck = true;
  #quiet = true;
  /** What may be done is another: all rows are filled anew. */
  #stale = false;
  /** The newest message that was at the bottom of the page when its reader was there. */
  #seen = 0;
  /** The message that was gone to, and whether its reader is on the way. */
  #sought = 0;
  #going = false;
  /** @type {Anchor | null} */
  #anchor = null;
  /** Where the scroller was when that was looked at last. */
  #top = 0;

  /**
   * @param {object} how
   * @param {Parts} how.parts
   * @param {() => Row[]} how.rows
   * @param {Viewer} how.viewer
   * @param {Acts} how.acts
   * @param {Reach} how.reach
   */
  constructor({ parts, rows, viewer, acts, reach }) {
    this.parts = parts;
    this.rows = rows;
    this.viewer = viewer;
    this.acts = acts;
    this.reach = reach;
    parts.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    parts.jump.addEventListener("click", () => {
      reach.down();
      parts.scroller.focus({ preventScroll: true });
    });
    const sizes = new ResizeObserver(() => this.#hold());
    sizes.observe(parts.scroller);
    sizes.observe(parts.list);
  }

  /** Whether its reader is at the newest message. */
  get stuck() {
    return this.#stuck;
  }

  /** Which end of the rows is the farther one from what is in sight; null while a text is edited in one. @returns {End | null} */
  get far() {
    const { scroller, list } = this.parts;
    if (list.querySelector("form")) return null;
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    return this.#stuck || scrollTop > (scrollHeight - clientHeight) / 2 ? "older" : "newer";
  }

  /** What is there up to this message is not new. @param {number} id */
  opened(id) {
    this.#seen = id;
    this.quietly();
  }

  /** Go to the newest message and stay there. */
  stick() {
    this.#stuck = true;
    this.#seek(0);
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

  /** Have a message in sight, marked, and the reader at it, once it is drawn. @param {number} id */
  show(id) {
    this.#seek(id);
    this.draw();
  }

  /** The element of a message, if it is on the page. @param {number} id */
  item(id) {
    return this.#shown.get(`m${id}`)?.item;
  }

  #draw() {
    this.parts.live.setAttribute("aria-live", this.#quiet ? "off" : "polite");
    this.#quiet = false;
    const rows = this.rows();
    this.#whole = this.reach.attached();
    const { scrollTop } = this.parts.scroller;
    this.#patch(rows);
    this.reach.ends();
    this.#stale = false;
    if (!this.#arrive()) this.#hold(scrollTop);
    if (this.#stuck && this.#whole) this.#see(rows);
    this.#offer();
    this.#near();
  }

  /** @param {Row[]} rows */
  #patch(rows) {
    const before = this.#shown;
    this.#shown = new Map(rows.map((row) => [row.key, { row, item: this.#item(before, row) }]));
    // First, so that those that stay need not be moved past them.
    /** @type {HTMLElement | undefined} */
    let beside;
    for (const { item } of before.values()) {
      if (item.contains(document.activeElement)) beside = neighbour(item) ?? this.parts.scroller;
      item.remove();
    }
    let next = this.parts.list.firstElementChild;
    for (const { item } of this.#shown.values()) {
      if (item === next) next = next.nextElementSibling;
      else this.parts.list.insertBefore(item, next);
    }
    // Who was at a row that is gone goes on from there.
    if (beside) (beside.isConnected ? beside : this.parts.scroller).focus({ preventScroll: true });
  }

  /** @param {Map<string, {row: Row, item: HTMLLIElement}>} before what is used is taken out @param {Row} row */
  #item(before, row) {
    const key = before.has(row.key) ? row.key : ownKey(row);
    const old = before.get(key);
    before.delete(key);
    const item = old?.item ?? make("li", row.kind === "day" || row.kind === "unread" ? {} : { tabindex: "-1" });
    if (!old || old.row.key !== row.key || this.#stale || !same(old.row, row)) {
      fill(item, row, this.viewer, this.acts);
      item.classList.toggle("sought", row.key === `m${this.#sought}`);
    }
    return item;
  }

  /** @param {number} id 0: none any more */
  #seek(id) {
    this.item(this.#sought)?.classList.remove("sought");
    this.#sought = id;
    this.#going = id !== 0;
  }

  /** Whether its reader has got to where they were going. */
  #arrive() {
    const item = this.#going ? this.item(this.#sought) : undefined;
    this.#going = false;
    if (!item) return false;
    item.classList.add("sought");
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
    // Nothing scrolls where all is in sight: then its reader has come to the newest message, too.
    this.#stuck = this.#whole && this.#below < NEAR_PX;
    this.#remember();
    return true;
  }

  /** How much there is below what is in sight, in pixels. */
  get #below() {
    const { scrollHeight, scrollTop, clientHeight } = this.parts.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #scrolled() {
    const { scroller } = this.parts;
    const below = this.#below;
    // Also where the bottom moved away from under a reader who did not move: then it is gone after.
    if (below < NEAR_PX && this.#whole) this.#stuck = true;
    else if (scroller.scrollTop < this.#top - 1) this.#stuck = false;
    if (below < NEAR_PX) this.#remember();
    else this.#hold();
    if (this.#stuck && !this.parts.jump.hidden) this.draw();
    this.#offer();
    this.#near();
  }

  /**
   * Whatever has changed its height since, its reader stays at the bottom, or what is being read in its place.
   * @param {number} [top] where the scroller was before it had to give way to a content that became lower
   */
  #hold(top = this.parts.scroller.scrollTop) {
    const { scroller } = this.parts;
    if (this.#stuck) {
      scroller.scrollTop = scroller.scrollHeight;
    } else if (this.#anchor) {
      const { item, part } = this.#anchor;
      const place = this.#place(part.isConnected ? part : marked(item));
      if (place !== null && place !== this.#anchor.place) scroller.scrollTop = top + place - this.#anchor.place;
    }
    this.#remember();
  }

  /** Remember where the first row in sight is: one that begins there, since one that is cut may grow below the cut. */
  #remember() {
    const { scroller, list } = this.parts;
    this.#top = scroller.scrollTop;
    const { top, bottom } = scroller.getBoundingClientRect();
    const items = /** @type {HTMLCollectionOf<HTMLElement>} */ (list.children);
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    /** @type {HTMLElement | null} */
    let item = null;
    for (; low < items.length && items[low].getBoundingClientRect().top < bottom; low += 1) {
      // A day's line goes up with the day's first message.
      if (!items[low].hasAttribute("tabindex")) continue;
      item ??= items[low];
      if (marked(items[low]).getBoundingClientRect().top < top) continue;
      item = items[low];
      break;
    }
    const part = item && marked(item);
    const place = part && this.#place(part);
    this.#anchor = item && part && place !== null ? { item, part, place } : null;
  }

  /** Where something is in the content of the scroller; null where it is not shown. @param {Element} part */
  #place(part) {
    const [box] = part.getClientRects();
    const { scroller } = this.parts;
    return box ? box.top - scroller.getBoundingClientRect().top + scroller.scrollTop : null;
  }

  /** Have more put in before its reader gets there. */
  #near() {
    const { scrollTop, scrollHeight, clientHeight } = this.parts.scroller;
    const ahead_px = clientHeight * (this.#stuck ? 1 : 2);
    if (scrollTop < ahead_px) this.reach.near("older");
    if (scrollHeight - scrollTop - clientHeight < ahead_px) this.reach.near("newer");
  }

  /** The newest message is in sight. @param {Row[]} rows */
  #see(rows) {
    const newest = rows.findLast((row) => row.kind === "message");
    if (newest?.kind !== "message") return;
    const { id } = newest.message;
    // What was there at the opening may end above it, with a reaction or a notice; the reader has read no less for that.
    this.#seen = Math.max(this.#seen, id);
    if (!document.hidden) this.reach.seen(id);
  }

  /** Offer the way down, and say how much is new there. */
  #offer() {
    const { jump, scroller } = this.parts;
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const unseen = this.reach.unseen(this.#seen);
    const wanted = unseen > 0 || !this.#whole || scrollHeight - scrollTop > 3 * clientHeight;
    jump.hidden = (this.#stuck && this.#whole) || !wanted;
    if (jump.hidden) return;
    const label =
      unseen > 0
        ? interpolate(ngettext("%(count)s new, jump down", "%(count)s new, jump down", unseen), { count: unseen })
        : gettext("Jump down");
    if (jump.textContent !== label) jump.textContent = label;
  }
}

/** The part of a row that stands still, whatever is put above it in the row: its text. @param {HTMLElement} item */
function marked(item) {
  return item.querySelector(":scope > .body") ?? item;
}

/** A message takes over the element that showed it on its way. @param {Row} row */
function ownKey(row) {
  return row.kind === "message" && row.message.nonce ? `n${row.message.nonce}` : row.key;
}

/** The row below that can be gone to, else the one above. @param {HTMLElement} item */
function neighbour({ nextElementSibling, previousElementSibling }) {
  const all = /** @type {(HTMLElement | null)[]} */ ([nextElementSibling, previousElementSibling]);
  return all.find((one) => one?.hasAttribute("tabindex")) ?? undefined;
}
