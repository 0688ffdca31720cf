// @ts-check
/** What stands above and below the log: the room's name and topic, and whether one may write, or why not. */

import { gettext, interpolate } from "../i18n.js";
import { isMuted, whyNot } from "../roomstate.js";
import { make } from "./elements.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Room} Room
 */

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Head {
  #cancel = () => {};

  /**
   * @param {object} how
   * @param {HTMLElement} how.name
   * @param {HTMLElement} how.topic
   * @param {HTMLElement} how.tags
   * @param {HTMLFormElement | null} how.form where one writes; null for a guest
   * @param {HTMLElement} how.why in its place, where one may not
   * @param {HTMLElement | null} how.slow
   * @param {boolean} how.known
   * @param {Clock} how.clock
   * @param {import("./rows.js").Parts["words"]} how.words
   * @param {() => void} how.over a mute is
   */
  constructor(how) {
    this.how = how;
  }

  /** Show what the room is now. @param {Room} room @returns {boolean} whether one may write */
  show(room) {
    const { name, topic, tags, form, why, slow, known, clock } = this.how;
    const title = document.title;
    if (name.textContent !== room.name) document.title = room.name + title.slice(title.lastIndexOf(" · "));
    name.textContent = room.name;
    topic.textContent = room.topic;
    topic.title = room.topic;
    topic.hidden = room.topic === "";
    const tagged = room.archived ? [gettext("archived")] : room.read_only ? [gettext("read-only")] : [];
    tags.replaceChildren(...tagged.map((tag) => make("span", { class: "tag" }, tag)));
    const reason = whyNot(room, known, clock.now());
    if (form) {
      form.hidden = reason !== "";
      why.hidden = reason === "";
      if (reason !== "") why.textContent = this.#words?.whyNotLine(reason, room) ?? why.textContent;
      const box = form.querySelector("textarea");
      box?.setAttribute("placeholder", interpolate(gettext("Message to %(name)s"), { name: room.name }));
    }
    if (slow) slow.textContent = (room.slow_mode && this.#words?.slowModeLine(room)) || "";
    this.#again(room);
    return reason === "";
  }

  /** Asked for with their first use; what they say is shown then. */
  get #words() {
    this.how.words.want();
    return this.how.words.part;
  }

  /** A mute ends by itself, and nothing tells of it. @param {Room} room */
  #again(room) {
    this.#cancel();
    const now = this.how.clock.now();
    if (!isMuted(room, now) || !room.muted_until) return;
    const left_ms = Math.min(Date.parse(room.muted_until) - now + 1, LONGEST_TIMER_MS);
    this.#cancel = this.how.clock.after(left_ms, () => this.how.over());
  }
}
