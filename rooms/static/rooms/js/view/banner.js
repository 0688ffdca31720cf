// @ts-check
/** How the connection is: a quiet mark, and a banner where it has been bad for a while. */

import { button, make } from "./elements.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../connection.js").Status} Status
 */

const PATIENCE_MS = 5_000;
const SHORT = {
  connecting: "connecting",
  open: "live",
  waiting: "not connected",
  paused: "paused",
  "logged-out": "logged out",
  "other-user": "not connected",
};

export class Banner {
  #cancel = () => {};
  /** @type {number | null} since when it is bad */
  #since = null;
  #final = false;

  /**
   * @param {object} how
   * @param {HTMLElement} how.banner
   * @param {HTMLElement} how.mark
   * @param {Clock} how.clock
   * @param {() => void} how.now connect at once
   * @param {{logIn: string, rooms: string}} how.links
   */
  constructor({ banner, mark, clock, now, links }) {
    this.banner = banner;
    this.mark = mark;
    this.clock = clock;
    this.now = now;
    this.links = links;
  }

  /** @param {Status} status */
  status(status) {
    this.mark.dataset.state = status.state;
    this.mark.dataset.transport = status.transport;
    this.mark.textContent = SHORT[status.state];
    this.mark.title = status.state === "open" ? `Connected by ${status.transport}` : "";
    if (this.#final) return;
    this.#cancel();
    if (status.state === "open" || status.state === "paused") {
      this.#since = null;
      this.#hide();
    } else if (status.state === "logged-out") {
      this.#show("You are logged out. What you typed is kept.", make("a", { href: this.links.logIn }, "Log in"));
    } else if (status.state === "other-user") {
      this.#show("Somebody else has logged in here.", button("Reload", () => location.reload()));
    } else {
      this.#since ??= this.clock.now();
      this.#trouble(status);
    }
  }

  /** This room is not ours to read any more. */
  left() {
    this.#cancel();
    this.#final = true;
    this.#show("You can no longer read this room.", make("a", { href: this.links.rooms }, "All rooms"));
  }

  /** @param {Status} status */
  #trouble(status) {
    const now = this.clock.now();
    const quietFor_ms = (this.#since ?? now) + PATIENCE_MS - now;
    if (quietFor_ms > 0) {
      this.#cancel = this.clock.after(quietFor_ms, () => this.#trouble(status));
      return;
    }
    const wait_s = Math.max(0, Math.ceil(((status.retryAt ?? now) - now) / 1000));
    // The countdown is not announced: only that the connection is lost.
    const countdown = make("span", { "aria-hidden": "true" }, wait_s > 0 ? `Trying again in ${wait_s} s.` : "Trying…");
    this.#show("Not connected. What you write is kept and sent later.", countdown, button("Try now", this.now));
    this.#cancel = this.clock.after(1_000, () => this.#trouble(status));
  }

  /** @param {string} text @param {...HTMLElement} more */
  #show(text, ...more) {
    const { banner } = this;
    if (banner.hidden || banner.firstChild?.textContent !== text) banner.replaceChildren(make("span", {}, text), ...more);
    else if (more.length === banner.childElementCount - 1 && more.length > 1) banner.children[1].replaceWith(more[0]);
    banner.hidden = false;
  }

  #hide() {
    this.banner.hidden = true;
    this.banner.replaceChildren();
  }
}
