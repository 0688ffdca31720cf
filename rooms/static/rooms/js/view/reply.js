// @ts-check
/** What one is about to answer, told above the box, and kept with the draft until it is sent or left. */

import { gettext } from "../i18n.js";
import { button, make } from "./elements.js";
import { summary } from "./quote.js";

/**
 * @typedef {import("../markup/texts.js").Texts} Texts
 * @typedef {import("../quotes.js").Answered} Answered
 *
 * @typedef {object} How
 * @property {HTMLElement} strip where it is told
 * @property {HTMLTextAreaElement} box
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage
 * @property {string} key where in it the answered is kept
 * @property {number} id what is answered so far
 * @property {(id: number) => Answered} answered
 * @property {Texts} texts
 */

export class Reply {
  #id = 0;

  /** @param {How} how */
  constructor({ strip, box, storage, key, id, answered, texts }) {
    this.strip = strip;
    this.box = box;
    this.storage = storage;
    this.key = key;
    this.answered = answered;
    this.texts = texts;
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing || box.value !== "" || this.#id === 0) return;
      event.preventDefault();
      this.#become(0);
    });
    this.#become(id);
  }

  /** Answer a message. @param {number} id */
  to(id) {
    this.#become(id);
  }

  /** What is answered by a message that is sent now; the next answers nothing. @returns {{reply_to?: number}} */
  take() {
    const id = this.#id;
    if (id === 0) return {};
    this.#become(0);
    return { reply_to: id };
  }

  /** Show it as it is now. */
  draw() {
    const shown = [];
    if (this.#id !== 0) {
      const leave = () => {
        this.#become(0);
        this.box.focus();
      };
      shown.push(
        make("span", {}, gettext("Reply to")),
        make("span", { class: "summary" }, ...summary(this.answered(this.#id), this.texts)),
        button("✕", leave, { "aria-label": gettext("Do not reply to this message") }),
      );
    }
    const same = this.strip.children.length === shown.length && shown.every((one, at) => one.isEqualNode(this.strip.children[at]));
    if (!same) this.strip.replaceChildren(...shown);
  }

  /** @param {number} id 0: none */
  #become(id) {
    this.#id = id;
    try {
      if (id) this.storage.setItem(this.key, String(id));
      else this.storage.removeItem(this.key);
    } catch (error) {
      console.warn(`This browser keeps nothing for us; a reload would lose what is answered: ${error}`);
    }
    this.draw();
  }
}
