// @ts-check
/** Where a message is typed. What stands in it is kept in the browser, over reloads too. */

import { fit, listen, objection, sendable } from "./textbox.js";

export class Composer {
  /**
   * @param {object} how
   * @param {HTMLFormElement} how.form
   * @param {HTMLTextAreaElement} how.box
   * @param {HTMLElement} how.complaint
   * @param {number} how.most code points
   * @param {Storage} how.storage
   * @param {string} how.key where in it the draft is kept
   * @param {(text: string) => void} how.send
   * @param {() => boolean} how.editLast
   */
  constructor({ form, box, complaint, most, storage, key, send, editLast }) {
    this.form = form;
    this.box = box;
    this.complaint = complaint;
    this.most = most;
    this.storage = storage;
    this.key = key;
    this.send = send;
    // A reload may have put back what was there before: the draft is never older.
    box.value = storage.getItem(key) ?? box.value;
    fit(box);
    box.addEventListener("input", () => this.#keep());
    listen(box, { submit: () => this.#submit(), up: editLast });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Nothing more can be sent from here; what stands in the box can still be copied. */
  close() {
    this.box.readOnly = true;
    for (const one of this.form.querySelectorAll("button")) one.disabled = true;
  }

  #submit() {
    if (this.box.readOnly) return;
    const text = sendable(this.box.value);
    this.complaint.textContent = objection(text, this.most);
    if (text === "" || this.complaint.textContent !== "") return;
    this.send(text); // kept by the outbox from here on, before the draft goes
    this.box.value = "";
    fit(this.box);
    this.#keep();
  }

  #keep() {
    this.complaint.textContent = objection(sendable(this.box.value), this.most);
    try {
      if (this.box.value) this.storage.setItem(this.key, this.box.value);
      else this.storage.removeItem(this.key);
    } catch (error) {
      console.warn(`This browser keeps nothing for us; a reload would lose the draft: ${error}`);
    }
  }
}
