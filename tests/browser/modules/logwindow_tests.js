// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { LogWindow } from "/static/rooms/js/logwindow.js";
import { MessageStore } from "/static/rooms/js/store.js";
import { chance, equal, ok, settled, test, whole } from "./check.js";

/**
 * @typedef {import("/static/rooms/js/protocol.js").Message} Message
 * @typedef {import("/static/rooms/js/logwindow.js").End} End
 */

/** @param {number} id @param {string} [kind] @returns {Message} */
const row = (id, kind = "message") => ({ id, room: "lobby", kind, created_at: "2026-11-20T12:00:00Z", body: `text ${id}` });
/** @param {number} id @param {number} target @returns {Message} */
const edit = (id, target) => ({ ...row(id, "edit"), target, body: `edit ${id}` });

/** A room on a server: pages are of the moment when they are asked for, and come when a test lets them. */
class FakeServer {
  epoch = "e";
  /** @type {Message[]} */
  log = [];
  /** @type {{name: string, go: () => void, fail: (error: Error) => void}[]} */
  asked = [];

  /** @param {number} count @param {(id: number) => Message} [make] */
  write(count, make = row) {
    const from = this.log.at(-1)?.id ?? 0;
    const rows = Array.from({ length: count }, (_, at) => make(from + 1 + at));
    this.log.push(...rows);
    return rows;
  }
  /** @param {Message} one */
  #now(one) {
    const last = this.log.findLast(({ target }) => target === one.id);
    return last ? { ...one, body: last.body, changed: last.id, edited_at: last.created_at } : one;
  }
  /** @param {string} name @param {Message[]} rows @param {number} asked @param {boolean} more */
  #page(name, rows, asked, more) {
    const messages = rows.map((one) => this.#now(one));
    const page = { room: "lobby", epoch: this.epoch, messages, last_id: rows.at(-1)?.id ?? asked, more };
    return new Promise((answer, fail) => this.asked.push({ name, go: () => answer(page), fail }));
  }
  /** @param {string} _room @param {number} id @param {{limit: number}} how */
  before(_room, id, { limit }) {
    const rows = this.log.filter((one) => one.id < id);
    return this.#page(`before ${id}`, rows.slice(-limit), id, rows.length > limit);
  }
  /** @param {string} _room @param {number} id @param {{limit: number}} how */
  after(_room, id, { limit }) {
    const rows = this.log.filter((one) => one.id > id);
    return this.#page(`after ${id}`, rows.slice(0, limit), id, rows.length > limit);
  }
  /** @param {string} _room @param {{limit: number}} how */
  newest(_room, { limit }) {
    return this.#page("newest", this.log.slice(-limit), 0, this.log.length > limit);
  }
  /** Answer all that was asked. */
  async answer() {
    for (const { go } of this.asked.splice(0)) go();
    await settled();
  }
  get names() {
    return this.asked.map(({ name }) => name);
  }
}

/** @param {number} length @param {{most?: number, page?: number}} [how] */
function fixture(length, how = {}) {
  const server = new FakeServer();
  server.write(length);
  const store = new MessageStore();
  /** @type {{end: End | null, resets: number, pages: number}} */
  const seen = { end: "older", resets: 0, pages: 0 };
  const log = new LogWindow({
    room: "lobby",
    api: /** @type {any} */ (server),
    store,
    me: 7,
    far: () => seen.end,
    onpage: () => (seen.pages += 1),
    onchange: () => {},
    onreset: () => (seen.resets += 1),
    ...{ most: 20, page: 10, anew: 10, ...how },
  });
  const { page = 10 } = how;
  const open = () =>
    log.open({ room: "lobby", epoch: "e", messages: server.log.slice(-page), last_id: server.log.at(-1)?.id ?? 0, more: length > page });
  open();
  return { server, store, log, seen, open, ids: () => [...store.messages()].map(({ id }) => id) };
}

/** @param {number} from @param {number} to */
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test("it is opened on the newest, and grows upwards page by page until the log begins", async () => {
  const { server, log, ids } = fixture(25, { most: 30 });
  equal([ids(), log.attached, log.state("older"), log.state("newer"), log.from], [range(16, 25), true, "idle", "complete", 16]);
  void log.load("older");
  void log.load("older");
  equal([server.names, log.state("older")], [["before 16"], "loading"]);
  await server.answer();
  equal([ids(), log.state("older")], [range(6, 25), "idle"]);
  void log.load("older");
  await server.answer();
  equal([log.state("older"), log.from], ["complete", 0]);
  await log.load("older");
  equal(server.names, []);
});

test("a room without a past is complete at once", () => {
  const { log } = fixture(0);
  equal([log.state("older"), log.state("newer"), log.attached], ["complete", "complete", true]);
});

test("history goes on above the first row of each page, also where that is no message", async () => {
  const { server, log } = fixture(0);
  server.write(3);
  server.write(12, (id) => edit(id, 2));
  server.write(10);
  log.open({ room: "lobby", epoch: "e", messages: server.log.slice(-10), last_id: 25, more: true });
  void log.load("older");
  await server.answer();
  void log.load("older");
  equal(server.names, ["before 6"]);
});

test("scrolling up lets go of the newest, and down of the oldest, which are read again", async () => {
  const { server, log, seen, ids } = fixture(60);
  seen.end = "newer";
  for (let at = 0; at < 3; at += 1) {
    void log.load("older");
    await server.answer();
  }
  equal([ids(), log.attached, log.state("newer")], [range(21, 40), false, "idle"]);
  seen.end = "older";
  void log.load("newer");
  await server.answer();
  equal([ids(), log.attached, log.state("older"), log.from], [range(31, 50), false, "idle", 31]);
  void log.load("newer");
  await server.answer();
  equal([ids(), log.attached, log.state("newer")], [range(41, 60), true, "complete"]);
});

test("what comes live is put in where the window reaches the newest, else it is counted, and changes what is held", async () => {
  const { server, log, ids, store } = fixture(60);
  const by = (/** @type {number} */ user) => (/** @type {number} */ id) => ({ ...row(id), author: { id: user, name: "n" } });
  log.live(server.write(2, by(8)));
  log.live(server.write(1, by(7)));
  equal([ids().slice(-3), log.unseen(60), log.unseen(61)], [[61, 62, 63], 2, 1]);
  void log.around(20);
  await server.answer();
  log.live(server.write(3, by(8)));
  log.live(server.write(1, (id) => edit(id, 20)));
  equal([ids(), log.attached, store.get(20)?.body, log.unseen(62)], [range(10, 29), false, "edit 67", 3]);
});

test("what comes live while the last page below is under way leaves no gap", async () => {
  const { server, log, ids } = fixture(40);
  void log.around(25);
  await server.answer();
  equal([ids(), log.attached], [range(15, 34), false]);
  void log.load("newer");
  log.live(server.write(3));
  await server.answer();
  equal([ids().at(-1), log.attached, log.state("newer")], [40, false, "idle"]);
  void log.load("newer");
  await server.answer();
  log.live(server.write(1));
  equal([ids(), log.attached], [range(25, 44), true]);
});

test("a change to what is under way is kept, whatever is let go of meanwhile", async () => {
  const { server, log, store } = fixture(60, { most: 10 });
  const found = log.around(20);
  log.live(server.write(1, (id) => edit(id, 20)));
  log.live(server.write(3));
  await server.answer();
  equal([await found, store.get(20)?.body], ["here", "edit 61"]);
  void log.load("newer");
  void log.load("older");
  log.live(server.write(1, (id) => edit(id, 31)));
  const [newer, older] = server.asked.splice(0);
  older.go();
  await settled();
  equal([store.size, store.get(31)], [10, undefined]);
  newer.go();
  await settled();
  equal(store.get(31)?.body, "edit 65");
});

test("where the head itself is gone from the log, the end is still reached", async () => {
  const { server, log, ids } = fixture(40);
  void log.around(25);
  await server.answer();
  server.log.splice(-3);
  for (const attached of [false, true]) {
    void log.load("newer");
    await server.answer();
    equal([ids().at(-1), log.attached], [37, attached]);
  }
});

test("a window is laid around a message, and back at the newest", async () => {
  const { server, log, ids } = fixture(100);
  const found = log.around(30);
  equal(server.names, ["before 30", "after 29"]);
  await server.answer();
  equal([await found, ids(), log.state("older"), log.state("newer")], ["here", range(20, 39), "idle", "idle"]);
  equal([await log.around(25), server.names], ["here", []]);
  log.live(server.write(1));
  const down = log.newest();
  await server.answer();
  equal([await down, ids(), log.attached, log.from], ["here", range(92, 101), true, 92]);
  equal([await log.newest(), server.names], ["here", []]);
});

test("a message at either end of the log has a window, too", async () => {
  const { server, log, ids } = fixture(100, { most: 10 });
  void log.around(1);
  await server.answer();
  equal([ids(), log.state("older"), log.from, log.attached], [range(1, 10), "complete", 0, false]);
  void log.around(96);
  await server.answer();
  equal([ids(), log.attached, log.state("newer")], [range(86, 100), true, "complete"]);
});

test("what is gone, is no message, or was never said here, is said to be gone, and the window stays", async () => {
  const { server, log, ids } = fixture(20);
  server.log.splice(4, 1);
  server.log[5] = edit(7, 3);
  for (const id of [5, 7]) {
    const found = log.around(id);
    await server.answer();
    equal([await found, ids(), log.state("older")], ["gone", range(11, 20), "idle"]);
  }
  equal([await log.around(21), server.names], ["gone", []]);
});

test("the later of two wishes is granted", async () => {
  const { server, log, ids } = fixture(100);
  const [first, second] = [log.around(30), log.around(60)];
  await server.answer();
  equal([await first, await second, ids()[0]], ["overtaken", "here", 50]);
  const third = log.around(20);
  equal(await log.around(61), "here");
  await server.answer();
  equal([await third, ids()[0]], ["overtaken", 50]);
});

test("a page that could not be read can be asked for again", async () => {
  const { server, log, seen } = fixture(100);
  void log.load("older");
  server.asked.splice(0)[0].fail(new Unreachable("cut"));
  await settled();
  equal(log.state("older"), "failed");
  void log.load("older");
  equal(server.names, ["before 91"]);
  await server.answer();
  const found = log.around(5);
  for (const { fail } of server.asked.splice(0)) fail(new Unreachable("cut"));
  equal([await found, log.state("older"), log.attached, seen.resets], ["failed", "idle", true, 0]);
});

test("what was asked for before a reset is nobody's, and another epoch is a reset", async () => {
  const { server, log, seen, open, ids } = fixture(100);
  void log.load("older");
  log.reset();
  equal([ids(), log.state("older"), log.state("newer")], [[], "complete", "complete"]);
  open();
  await server.answer();
  equal([ids(), seen.pages], [range(91, 100), 0]);
  void log.load("older");
  server.asked.splice(0)[0].fail(new Problem(409, "reset", "", undefined));
  await settled();
  const found = log.around(5);
  for (const { fail } of server.asked.splice(0)) fail(new Problem(409, "reset", "", undefined));
  equal([await found, seen.resets], ["overtaken", 2]);
});

test("nothing is let go of while a text is edited in a row", async () => {
  const { server, log, seen, ids } = fixture(100);
  seen.end = null;
  for (let at = 0; at < 4; at += 1) {
    void log.load("older");
    await server.answer();
  }
  equal([ids(), log.attached], [range(51, 100), true]);
});

test("whatever is asked for, in whatever order it comes, the window has no gap, is bounded, and as the log says", async () => {
  for (let seed = 1; seed <= 250; seed += 1) {
    const random = chance(seed);
    const { server, store, log, seen } = fixture(whole(random, 120));
    for (let step = 0; step < 60; step += 1) {
      const dice = random();
      seen.end = random() < 0.5 ? "older" : "newer";
      if (dice < 0.3) {
        const { length } = server.log;
        const make = random() < 0.5 || length === 0 ? row : (/** @type {number} */ id) => edit(id, 1 + whole(random, length));
        const target = make(length + 1).target;
        if (target === undefined || server.log[target - 1].kind === "message") log.live(server.write(1, make));
      } else if (dice < 0.5) void log.load("older");
      else if (dice < 0.7) void log.load("newer");
      else if (dice < 0.76) void log.around(1 + whole(random, server.log.length + 1));
      else if (dice < 0.8) void log.newest();
      else {
        const [one] = server.asked.splice(whole(random, server.asked.length), 1);
        one?.go();
        await settled();
      }
      // While somewhere else is gone to, nothing is let go of.
      ok(server.asked.length > 0 || store.size <= 20, `seed ${seed}: ${store.size} are held`);
    }
    while (server.asked.length > 0) await server.answer();
    log.live(server.write(1));
    ok(store.size <= 20, `seed ${seed}: ${store.size} are held`);
    const held = [...store.messages()];
    const [first, last] = [held[0]?.id ?? 0, held.at(-1)?.id ?? 0];
    const wanted = server.log.filter(({ id, kind }) => id >= first && id <= last && kind === "message");
    const text = (/** @type {number} */ id) => server.log.findLast(({ target }) => target === id)?.body ?? `text ${id}`;
    equal(held.map(({ id, body }) => [id, body]), wanted.map(({ id }) => [id, text(id)]), `seed ${seed}`);
    if (log.attached) equal(last, server.log.findLast(({ kind }) => kind === "message")?.id ?? 0, `seed ${seed}`);
    if (log.from === 0) equal(first, server.log[0]?.id ?? 0, `seed ${seed}`);
  }
});
