// @ts-check
/** How far a room's log has been read: one number, good for one epoch. */

/** @typedef {import("./protocol.js").Message} Message */

export class Cursor {
  /** @param {number} id the last id seen @param {string} epoch names the database that drew it */
  constructor(id, epoch) {
    this.id = id;
    this.epoch = epoch;
  }

  /**
   * Move over a batch that holds **all** that the room keeps after `prev`.
   *
   * @param {number} prev
   * @param {readonly Message[]} messages ascending
   * @returns {Message[] | null} those not seen before; null where something between the cursor and
   *   `prev` was missed: then nothing is taken, and the caller reads again after `id`
   */
  take(prev, messages) {
    if (prev > this.id) return null;
    const fresh = messages.filter((message) => message.id > this.id);
    if (fresh.length > 0) this.id = fresh[fresh.length - 1].id;
    return fresh;
  }
}
