// @ts-check
/** Where a message is typed. What stands in it is kept in the browser, over reloads too. */

import { enterSends } from "../enterkey.js";
import { composes, fit, listen, objection, remainder, sendable, types } from "./textbox.js";

/** @typedef {import("../outbox.js").Attachment} Attachment */

export class Composer {
  /**
   * @param {object} how
   * @param {HTMLFormElement} how.form
   * @param {HTMLTextAreaElement} how.box
   * @param {HTMLButtonElement} how.button sends
   * @param {HTMLElement} how.complaint
   * @param {HTMLElement} how.count how much more can be typed
   * @param {number} how.most code points
   * @param {Storage} how.storage
   * @param {string} how.key where in it the draft is kept
   * @param {(text: string, files: Attachment[]) => void} how.send
   * @param {() => boolean} how.editLast
   * @param {import("./attach.js").Attach | null} [how.attach] null where no files are taken
   */
  constructor({ form, box, button, complaint, count, most, storage, key, send, editLast, attach = null }) {
    this.form = form;
    this.box = box;
    this.button = button;
    this.complaint = complaint;
    this.count = count;
    this.most = most;
    this.storage = storage;
    this.key = key;
    this.send = send;
    this.attach = attach;
    if (attach) attach.onchange = () => this.#show();
    // A reload may have put back what was there before: the draft is never older.
    box.value = storage.getItem(key) ?? box.value;
    fit(box);
    this.#show();
    box.addEventListener("input", () => this.#keep());
    addEventListener("storage", (event) => {
      if (event.key === key && event.newValue === null) this.#removed(event.oldValue);
    });
    listen(box, { submit: () => this.#submit(), up: editLast });
    document.addEventListener("keydown", (event) => {
      // Who begins to type where nothing takes it means this box. A space scrolls.
      if (event.target === document.body && types(event) && event.key !== " ") box.focus();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
      box.focus(); // the button that had it can do nothing more
    });
  }

  /** Nothing more can be sent from here; what stands in the box can still be copied. */
  close() {
    this.box.readOnly = true;
    for (const one of this.form.querySelectorAll("button")) one.disabled = true;
  }

  /**
   * Take back what was not sent, unless something else is begun.
   * @param {import("../outbox.js").Entry | undefined} entry @returns {boolean} whether it was taken
   */
  giveBack(entry) {
    const { command, files = [] } = entry ?? {};
    const { box, attach } = this;
    if (command?.type !== "send" || box.readOnly || box.value !== "" || attach?.count) {
      for (const { upload } of files) upload?.drop();
      return false;
    }
    this.#put(command.body);
    void attach?.put(files.filter(({ id, upload }) => id ?? upload));
    box.focus();
    return true;
  }

  /** Tell which keys send. */
  tellKeys() {
    this.button.setAttribute("aria-keyshortcuts", enterSends() ? "Enter" : "Control+Enter Meta+Enter");
  }

  #submit() {
    if (this.box.readOnly || composes(this.box)) return;
    if (this.attach?.coming) {
      void this.attach.coming.then(() => this.#submit(), () => {});
      return;
    }
    const text = sendable(this.box.value);
    if (!this.#any(text) || this.#objection(text) !== "") return;
    this.send(text, this.attach?.take() ?? []); // kept by the outbox from here on, before the draft goes
    this.#put("");
  }

  /** @param {string} text */
  #put(text) {
    this.box.value = text;
    fit(this.box);
    this.#keep();
  }

  /** Another tab has sent what it kept, or thrown it away: what stands here is kept, if it is something else. @param {string | null} what */
  #removed(what) {
    if (this.box.value !== "" && this.box.value !== what) this.#keep();
  }

  #keep() {
    this.#show();
    try {
      if (this.box.value) this.storage.setItem(this.key, this.box.value);
      else this.storage.removeItem(this.key);
    } catch (error) {
      console.warn(`This browser keeps nothing for us; a reload would lose the draft: ${error}`);
    }
  }

  /** Whether there is something to send. @param {string} text */
  #any(text) {
    return text !== "" || (this.attach?.count ?? 0) > 0;
  }

  /** @param {string} text */
  #objection(text) {
    return objection(text, this.most) || (this.attach?.objection ?? "");
  }

  #show() {
    const text = sendable(this.box.value);
    const complaint = this.#objection(text);
    // The same again would be announced again.
    if (this.complaint.textContent !== complaint) this.complaint.textContent = complaint;
    this.count.textContent = remainder(text, this.most);
    this.button.disabled = this.box.readOnly || !this.#any(text);
  }
}
