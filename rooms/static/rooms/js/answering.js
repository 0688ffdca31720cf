// @ts-check
/** What is answered by the message that is sent next. What shows it is fetched with the first; it counts before that is here. */

import { Later } from "./later.js";

export class Answering {
  /** Until it is shown, and kept, by what is fetched. */
  #id;
  #reply;

  /** @param {Omit<import("./view/reply.js").How, "id">} how */
  constructor(how) {
    this.box = how.box;
    this.forget = () => how.storage.removeItem(how.key);
    this.#id = Number(how.storage.getItem(how.key) ?? 0);
    this.#reply = new Later(async () => {
      const { Reply } = await import("./view/reply.js");
      return new Reply({ ...how, id: this.#id });
    });
    if (this.#id) this.#reply.want();
  }

  again() {
    this.#reply.again();
  }

  /** Show it as it is now. */
  draw() {
    this.#reply.part?.draw();
  }

  /** Answer a message. @param {number} id @throws where that cannot be shown: then nothing is answered */
  async to(id) {
    this.box.focus(); // at once: later a phone would not show its keyboard
    this.#reply.part?.to(id);
    this.#id = id;
    try {
      await this.#reply.get();
    } catch (error) {
      this.#id = 0;
      throw error;
    }
  }

  /** What is answered by a message that is sent now; the next answers nothing. @returns {{reply_to?: number}} */
  take() {
    if (this.#reply.part) return this.#reply.part.take();
    const id = this.#id;
    this.#id = 0;
    this.forget();
    return id ? { reply_to: id } : {};
  }
}
