// @ts-check
/** How the connection is: a quiet mark, and a banner where it has been bad for a while. */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { forgotten } from "../page.js";
import { button, make } from "./elements.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../connection.js").Status} Status
 */

const PATIENCE_MS = 5_000;

/** @param {Status["state"]} state */
function inShort(state) {
  if (state === "connecting") return gettext("connecting");
  if (state === "open") return gettext("live");
  if (state === "paused") return gettext("paused");
  return state === "logged-out" ? gettext("logged out") : gettext("not connected");
}

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
    this.mark.textContent = inShort(status.state);
    this.mark.title = status.state === "open" ? interpolate(gettext("Connected by %(transport)s"), { transport: status.transport }) : "";
    if (this.#final) return;
    this.#cancel();
    if (status.state === "open" || status.state === "paused") {
      this.#since = null;
      this.#hide();
    } else if (status.state === "logged-out") {
      const told = forgotten() ? gettext("You are logged out.") : gettext("You are logged out. What you typed is kept.");
      this.#show(told, make("a", { href: this.links.logIn }, gettext("Log in")));
    } else if (status.state === "other-user") {
      this.#show(gettext("Somebody else has logged in here."), button(gettext("Reload"), () => location.reload()));
    } else {
      this.#since ??= this.clock.now();
      this.#trouble(status);
    }
  }

  /** This room is not ours to read any more. */
  left() {
    this.#cancel();
    this.#final = true;
    this.#show(gettext("You can no longer read this room."), make("a", { href: this.links.rooms }, gettext("All rooms")));
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
    const trying =
      wait_s > 0
        ? interpolate(ngettext("Trying again in %(count)s second.", "Trying again in %(count)s seconds.", wait_s), { count: wait_s })
        : gettext("Trying…");
    const countdown = make("span", { "aria-hidden": "true" }, trying);
    this.#show(gettext("Not connected. What you write is kept and sent later."), countdown, button(gettext("Try now"), this.now));
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
