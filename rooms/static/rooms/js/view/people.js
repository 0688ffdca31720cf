// @ts-check
/** Who is here, as a number with the names behind it. */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { button, make } from "./elements.js";

/**
 * @typedef {import("../presence.js").Presence} Presence
 * @typedef {import("../protocol.js").Author} Author
 */

export class Here {
  #presence;

  /**
   * @param {object} how
   * @param {HTMLDetailsElement} how.box
   * @param {Presence} how.presence
   * @param {Author | null} how.me
   * @param {((user: Author) => void) | null} how.talk opens a conversation of two
   */
  constructor({ box, presence, me, talk }) {
    this.box = box;
    this.me = me;
    this.talk = talk;
    this.#presence = presence;
    box.addEventListener("toggle", () => this.#list());
  }

  show() {
    const { people, more } = this.#presence;
    const { length } = people;
    this.box.hidden = length === 0;
    if (length === 0) this.box.open = false;
    const count = more ? `${length}+` : length;
    const [summary] = this.box.children;
    summary.textContent = interpolate(ngettext("%(count)s here", "%(count)s here", length), { count });
    this.#list();
  }

  #list() {
    const list = this.box.querySelector("ul");
    if (!this.box.open || !list) return;
    const at = [...list.children].findIndex((item) => item.contains(document.activeElement));
    list.replaceChildren(...this.#presence.people.map((user) => this.#item(user)));
    // Whoever goes through the list by keys stays in it while people come and go.
    if (at >= 0) list.querySelectorAll("button")[Math.min(at, list.childElementCount - 1)]?.focus();
  }

  /** @param {Author} user */
  #item(user) {
    const name = make("bdi", {}, user.name);
    const { talk } = this;
    if (user.id === this.me?.id) return make("li", {}, name, " ", make("span", { class: "quiet" }, gettext("(you)")));
    if (!talk || !this.me) return make("li", {}, name);
    const label = interpolate(gettext("Talk to %(name)s"), { name: user.name });
    const item = button("", () => talk(user), { "aria-label": label, title: label });
    item.append(name);
    return make("li", {}, item);
  }
}
