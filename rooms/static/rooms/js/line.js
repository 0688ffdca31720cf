// @ts-check
/** A tab's end of the bus: says what it wants, hears what comes, notices a hub that is silent. */

/**
 * @typedef {import("./bus.js").Bus} Bus
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./cursor.js").Cursor} Cursor
 * @typedef {(told: Told) => void} Hear
 */

const PING_MS = 10_000;
const ANSWERS_WITHIN_MS = 5_000;

export class Line {
  /** @type {Map<string, () => Cursor | null>} */
  #wants = new Map();
  /** @type {string[]} */
  #overheard = [];
  #bus;
  #cancelPing = () => {};
  #cancelSilence = () => {};
  #pingedAt = 0;
  /** @type {Hear} */
  hear = () => {};

  /**
   * @param {object} how
   * @param {Bus} how.bus
   * @param {string} how.tab names this tab
   * @param {Clock} how.clock
   * @param {() => boolean} how.visible
   * @param {() => void} how.silent the hub does not answer
   */
  constructor({ bus, tab, clock, visible, silent }) {
    this.tab = tab;
    this.clock = clock;
    this.visible = visible;
    this.silent = silent;
    this.#bus = bus;
    bus.listen((message) => {
      if ("op" in message) this.#told(message);
    });
  }

  open() {
    this.#pingedAt = this.clock.now();
    this.ping();
  }

  /** Have a room carried on from wherever its cursor is whenever the hub asks. @param {string} room @param {() => Cursor | null} cursor */
  want(room, cursor) {
    this.#wants.set(room, cursor);
    this.#say(room);
  }

  /** @param {string} room */
  enough(room) {
    this.#wants.delete(room);
    this.#bus.post({ ask: "enough", tab: this.tab, room });
  }

  /** Hear what is said in these rooms too, where that is cheap; in place of those before. @param {string[]} rooms */
  overhear(rooms) {
    this.#overheard = rooms;
    this.#bus.post({ ask: "overhear", tab: this.tab, rooms });
  }

  /** @param {object} frame */
  send(frame) {
    this.#bus.post({ ask: "send", frame });
  }

  /** Say which room this tab shows, and whether somebody looks at it; to every new hub again. @param {string} room @param {boolean} looking */
  look(room, looking) {
    this.#bus.post({ ask: "look", tab: this.tab, room, looking });
  }

  /** The reader wants to be told of nothing in a room, or of everything again: all tabs hear it. @param {string} room @param {boolean} muted */
  muted(room, muted) {
    this.#bus.post({ ask: "muted", room, muted });
  }

  /** @param {"check" | "network" | "now"} ask */
  ask(ask) {
    this.#bus.post({ ask });
  }

  /** Say all wants again: the hub answers with how far each room is. */
  again() {
    for (const room of this.#wants.keys()) this.#say(room);
    if (this.#overheard.length > 0) this.overhear(this.#overheard);
  }

  /** Somebody looks at this page: its rooms go first, and what was missed while it was frozen is told again. */
  seen() {
    this.again();
    for (const room of this.#wants.keys()) this.#bus.post({ ask: "attend", room });
    this.ping();
  }

  ping() {
    this.#cancelPing();
    this.#cancelPing = this.clock.after(PING_MS, () => this.ping());
    const now = this.clock.now();
    const slept = now - this.#pingedAt > 3 * PING_MS;
    this.#pingedAt = now;
    if (!this.visible()) return;
    if (slept) this.ask("check");
    this.#bus.post({ ask: "ping" });
    this.#cancelSilence();
    this.#cancelSilence = this.clock.after(ANSWERS_WITHIN_MS, () => this.silent());
  }

  close() {
    this.#cancelPing();
    this.#cancelSilence();
    for (const room of [...this.#wants.keys()]) this.enough(room);
    this.#bus.close();
  }

  /** @param {string} room */
  #say(room) {
    const cursor = this.#wants.get(room)?.();
    if (cursor) this.#bus.post({ ask: "want", tab: this.tab, room, after: cursor.id, epoch: cursor.epoch });
  }

  /** @param {Told} told */
  #told(told) {
    this.#cancelSilence();
    if (told.op === "new") this.again();
    this.hear(told);
  }
}
