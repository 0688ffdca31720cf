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
 * @typedef {import("./bus.js").Request} Request
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Outlet} Outlet
 */

export class Hub {
  /** The rooms that each tab wants. @type {Map<string, Set<string>>} */
  #tabs = new Map();
  #bus;
  #connection;

  /**
   * @param {object} how
   * @param {Bus} how.bus
   * @param {(outlet: Outlet) => Connection} how.connect
   * @param {(tab: string, gone: () => void) => void} how.watch calls `gone` once that tab is no more
   */
  constructor({ bus, connect, watch }) {
    this.watch = watch;
    this.#bus = bus;
    this.#connection = connect({
      status: (status) => this.#tell({ op: "status", status }),
      joined: ({ room, after, epoch }) => this.#tell({ op: "at", room, id: after, epoch }),
      messages: (room, prev, messages) => this.#tell({ op: "messages", room, prev, messages }),
      reset: ({ room }) => this.#tell({ op: "reset", room }),
      left: (room, code) => {
        this.#tell({ op: "left", room, code });
        for (const rooms of this.#tabs.values()) rooms.delete(room);
      },
      sent: (sent) => this.#tell({ op: "sent", sent }),
      failed: (failure) => this.#tell({ op: "failed", failure }),
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
      case "attend":
        connection.attend(request.room);
        break;
      case "send":
        connection.send(request.frame);
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
    const known = this.#tabs.get(tab);
    if (known) known.add(room);
    else {
      this.#tabs.set(tab, new Set([room]));
      this.watch(tab, () => {
        this.#tabs.delete(tab);
        this.#leaveUnwanted();
      });
    }
    const cursor = this.#connection.cursor(room);
    // Of two epochs the server knows which one is over: a join in the wrong one is answered with a reset.
    if (cursor && cursor.epoch === epoch) this.#tell({ op: "at", room, id: cursor.id, epoch: cursor.epoch });
    else this.#connection.join(room, after, epoch);
    // Somebody came with a page of this user's: whoever logged out has logged in again.
    const { state } = this.#connection.status;
    if (state === "logged-out" || state === "other-user") this.#connection.open();
    else this.#tell({ op: "status", status: this.#connection.status });
  }

  #leaveUnwanted() {
    const wanted = new Set([...this.#tabs.values()].flatMap((rooms) => [...rooms]));
    for (const room of this.#connection.rooms()) if (!wanted.has(room)) this.#connection.leave(room);
  }

  /** @param {Told} told */
  #tell(told) {
    this.#bus.post(told);
  }
}
