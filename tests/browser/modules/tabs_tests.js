// @ts-check
import { localBuses } from "/static/rooms/js/bus.js";
import { Cursor } from "/static/rooms/js/cursor.js";
import { Election, holdForLife } from "/static/rooms/js/election.js";
import { Hub } from "/static/rooms/js/hub.js";
import { Line } from "/static/rooms/js/line.js";
import { newNonce } from "/static/rooms/js/nonce.js";
import { equal, ok, settled, test, TestClock } from "./check.js";

/** A bus of any number of ends. */
function manyEnds() {
  /** @type {Set<{hear: (message: any) => void}>} */
  const ends = new Set();
  return () => {
    const end = { hear: (/** @type {any} */ _message) => {} };
    ends.add(end);
    return {
      post: (/** @type {any} */ message) => {
        for (const other of ends) if (other !== end) queueMicrotask(() => other.hear(structuredClone(message)));
      },
      listen: (/** @type {(message: any) => void} */ listener) => void (end.hear = listener),
      close: () => void ends.delete(end),
    };
  };
}

/** A connection that writes down what is asked of it. */
class FakeConnection {
  /** @param {any} outlet */
  constructor(outlet) {
    this.outlet = outlet;
    this.status = { state: "open", transport: "websocket", session: "s" };
    /** @type {Map<string, Cursor>} */
    this.held = new Map();
    /** @type {string[]} */
    this.calls = [];
  }
  rooms() {
    return [...this.held.keys()];
  }
  /** @param {string} room */
  cursor(room) {
    return this.held.get(room);
  }
  /** @param {string} room @param {number} after @param {string} epoch */
  join(room, after, epoch) {
    this.calls.push(`join ${room} ${after}`);
    this.held.set(room, new Cursor(after, epoch));
  }
  /** @param {string} room */
  leave(room) {
    this.calls.push(`leave ${room}`);
    this.held.delete(room);
  }
  attend() {}
  open() {
    this.calls.push("open");
  }
  pause() {
    this.calls.push("pause");
  }
  keepUp() {}
  /** @param {string[]} rooms */
  overhear(rooms) {
    this.calls.push(`overhear ${rooms}`);
  }
  /** @param {object} frame */
  send(frame) {
    this.calls.push(`send ${JSON.stringify(frame)}`);
  }
  check() {
    this.calls.push("check");
  }
}

function fixture() {
  const end = manyEnds();
  const clock = new TestClock();
  /** @type {FakeConnection[]} */
  const connections = [];
  /** @type {Map<string, () => void>} */
  const gone = new Map();
  const hub = () => {
    const made = new Hub({
      bus: end(),
      connect: /** @type {any} */ ((/** @type {any} */ outlet) => {
        const connection = new FakeConnection(outlet);
        connections.push(connection);
        return connection;
      }),
      watch: (tab, left) => void gone.set(tab, left),
    });
    made.open();
    return made;
  };
  const tab = (/** @type {string} */ name, silent = () => {}) => {
    /** @type {any[]} */
    const heard = [];
    const line = new Line({ bus: end(), tab: name, clock, visible: () => true, silent });
    line.hear = (told) => void heard.push(told);
    line.open();
    return { line, heard };
  };
  return { hub, tab, clock, connections, gone };
}

test("rooms that several tabs want are joined once, and left when the last tab is gone", async () => {
  const { hub, tab, connections, gone } = fixture();
  hub();
  const [one, two] = [tab("one"), tab("two")];
  one.line.want("lobby", () => new Cursor(5, "e"));
  two.line.want("lobby", () => new Cursor(9, "e"));
  two.line.want("den", () => new Cursor(1, "e"));
  await settled();
  equal(connections[0].calls, ["open", "join lobby 5", "join den 1"]);
  one.line.enough("lobby");
  await settled();
  equal(connections[0].rooms(), ["lobby", "den"]);
  gone.get("two")?.();
  await settled();
  equal(connections[0].rooms(), []);
});

test("what comes goes to every tab with the id that it joins on to", async () => {
  const { hub, tab, connections } = fixture();
  hub();
  const tabs = [tab("one"), tab("two")];
  await settled();
  connections[0].outlet.messages("lobby", 5, [{ id: 6 }]);
  await settled();
  for (const { heard } of tabs) equal(heard.at(-1), { op: "messages", room: "lobby", prev: 5, messages: [{ id: 6 }] });
});

test("a tab that comes in is told how far the others are", async () => {
  const { hub, tab, connections } = fixture();
  hub();
  tab("one").line.want("lobby", () => new Cursor(9, "e"));
  await settled();
  const late = tab("late");
  late.line.want("lobby", () => new Cursor(4, "e"));
  await settled();
  ok(late.heard.some((told) => told.op === "at" && told.id === 9), "told");
  equal(connections[0].calls.filter((call) => call.startsWith("join")).length, 1);
});

test("a tab that comes in is told who is there, and nothing of that once the connection was cut", async () => {
  const { hub, tab, connections } = fixture();
  hub();
  tab("one").line.want("lobby", () => new Cursor(9, "e"));
  await settled();
  const [{ outlet }] = connections;
  const aside = { type: "presence", room: "lobby", users: [{ id: 3, name: "ana" }] };
  outlet.aside(aside);
  const late = tab("late");
  late.line.want("lobby", () => new Cursor(9, "e"));
  await settled();
  const told = (/** @type {{heard: any[]}} */ { heard }) => heard.filter(({ op }) => op === "aside");
  equal(told(late).at(-1), { op: "aside", room: "lobby", aside });
  outlet.status({ state: "waiting", transport: "websocket", session: "s" });
  const later = tab("later");
  later.line.want("lobby", () => new Cursor(9, "e"));
  await settled();
  equal(told(later), []);
});

test("what one tab has read the others hear, though the server does not tell this connection", async () => {
  const { hub, tab } = fixture();
  hub();
  const [one, two] = [tab("one"), tab("two")];
  one.line.send({ type: "read", room: "lobby", id: 9 });
  await settled();
  equal(two.heard.at(-1), { op: "aside", room: "lobby", aside: { type: "read", room: "lobby", id: 9 } });
});

test("what tabs overhear is asked for together, and only where it changes", async () => {
  const { hub, tab, connections, gone } = fixture();
  const first = hub();
  const [one, two] = [tab("one"), tab("two")];
  one.line.overhear(["den", "attic"]);
  two.line.overhear(["attic"]);
  two.line.overhear(["yard", "attic"]);
  await settled();
  gone.get("two")?.();
  one.line.again();
  await settled();
  equal(connections[0].calls, ["open", "overhear attic,den", "overhear attic,den,yard", "overhear attic,den"]);
  connections[0].outlet.overhearing([{ room: "den", last_id: 4 }]);
  connections[0].outlet.nudged();
  await settled();
  equal(one.heard.slice(-2), [{ op: "overhearing", rooms: [{ room: "den", last_id: 4 }] }, { op: "nudged" }]);
  first.close();
  hub();
  await settled();
  equal(connections[1].calls.at(-1), "overhear attic,den,yard"); // two's lock is asked for anew
});

test("a hub gives what comes to its herald, who is told which tabs show what, the last looked at last", async () => {
  const end = manyEnds();
  /** @type {Map<string, () => void>} */
  const gone = new Map();
  /** @type {any[]} */
  const news = [];
  /** @type {() => any[]} */
  let looks = () => [];
  /** @type {any} */
  let outlet = null;
  const made = new Hub({
    bus: end(),
    connect: /** @type {any} */ ((/** @type {any} */ told) => ((outlet = told), new FakeConnection(told))),
    watch: (name, left) => void gone.set(name, left),
    herald: (office) => ((looks = office.looks), (room, messages) => news.push([room, messages.length])),
  });
  made.open();
  const line = (/** @type {string} */ name) => new Line({ bus: end(), tab: name, clock: new TestClock(), visible: () => true, silent: () => {} });
  const [one, two] = [line("one"), line("two")];
  one.look("lobby", true);
  two.look("lobby", false);
  await settled();
  one.look("lobby", true);
  one.look("lobby", false);
  await settled();
  outlet.messages("lobby", 5, [{ id: 6 }]);
  equal([looks().map(({ tab: name, looking }) => [name, looking]), news], [[["two", false], ["one", false]], [["lobby", 1]]]);
  gone.get("one")?.();
  equal(looks().length, 1);
});

test("what one tab mutes all tabs hear", async () => {
  const { hub, tab } = fixture();
  hub();
  const [one, two] = [tab("one"), tab("two")];
  one.line.muted("lobby", true);
  await settled();
  for (const { heard } of [one, two]) equal(heard.at(-1), { op: "muted", room: "lobby", muted: true });
});

test("a new hub asks all tabs and goes on after a cursor of theirs", async () => {
  const { hub, tab, connections } = fixture();
  const first = hub();
  let at = 5;
  tab("one").line.want("lobby", () => new Cursor(at, "e"));
  await settled();
  first.close();
  at = 8;
  hub();
  await settled();
  equal(connections[1].calls, ["open", "join lobby 8"]);
});

test("of two epochs the server is asked which holds", async () => {
  const { hub, tab, connections } = fixture();
  hub();
  tab("one").line.want("lobby", () => new Cursor(9, "e"));
  await settled();
  tab("two").line.want("lobby", () => new Cursor(2, "f"));
  await settled();
  equal(connections[0].calls.at(-1), "join lobby 2");
});

test("a page that comes to a hub whose user had logged out makes it ask again", async () => {
  const { hub, tab, connections } = fixture();
  hub();
  connections[0].status = { ...connections[0].status, state: "logged-out" };
  tab("one").line.want("lobby", () => new Cursor(9, "e"));
  await settled();
  equal(connections[0].calls, ["open", "join lobby 9", "open"]);
});

test("a hub that does not answer is noticed by a tab that is looked at, one that answers is not", async () => {
  const { hub, tab, clock } = fixture();
  const alive = hub();
  let silent = 0;
  tab("one", () => (silent += 1));
  await clock.advance(60_000);
  equal(silent, 0);
  alive.close();
  await clock.advance(16_000);
  ok(silent > 0, "noticed");
});

test("a tab that slept asks whether the connection is still there", async () => {
  const { hub, tab, connections, clock } = fixture();
  hub();
  const { line } = tab("one");
  await settled();
  clock.now = () => 99_000_000;
  line.ping();
  await settled();
  ok(connections[0].calls.includes("check"), "asked");
});

test("of several tabs one holds the office; when it leaves another has it", async () => {
  const name = newNonce();
  /** @type {string[]} */
  const story = [];
  const elect = (/** @type {string} */ who) =>
    new Election({ locks: navigator.locks, name, won: () => story.push(`${who} won`), lost: () => story.push(`${who} lost`) });
  const [one, two, three] = ["one", "two", "three"].map(elect);
  one.enter();
  two.enter();
  await until(() => story.length === 1);
  one.leave();
  await until(() => story.length === 2);
  three.seize();
  await until(() => story.length === 4);
  equal(story.slice(0, 2), ["one won", "two won"]);
  equal(story.slice(2).sort(), ["three won", "two lost"]);
  three.leave();
  await until(() => story.length === 5); // whoever lost it stands again
  equal(story[4], "two won");
  two.leave();
});

test("a lock held for life is got by nobody else", async () => {
  const name = newNonce();
  await holdForLife(navigator.locks, name);
  const got = await navigator.locks.request(name, { ifAvailable: true }, (lock) => lock !== null);
  equal(got, false);
});

test("where the browser refuses its locks, who wants one for life hears of it", async () => {
  const refused = () => Promise.reject(new DOMException("The request was denied.", "SecurityError"));
  const locks = /** @type {any} */ ({ request: refused });
  equal(await Promise.race([holdForLife(locks, "n").catch(({ name }) => name), settled()]), "SecurityError");
});

test("inside one page both ends talk without a channel", async () => {
  const [one, other] = localBuses();
  /** @type {any[]} */
  const heard = [];
  one.listen((message) => heard.push(["one", message]));
  other.listen((message) => heard.push(["other", message]));
  one.post({ ask: "ping" });
  other.post({ op: "new" });
  await settled();
  equal(heard, [["other", { ask: "ping" }], ["one", { op: "new" }]]);
});

/** @param {() => boolean} so */
async function until(so) {
  for (let turn = 0; turn < 1_000 && !so(); turn += 1) {
    await new Promise((next) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (port1.close(), next(undefined));
      port2.postMessage(null);
    });
  }
  ok(so(), "it did not come to it");
}
