// @ts-check
/**
 * One way to the server for all rooms wanted, kept up: opens, comes back, changes transport.
 *
 * It knows each room's cursor, so that every new attempt goes on where the last one stopped, and
 * hands on only what joins on to it.
 */

import { Problem } from "./api.js";
import { Backoff } from "./backoff.js";
import { Cursor } from "./cursor.js";
import { newNonce } from "./nonce.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").Aside} Aside
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {import("./protocol.js").Failure} Failure
 * @typedef {import("./protocol.js").Joined} Joined
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Reset} Reset
 * @typedef {import("./protocol.js").Sent} Sent
 * @typedef {import("./transports/transport.js").Closed} Closed
 * @typedef {import("./transports/transport.js").Listener} Listener
 * @typedef {import("./transports/transport.js").Transport} Transport
 * @typedef {import("./ladder.js").Ladder} Ladder
 *
 * @typedef {"connecting" | "open" | "waiting" | "paused" | "logged-out" | "other-user"} State
 * @typedef {object} Status
 * @property {State} state
 * @property {string} transport its kind
 * @property {string} session names one life of one transport: sends not answered in it are sent again in the next
 * @property {number} [retryAt] while waiting: when it tries again, wall clock in milliseconds
 *
 * @typedef {object} Life one life of one transport
 * @property {Transport} transport
 * @property {"new" | "open" | "stable"} phase
 *
 * @typedef {object} Outlet
 * @property {(status: Status) => void} status
 * @property {(joined: Joined) => void} joined
 * @property {(room: string, prev: number, messages: Message[]) => void} messages joins on to all told before
 * @property {(reset: Reset) => void} reset
 * @property {(room: string, code: string) => void} left
 * @property {(sent: Sent["sent"]) => void} sent
 * @property {(failure: Failure) => void} failed
 * @property {(aside: Aside) => void} aside
 * @property {(rooms: import("./protocol.js").Overhearing["rooms"]) => void} overhearing
 * @property {() => void} nudged
 */

const OPENS_WITHIN_MS = 10_000;
const ANSWERS_WITHIN_MS = 5_000;
const STABLE_AFTER_MS = 10_000;
const SILENCE_MS = 2 * 60_000;
const BETTER_AFTER_MS = 5 * 60_000;
const BEAT_MS = 30_000;
/** Browsers run the timers of hidden pages once a minute; what is later has slept. */
const SLEPT_MS = 70_000;
/** Over how long those who come back together spread what is not urgent. */
const UNHURRIED_MS = 3_000;

/** With these a room is refused for good; any other word about it leaves it worth another join. */
const ENDS = new Set(["forbidden", "not_found", "not_authenticated"]);

/** How widely to spread the first return after a WebSocket's close code. */
const SPREAD_MS = new Map([[1012, 2_000], [1001, 5_000], [1013, 10_000], [1008, 5_000], [1009, 5_000]]);

export class Connection {
  /** @type {Map<string, Cursor>} */
  #rooms = new Map();
  /** Rooms of which what is said is told, without being there. @type {Set<string>} */
  #overheard = new Set();
  /** @type {Life | null} */
  #life = null;
  /** A better one, on trial. @type {Life | null} */
  #trial = null;
  #heardAt = 0;
  #checking = false;
  #cancelTimer = () => {};
  #cancelStable = () => {};
  #cancelTrial = () => {};
  #cancelCheck = () => {};
  #cancelBeat = () => {};
  #cancelOverhear = () => {};
  /** Answers to a question asked in an earlier era are too late. */
  #era = 0;
  #backoff;

  /**
   * @param {object} how
   * @param {Ladder} how.ladder
   * @param {Api} how.api
   * @param {Clock} how.clock
   * @param {Author | null} how.user whose page this is
   * @param {Outlet} how.outlet
   */
  constructor({ ladder, api, clock, user, outlet }) {
    this.ladder = ladder;
    this.api = api;
    this.clock = clock;
    this.user = user;
    this.outlet = outlet;
    this.#backoff = new Backoff(clock.random);
    /** @type {Status} */
    this.status = { state: "paused", transport: ladder.kind, session: newNonce() };
  }

  /** @param {string} room @returns {Cursor | undefined} */
  cursor(room) {
    return this.#rooms.get(room);
  }

  /** @returns {string[]} */
  rooms() {
    return [...this.#rooms.keys()];
  }

  /** @param {string} room @param {number} after @param {string} epoch */
  join(room, after, epoch) {
    this.#rooms.set(room, new Cursor(after, epoch));
    this.#life?.transport.join(room, after, epoch);
    this.#trial?.transport.join(room, after, epoch);
  }

  /** @param {string} room */
  leave(room) {
    this.#rooms.delete(room);
    this.#life?.transport.leave(room);
    this.#trial?.transport.leave(room);
    if (this.#overheard.has(room)) this.overhear([...this.#overheard]);
  }

  /** Be told what is said in these rooms from now on, in place of those before. @param {string[]} rooms */
  overhear(rooms) {
    this.#overheard = new Set(rooms);
    this.#cancelOverhear();
    if (this.status.state === "open") this.#life?.transport.overhear(rooms);
  }

  /** @param {string} room */
  attend(room) {
    this.#life?.transport.attend(room);
  }

  /** @param {object} frame @returns {boolean} whether it went out; unanswered it is lost with the session */
  send(frame) {
    return this.status.state === "open" && this.#life?.transport.send(frame) === true;
  }

  /** Connect now, whatever was being waited for. */
  open() {
    if (this.status.state === "connecting" || this.status.state === "open") return;
    this.#drop();
    this.#life = this.#begin(this.ladder.kind);
    this.#tell("connecting");
    this.#cancelTimer = this.clock.after(OPENS_WITHIN_MS, () => this.#closed({}));
    this.#life.transport.open();
  }

  /** Wait for nothing and hold nothing until `open`. */
  pause() {
    this.#drop();
    this.#tell("paused");
  }

  /** Attempts that are due, and silence that is long: timers of a hidden or sleeping page may be late. */
  keepUp() {
    const { state, retryAt } = this.status;
    if (state === "waiting" && retryAt !== undefined && this.clock.now() >= retryAt) this.open();
    if (this.clock.now() - this.#heardAt > SILENCE_MS) this.check();
  }

  /** Whether the way still carries: something must come back within seconds, else it is opened anew. */
  check() {
    if (this.status.state !== "open" || !this.#life || this.#checking) return;
    this.#checking = true;
    this.#cancelCheck = this.clock.after(ANSWERS_WITHIN_MS, () => this.#closed({}));
    this.#life.transport.poke();
  }

  /** Nobody tells a page that its computer slept, nor looks at one that is hidden: its own timers are late then. */
  #beat() {
    this.#cancelBeat();
    const due = this.clock.now() + BEAT_MS;
    this.#cancelBeat = this.clock.after(BEAT_MS, () => {
      if (this.clock.now() - due > SLEPT_MS) this.check();
      this.#beat();
    });
  }

  /** The network changed: what failed before may get through now. */
  networkChanged() {
    if (this.status.state === "waiting") this.open();
    this.check();
    this.#tryBetter();
  }

  #drop() {
    const timers = [this.#cancelTimer, this.#cancelStable, this.#cancelTrial, this.#cancelCheck, this.#cancelOverhear, this.#cancelBeat];
    for (const cancel of timers) cancel();
    this.#life?.transport.close();
    this.#trial?.transport.close();
    this.#life = null;
    this.#trial = null;
    this.#checking = false;
    this.#era += 1;
  }

  /** @param {import("./ladder.js").Kind} kind @returns {Life} */
  #begin(kind) {
    /** @type {Life} */
    const life = { transport: this.ladder.make(kind, this.#listener(() => life)), phase: "new" };
    for (const [room, { id, epoch }] of this.#rooms) life.transport.join(room, id, epoch);
    return life;
  }

  /** @param {() => Life} which events of a life that is over are nobody's @returns {Listener} */
  #listener(which) {
    /** @template {unknown[]} A @param {(...told: A) => void} act @returns {(...told: A) => void} */
    const only = (act) => (...told) => {
      if (which() === this.#life) act(...told);
    };
    return {
      heard: only(() => this.#heard()),
      opened: (user) => {
        if (which() === this.#trial) this.#changeOver();
        if (which() === this.#life) this.#gotThrough(which(), user);
      },
      joined: only((joined) => this.#joined(joined)),
      messages: only((room, prev, messages) => this.#messages(room, prev, messages)),
      reset: only((reset) => {
        if (this.#rooms.has(reset.room)) this.#rooms.set(reset.room, new Cursor(reset.after, reset.epoch));
        this.outlet.reset(reset);
      }),
      left: only((room, code) => this.#left(room, code)),
      sent: only((sent) => this.outlet.sent(sent)),
      failed: only((failure) => this.#failed(which(), failure)),
      aside: only((aside) => this.outlet.aside(aside)),
      overhearing: only((rooms) => this.outlet.overhearing(rooms)),
      nudged: only(() => this.outlet.nudged()),
      closed: (closed) => {
        if (which() === this.#trial) this.#giveUpTrial();
        else if (which() === this.#life) this.#closed(closed);
      },
    };
  }

  #heard() {
    this.#heardAt = this.clock.now();
    this.#checking = false;
    this.#cancelCheck();
  }

  /** @param {Life} life @param {Author | null} user */
  #gotThrough(life, user) {
    this.#cancelTimer();
    this.#heard();
    if (!this.#isMine(user)) return;
    life.phase = "open";
    this.#beat();
    this.ladder.gotThrough();
    this.#cancelStable = this.clock.after(STABLE_AFTER_MS, () => {
      life.phase = "stable";
      this.ladder.stable();
      this.#backoff.reset();
    });
    this.#scheduleTrial();
    if (this.#overheard.size > 0) {
      const wait_ms = UNHURRIED_MS * this.clock.random();
      this.#cancelOverhear = this.clock.after(wait_ms, () => life.transport.overhear([...this.#overheard]));
    }
    this.#tell("open", { session: newNonce() });
  }

  /** @param {Joined} joined */
  #joined(joined) {
    const cursor = this.#rooms.get(joined.room);
    if (!cursor) return;
    cursor.epoch = joined.epoch;
    if (joined.after > cursor.id) this.#life?.transport.join(joined.room, cursor.id, cursor.epoch);
    else this.outlet.joined(joined);
  }

  /** @param {string} room @param {number} prev @param {Message[]} messages */
  #messages(room, prev, messages) {
    const cursor = this.#rooms.get(room);
    if (!cursor) {
      if (this.#overheard.has(room)) this.outlet.messages(room, prev, messages);
      return;
    }
    const before = cursor.id;
    const fresh = cursor.take(prev, messages);
    if (fresh === null) this.#life?.transport.join(room, cursor.id, cursor.epoch);
    else if (fresh.length > 0) this.outlet.messages(room, before, fresh);
  }

  /** @param {string} room @param {string} code */
  #left(room, code) {
    this.#rooms.delete(room);
    this.#overheard.delete(room);
    this.outlet.left(room, code);
    if (code === "not_authenticated") void this.#ask(() => {});
  }

  /** @param {Life} life @param {Failure} failure */
  #failed(life, failure) {
    const { room, nonce, code } = failure;
    const cursor = room === undefined ? undefined : this.#rooms.get(room);
    if (nonce !== undefined || room === undefined || !cursor) {
      this.outlet.failed(failure);
    } else if (!ENDS.has(code)) {
      const wait_ms = this.#backoff.next({ atLeast_ms: (failure.retry_after ?? 0) * 1000 });
      this.clock.after(wait_ms, () => {
        if (this.#life === life && this.#rooms.has(room)) life.transport.join(room, cursor.id, cursor.epoch);
      });
    } else {
      this.#left(room, code);
    }
  }

  /** @param {Closed} closed */
  #closed(closed) {
    const phase = this.#life?.phase ?? "new";
    this.#drop();
    // The server's own words are no fault of the transport's.
    const abrupt = !SPREAD_MS.has(closed.code ?? 0);
    if (phase === "open" && abrupt) this.ladder.shaky();
    if (phase !== "new" && closed.code !== 1008) {
      this.#wait(closed);
      return;
    }
    this.#tell("connecting");
    // A refused upgrade looks like any lost connection: the API says which it was.
    void this.#ask((reached) => {
      if (reached && phase === "new" && abrupt) this.ladder.failed();
      this.#wait(closed);
    });
  }

  /** Ask the API who we are. @param {(reached: boolean) => void} then */
  async #ask(then) {
    const era = this.#era;
    let reached = false;
    try {
      const { user } = await this.api.rooms();
      if (era !== this.#era || !this.#isMine(user ?? null)) return;
      reached = true;
    } catch (error) {
      if (era !== this.#era) return;
      if (error instanceof Problem && error.status === 401) {
        this.#drop();
        this.#tell("logged-out");
        return;
      }
    }
    then(reached);
  }

  /** @param {Author | null} user */
  #isMine(user) {
    if (user?.id === this.user?.id) return true;
    this.#drop();
    this.#tell(user ? "other-user" : "logged-out");
    return false;
  }

  /** @param {Closed} closed */
  #wait({ code = 0, retryAfter_s = 0 }) {
    const asked_ms = retryAfter_s * 1000;
    const spread_ms = SPREAD_MS.get(code) ?? 0;
    // A server that restarts says over how long all are to come back; any other, how long to stay away.
    const wait_ms = this.#backoff.next(
      code === 1012 ? { base_ms: Math.max(spread_ms, asked_ms) } : { atLeast_ms: asked_ms, base_ms: spread_ms },
    );
    this.#tell("waiting", { retryAt: this.clock.now() + wait_ms });
    this.#cancelTimer = this.clock.after(wait_ms, () => this.open());
  }

  #scheduleTrial() {
    if (this.ladder.better === null) return;
    this.#cancelTrial = this.clock.after(BETTER_AFTER_MS * (0.5 + this.clock.random()), () => this.#tryBetter());
  }

  /** Open a better transport beside the one in use, and change over only once it is open. */
  #tryBetter() {
    const kind = this.ladder.better;
    if (kind === null || this.#trial || this.status.state !== "open") return;
    this.#cancelTrial();
    this.#trial = this.#begin(kind);
    this.#cancelTrial = this.clock.after(OPENS_WITHIN_MS, () => this.#giveUpTrial());
    this.#trial.transport.open();
  }

  #changeOver() {
    for (const cancel of [this.#cancelTrial, this.#cancelStable, this.#cancelOverhear]) cancel();
    this.#heard();
    this.#life?.transport.close();
    this.#life = this.#trial;
    this.#trial = null;
    this.ladder.improve();
  }

  #giveUpTrial() {
    this.#cancelTrial();
    this.#trial?.transport.close();
    this.#trial = null;
    this.#scheduleTrial();
  }

  /** @param {State} state @param {{session?: string, retryAt?: number}} [more] */
  #tell(state, { session = this.status.session, retryAt } = {}) {
    const status = { state, transport: this.ladder.kind, session };
    this.status = retryAt === undefined ? status : { ...status, retryAt };
    this.outlet.status(this.status);
  }
}
