// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { Backoff } from "/static/rooms/js/backoff.js";
import { Connection } from "/static/rooms/js/connection.js";
import { Ladder } from "/static/rooms/js/ladder.js";
import { equal, ok, settled, storage, test, TestClock } from "./check.js";

const user = { id: 3, name: "ana" };

/** A transport that does what its test says. */
class FakeTransport {
  /** @param {string} kind @param {any} listener */
  constructor(kind, listener) {
    this.kind = kind;
    this.listener = listener;
    /** @type {any[]} */
    this.joins = [];
    /** @type {any[]} */
    this.frames = [];
    /** @type {string[][]} */
    this.overheard = [];
    this.pokes = 0;
    this.isOpen = false;
    this.isClosed = false;
  }
  open() {
    this.isOpen = true;
  }
  /** @param {...unknown} join */
  join(...join) {
    this.joins.push(join);
  }
  leave() {}
  attend() {}
  /** @param {string[]} rooms */
  overhear(rooms) {
    this.overheard.push(rooms);
  }
  /** @param {object} frame */
  send(frame) {
    this.frames.push(frame);
    return true;
  }
  poke() {
    this.pokes += 1;
  }
  close() {
    this.isClosed = true;
  }
}

/** @param {{fixed?: any, kept?: Storage}} [how] */
function fixture({ fixed = null, kept = storage() } = {}) {
  const clock = new TestClock();
  /** @type {FakeTransport[]} */
  const made = [];
  /** @type {any[]} */
  const told = [];
  const api = { answer: async () => /** @type {any} */ ({ user, epoch: "e" }), asked: 0 };
  const outlet = /** @type {any} */ (
    new Proxy({}, { get: (_target, name) => (/** @type {unknown[]} */ ...what) => told.push([name, ...what]) })
  );
  /** @type {any} */
  const make = (/** @type {string} */ kind, /** @type {any} */ listener) => {
    const transport = new FakeTransport(kind, listener);
    made.push(transport);
    return transport;
  };
  const ladder = new Ladder({ make, fixed, storage: kept, clock });
  const rooms = () => {
    api.asked += 1;
    return api.answer();
  };
  const connection = new Connection({ ladder, api: /** @type {any} */ ({ rooms }), clock, user, outlet });
  const last = () => made[made.length - 1];
  return { clock, made, told, api, connection, last, kept };
}

const row = (/** @type {number} */ id) => ({ id, room: "lobby", kind: "message", created_at: "t" });

test("it opens with every room after its cursor", () => {
  const { connection, last, told } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  equal([last().kind, last().joins, last().isOpen], ["websocket", [["lobby", 7, "e"]], true]);
  last().listener.opened(user);
  equal(told.at(-1)[1].state, "open");
});

test("what joins on goes through; what overlaps is cut; a gap joins again after the cursor", () => {
  const { connection, last, told } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  last().listener.opened(user);
  last().listener.messages("lobby", 7, [row(8)]);
  last().listener.messages("lobby", 6, [row(8), row(9)]);
  last().listener.messages("lobby", 11, [row(12)]);
  const batches = told.filter(([name]) => name === "messages").map(([, room, prev, rows]) => [room, prev, rows.map((/** @type {any} */ { id }) => id)]);
  equal(batches, [["lobby", 7, [8]], ["lobby", 8, [9]]]);
  equal(last().joins.at(-1), ["lobby", 9, "e"]);
});

test("after a cut it comes back with jitter and goes on after its cursor", async () => {
  const { connection, made, clock, last } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  last().listener.opened(user);
  last().listener.messages("lobby", 7, [row(8)]);
  last().listener.closed({ code: 1006 });
  equal([connection.status.state, made.length], ["waiting", 1]);
  await clock.advance(60_000);
  equal(last().joins[0], ["lobby", 8, "e"]);
  ok(made.length >= 2, "it came back");
});

test("a reset moves the cursor and the epoch", () => {
  const { connection, last, told } = fixture();
  connection.join("lobby", 700, "e");
  connection.open();
  last().listener.opened(user);
  last().listener.reset({ type: "reset", room: "lobby", after: 5, epoch: "f" });
  equal([connection.cursor("lobby"), told.at(-1)[0]], [{ id: 5, epoch: "f" }, "reset"]);
});

test("closed before it opened, it asks the API; where that answers, the next transport has its turn", async () => {
  const { connection, made, clock, last, api } = fixture();
  connection.open();
  for (let turn = 1; turn < 8; turn += 1) {
    last().listener.closed({ code: 1006 });
    await clock.until(() => made.length > turn);
  }
  const kinds = made.map(({ kind }) => kind);
  const [ws, sse, poll] = ["websocket", "sse", "longpoll"];
  equal([kinds, api.asked], [[ws, ws, sse, sse, poll, poll, ws, ws], 7]);
});

test("a transport that never opens is given up, and the next has its turn", async () => {
  const { connection, made, clock } = fixture();
  connection.open();
  await clock.advance(60_000);
  equal(made.slice(0, 3).map(({ kind }) => kind), ["websocket", "websocket", "sse"]);
});

test("where the API does not answer either the server is away, and the transport stays", async () => {
  const { connection, made, clock, last, api } = fixture();
  api.answer = async () => {
    throw new Unreachable("away");
  };
  connection.open();
  for (let turn = 1; turn < 6; turn += 1) {
    last().listener.closed({ code: 1006 });
    await clock.until(() => made.length > turn);
  }
  equal([...new Set(made.map(({ kind }) => kind))], ["websocket"]);
});

test("a transport that the address names is never changed", async () => {
  const { connection, made, clock } = fixture({ fixed: "sse" });
  connection.open();
  await clock.advance(300_000);
  equal([...new Set(made.map(({ kind }) => kind))], ["sse"]);
});

test("the server's own good-byes are not held against a transport", async () => {
  const { connection, made, clock, last } = fixture();
  connection.open();
  for (const code of [1012, 1001, 1013, 1012, 1012, 1012, 1012]) {
    const before = made.length;
    last().listener.opened(user);
    last().listener.closed({ code });
    await clock.until(() => made.length > before);
  }
  equal([...new Set(made.map(({ kind }) => kind))], ["websocket"]);
});

test("after a restart the return is spread over as long as the server says", async () => {
  const { connection, made, clock, last } = fixture();
  connection.open();
  last().listener.opened(user);
  last().listener.closed({ code: 1012, retryAfter_s: 20 });
  const { retryAt } = connection.status;
  ok(retryAt !== undefined && retryAt > clock.now() + 2_000 && retryAt <= clock.now() + 20_000, "spread, not waited for");
  await clock.advance(20_000);
  equal(made.length, 2);
});

test("retry_after is waited for", async () => {
  const { connection, made, clock, last } = fixture();
  connection.open();
  last().listener.opened(user);
  last().listener.closed({ retryAfter_s: 20 });
  await clock.advance(19_900);
  equal(made.length, 1);
  await clock.advance(1_000);
  equal(made.length, 2);
});

test("logged out: it stops and says so", async () => {
  const { connection, made, clock, last, api } = fixture();
  connection.open();
  last().listener.opened(user);
  api.answer = async () => {
    throw new Problem(401, "not_authenticated", "", undefined);
  };
  last().listener.closed({ code: 1008 });
  await clock.advance(100_000);
  equal([connection.status.state, made.length], ["logged-out", 1]);
});

test("a server that takes us for a guest, or for somebody else, is not listened to", async () => {
  for (const [other, state] of /** @type {const} */ ([[null, "logged-out"], [{ id: 4, name: "ben" }, "other-user"]])) {
    const { connection, last, made, clock } = fixture();
    connection.join("lobby", 7, "e");
    connection.open();
    last().listener.opened(other);
    await clock.advance(100_000);
    equal([connection.status.state, made.length, last().isClosed], [state, 1, true]);
  }
});

test("on a lesser transport it tries the better one beside it, and changes over only once that is open", async () => {
  const kept = storage();
  kept.setItem("chat:transport", JSON.stringify({ kind: "sse", at: new TestClock().now() }));
  const { connection, made, clock, told } = fixture({ kept });
  connection.join("lobby", 7, "e");
  connection.open();
  equal(made[0].kind, "sse");
  made[0].listener.opened(user);
  await clock.until(() => made.length > 1);
  equal([made[1].kind, made[0].isClosed], ["websocket", false]);
  made[0].listener.messages("lobby", 7, [row(8)]);
  made[1].listener.opened(user);
  made[1].listener.messages("lobby", 7, [row(8), row(9)]);
  equal([made[0].isClosed, connection.status.transport], [true, "websocket"]);
  const ids = told.filter(([name]) => name === "messages").flatMap(([, , , rows]) => rows.map((/** @type {any} */ { id }) => id));
  equal([ids, kept.length], [[8, 9], 0]);
});

test("a better transport that does not open on trial changes nothing", async () => {
  const kept = storage();
  kept.setItem("chat:transport", JSON.stringify({ kind: "longpoll", at: new TestClock().now() }));
  const { connection, made, clock } = fixture({ kept });
  connection.open();
  made[0].listener.opened(user);
  await clock.advance(30 * 60_000);
  const tried = made.slice(1);
  ok(tried.length > 1 && tried.slice(0, -1).every(({ kind, isClosed }) => kind === "sse" && isClosed), "tried and closed");
  equal([made[0].isClosed, connection.status.state, connection.status.transport], [false, "open", "longpoll"]);
});

test("a silent connection is checked, and opened anew where no answer comes", async () => {
  const { connection, made, clock, last } = fixture();
  connection.open();
  last().listener.opened(user);
  connection.check();
  last().listener.heard();
  await clock.advance(6_000);
  equal(connection.status.state, "open");
  connection.check();
  await clock.advance(60_000);
  equal([made[0].isClosed, made.length > 1], [true, true]);
});

test("after a sleep the connection is checked at once, also where nobody looks", async () => {
  const { connection, made, clock, last } = fixture();
  connection.open();
  last().listener.opened(user);
  await clock.advance(200_000);
  clock.sleep(60_000); // as late as a hidden page's timers are
  await clock.advance(0);
  equal(last().pokes, 0);
  clock.sleep(3_600_000);
  await clock.advance(0);
  equal([last().pokes, connection.status.state], [1, "open"]);
  await clock.advance(6_000);
  equal([made[0].isClosed, made.length], [true, 2]);
});

test("a join that is refused for a time is tried again, one refused for good is told", async () => {
  const { connection, clock, last, told } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  last().listener.opened(user);
  last().listener.failed({ type: "error", code: "unavailable", detail: "", room: "lobby", retry_after: 3 });
  await clock.advance(2_900);
  equal(last().joins.length, 1);
  await clock.advance(10_000);
  equal(last().joins.length, 2);
  last().listener.failed({ type: "error", code: "not_found", detail: "", room: "lobby" });
  equal([told.at(-1), connection.rooms()], [["left", "lobby", "not_found"], []]);
});

test("what is said of a room, and takes it from nobody, is no reason to leave it", async () => {
  const { connection, clock, last, told } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  last().listener.opened(user);
  last().listener.failed({ type: "error", code: "bad_request", detail: "typing before it was joined", room: "lobby" });
  await clock.advance(10_000);
  equal([connection.rooms(), told.filter(([name]) => name === "left"), last().joins.length], [["lobby"], [], 2]);
});

test("what is overheard goes through as it comes, asked for once it is open, and in no hurry after a break", async () => {
  const { connection, clock, last, told } = fixture();
  connection.open();
  last().listener.opened(user);
  connection.overhear(["den"]);
  equal(last().overheard, [["den"]]);
  last().listener.messages("den", 30, [{ ...row(40), room: "den" }]);
  last().listener.messages("yard", 30, [{ ...row(41), room: "yard" }]);
  equal(told.filter(([name]) => name === "messages"), [["messages", "den", 30, [{ ...row(40), room: "den" }]]]);
  last().listener.reset({ type: "reset", room: "den", after: 3, epoch: "f" });
  equal(connection.rooms(), []);
  last().listener.closed({ code: 1006 });
  await clock.until(() => connection.status.state === "connecting");
  last().listener.opened(user);
  equal(last().overheard, []);
  await clock.advance(3_000);
  equal(last().overheard, [["den"]]);
});

test("a room that is left and still overheard is asked for again", () => {
  const { connection, last } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  last().listener.opened(user);
  connection.overhear(["lobby", "den"]);
  connection.leave("lobby");
  equal(last().overheard, [["lobby", "den"], ["lobby", "den"]]);
  last().listener.left("den", "not_found");
  connection.leave("den");
  equal(last().overheard.length, 2);
});

test("a browser whose storage is full or refuses gets through all the same", () => {
  for (const kind of ["sse", "websocket"]) {
    const kept = storage();
    kept.setItem("chat:transport", JSON.stringify({ kind, at: new TestClock().now() }));
    kept.setItem = kept.removeItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const { connection, last, told } = fixture({ kept });
    connection.open();
    last().listener.opened(user);
    equal([last().kind, told.at(-1)[1].state], [kind, "open"]);
  }
});

test("what a clock that was fast wrote down is not remembered", () => {
  const kept = storage();
  kept.setItem("chat:transport", JSON.stringify({ kind: "longpoll", at: new TestClock().now() + 86_400_000 }));
  const { connection, last } = fixture({ kept });
  connection.open();
  equal(last().kind, "websocket");
});

test("a life that is over is not listened to", async () => {
  const { connection, made, clock, told } = fixture();
  connection.join("lobby", 7, "e");
  connection.open();
  made[0].listener.opened(user);
  made[0].listener.closed({ code: 1006 });
  await clock.advance(60_000);
  const before = told.length;
  made[0].listener.messages("lobby", 7, [row(8)]);
  made[0].listener.closed({});
  equal([told.length, connection.cursor("lobby")?.id], [before, 7]);
  await settled();
});

test("back-off grows to its cap, is spread from nothing on, and begins anew", () => {
  const most = new Backoff(() => 1, { base_ms: 500, cap_ms: 4_000 });
  equal(Array.from({ length: 6 }, () => most.next()), [500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  equal(new Backoff(() => 0).next({ atLeast_ms: 700, base_ms: 9_000 }), 700);
  most.reset();
  equal([most.next({ base_ms: 3_000 }), most.rested], [3_000, false]);
});
