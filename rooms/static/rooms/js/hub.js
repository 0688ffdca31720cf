// @ts-check
/**
 * The end of the bus that holds the connection: one in a browser for each user, for all tabs.
 *
 * A browser has six HTTP/1.1 connections to an origin, so a stream or poll in each tab would hang the
 * seventh. The tabs want rooms; the hub joins each once and tells everybody what comes. A tab that
 * lacks something reads it by itself, after its own cursor.
 */

/**
 * @typedef {import("./bus.js").Bus} Bus
 * @typedef {import("./bus.js").Look} Look
 * @typedef {import("./bus.js").Request} Request
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Outlet} Outlet
 * @typedef {(room: string, messages: import("./protocol.js").Message[]) => void} News
 * @typedef {import("./protocol.js").Aside} Aside
 * @typedef {import("./protocol.js").Presence} Presence
 */

/** Joins and these share the server's bound of 500. */
const MOST_OVERHEARD = 400;

export class Hub {
  /** The rooms that each tab wants. @type {Map<string, Set<string>>} */
  #tabs = new Map();
  /** Those of which each tab wants to hear without being there. @type {Map<string, string[]>} */
  #overheard = new Map();
  /** Who is where, for a tab that comes later: only changes are told. @type {Map<string, Presence>} */
  #present = new Map();
  /** What each tab shows; who looked last is the last. @type {Map<string, Look>} */
  #looks = new Map();
  #bus;
  #connection;

  /**
   * @param {object} how
   * @param {Bus} how.bus
   * @param {(outlet: Outlet) => Connection} how.connect
   * @param {(tab: string, gone: () => void) => void} how.watch calls `gone` once that tab is no more
   * @param {(office: Pick<import("./herald.js").Office, "looks" | "tell">) => News} [how.herald] tells people of news
   */
  constructor({ bus, connect, watch, herald }) {
    const news = herald?.({ looks: () => [...this.#looks.values()], tell: (told) => this.#tell(told) });
    this.watch = watch;
    this.#bus = bus;
    this.#connection = connect({
      status: (status) => {
        if (status.state !== "open") this.#present.clear();
        this.#tell({ op: "status", status });
      },
      joined: ({ room, after, epoch }) => this.#tell({ op: "at", room, id: after, epoch }),
      messages: (room, prev, messages) => {
        this.#tell({ op: "messages", room, prev, messages });
        news?.(room, messages);
      },
      reset: ({ room }) => this.#tell({ op: "reset", room }),
      left: (room, code) => {
        this.#tell({ op: "left", room, code });
        this.#present.delete(room);
        for (const rooms of this.#tabs.values()) rooms.delete(room);
      },
      sent: (sent) => this.#tell({ op: "sent", sent }),
      failed: (failure) => this.#tell({ op: "failed", failure }),
      aside: (aside) => this.#aside(aside),
      overhearing: (rooms) => this.#tell({ op: "overhearing", rooms }),
      nudged: () => this.#tell({ op: "nudged" }),
    });
    bus.listen((message) => {
      if ("ask" in message) this.#asked(message);
    });
  }

  /** Begin: whoever is there says what it wants. */
  open() {
    this.#tell({ op: "new" });
    this.#connection.open();
  }

  /** The connection, for what the browser itself tells: online, sleep. */
  get connection() {
    return this.#connection;
  }

  close() {
    this.#connection.pause();
    this.#bus.close();
  }

  /** @param {Request} request */
  #asked(request) {
    const connection = this.#connection;
    switch (request.ask) {
      case "want":
        this.#want(request);
        break;
      case "enough":
        this.#tabs.get(request.tab)?.delete(request.room);
        this.#leaveUnwanted();
        break;
      case "overhear":
        this.#known(request.tab);
        this.#overhear(() => this.#overheard.set(request.tab, request.rooms));
        break;
      case "look":
        this.#look(request);
        break;
      case "muted":
        this.#tell({ op: "muted", room: request.room, muted: request.muted });
        break;
      case "attend":
        connection.attend(request.room);
        break;
      case "send":
        connection.send(request.frame);
        this.#read(request.frame);
        break;
      case "check":
        connection.check();
        break;
      case "network":
        connection.networkChanged();
        break;
      case "now":
        connection.open();
        break;
      case "ping":
        connection.keepUp();
        this.#tell({ op: "status", status: connection.status });
        break;
    }
  }

  /** @param {Extract<Request, {ask: "want"}>} request */
  #want({ tab, room, after, epoch }) {
    this.#known(tab).add(room);
    const cursor = this.#connection.cursor(room);
    // Of two epochs the server knows which one is over: a join in the wrong one is answered with a reset.
    if (cursor && cursor.epoch === epoch) this.#tell({ op: "at", room, id: cursor.id, epoch: cursor.epoch });
    else this.#connection.join(room, after, epoch);
    const present = this.#present.get(room);
    if (present) this.#aside(present);
    // Somebody came with a page of this user's: whoever logged out has logged in again.
    const { state } = this.#connection.status;
    if (state === "logged-out" || state === "other-user") this.#connection.open();
    else this.#tell({ op: "status", status: this.#connection.status });
  }

  /** @param {Look} look */
  #look({ tab, room, looking }) {
    this.#known(tab);
    if (looking) this.#looks.delete(tab);
    this.#looks.set(tab, { tab, room, looking });
  }

  /** The rooms that a tab wants, until it is no more. @param {string} tab @returns {Set<string>} */
  #known(tab) {
    const known = this.#tabs.get(tab);
    if (known) return known;
    /** @type {Set<string>} */
    const rooms = new Set();
    this.#tabs.set(tab, rooms);
    this.watch(tab, () => {
      this.#tabs.delete(tab);
      this.#looks.delete(tab);
      this.#leaveUnwanted();
      this.#overhear(() => this.#overheard.delete(tab));
    });
    return rooms;
  }

  /** Overhear what the tabs want together, where that is another. @param {() => void} change */
  #overhear(change) {
    const all = () => [...new Set([...this.#overheard.values()].flat())].sort();
    const before = all();
    change();
    const now = all();
    if (now.join() !== before.join()) this.#connection.overhear(now.slice(0, MOST_OVERHEARD));
  }

  #leaveUnwanted() {
    const wanted = new Set([...this.#tabs.values()].flatMap((rooms) => [...rooms]));
    for (const room of this.#connection.rooms()) if (!wanted.has(room)) this.#leave(room);
  }

  /** @param {string} room */
  #leave(room) {
    this.#connection.leave(room);
    this.#present.delete(room);
  }

  /** @param {Aside} aside */
  #aside(aside) {
    if (aside.type === "presence" && this.#connection.cursor(aside.room)) this.#present.set(aside.room, aside);
    this.#tell({ op: "aside", room: aside.room, aside });
  }

  /** The server tells only one's other connections what was read; the tabs of this one hear it here. @param {object} frame */
  #read(frame) {
    const { type, room, id } = /** @type {Partial<import("./protocol.js").Read>} */ (frame);
    if (type === "read" && room !== undefined && id !== undefined) this.#aside({ type, room, id });
  }

  /** @param {Told} told */
  #tell(told) {
    this.#bus.post(told);
  }
}
