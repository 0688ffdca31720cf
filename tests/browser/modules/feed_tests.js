// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { RoomFeed } from "/static/rooms/js/feed.js";
import { chance, equal, ok, settled, test, TestClock, whole } from "./check.js";

const row = (/** @type {number} */ id) => ({ id, room: "lobby", kind: "message", created_at: "t" });
const ids = (/** @type {{id: number}[]} */ rows) => rows.map(({ id }) => id);

/** A room on a server that a test writes to. */
class FakeServer {
  epoch = "e";
  /** @type {any[]} */
  log = [];
  /** @type {(() => Promise<void>) | null} what happens before an answer */
  before = null;
  reads = 0;
  /** @param {number} count */
  write(count) {
    const from = this.log.at(-1)?.id ?? 0;
    const rows = Array.from({ length: count }, (_, at) => row(from + 1 + at));
    this.log.push(...rows);
    return rows;
  }
  /** @param {any[]} rows @param {number} cursor @param {boolean} more */
  page(rows, cursor, more) {
    return { room: "lobby", epoch: this.epoch, messages: rows, last_id: rows.at(-1)?.id ?? cursor, more };
  }
  async newest() {
    this.reads += 1;
    const page = this.page(this.log.slice(-50), 0, this.log.length > 50);
    await this.before?.();
    return page;
  }
  /** @param {string} _room @param {number} cursor @param {{epoch?: string, limit?: number}} how */
  async after(_room, cursor, { epoch, limit = 50 }) {
    this.reads += 1;
    const rows = this.log.filter(({ id }) => id > cursor);
    const page = this.page(rows.slice(0, limit), cursor, rows.length > limit);
    const holds = epoch === this.epoch;
    await this.before?.();
    if (!holds) throw new Problem(409, "reset", "", undefined);
    return page;
  }
}

function fixture() {
  const server = new FakeServer();
  const clock = new TestClock();
  /** @type {any[]} */
  const told = [];
  /** @type {number[]} */
  let seen = [];
  const feed = new RoomFeed({
    room: "lobby",
    api: /** @type {any} */ (server),
    clock,
    reader: {
      opened: (page) => (told.push("opened"), (seen = ids(page.messages))),
      messages: (rows) => void seen.push(...ids(rows)),
      reset: () => (told.push("reset"), (seen = [])),
      left: (code) => void told.push(`left ${code}`),
    },
  });
  return { server, clock, feed, told, seen: () => seen };
}

test("it opens on the newest page, and its cursor is where the next batch joins on", async () => {
  const { server, feed, told, seen } = fixture();
  server.write(120);
  feed.wake();
  await settled();
  equal([told, seen().length, feed.cursor], [["opened"], 50, { id: 120, epoch: "e" }]);
  feed.batch(120, [row(121)]);
  equal([seen().at(-1), server.reads], [121, 1]);
});

test("a page that is old already is enough to begin with: what came since is read, or the epoch is over", async () => {
  const { server, feed, told, seen } = fixture();
  server.write(60);
  feed.begin(await server.newest());
  server.write(300);
  feed.wake();
  await settled();
  equal([told, seen(), server.reads], [["opened"], ids(server.log.slice(10)), 3]);
  const old = { ...server.page([row(1)], 0, false), epoch: "of yore" };
  feed.begin(old);
  feed.wake();
  await settled();
  equal([told.slice(1), feed.cursor], [["opened", "reset", "opened"], { id: 360, epoch: "e" }]);
});

test("a batch that does not join on is read from the server, with all between", async () => {
  const { server, feed, seen } = fixture();
  server.write(3);
  feed.wake();
  await settled();
  server.write(500);
  feed.batch(500, [row(503)]);
  await settled();
  await settled();
  equal(seen(), ids(server.log));
});

test("being told of a newer id is enough to get there", async () => {
  const { server, feed, seen } = fixture();
  feed.wake();
  await settled();
  server.write(2);
  feed.told(2, "e");
  await settled();
  equal(seen(), [1, 2]);
});

test("what comes while it reads is there once, whichever was first", async () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const random = chance(seed);
    const { server, feed, seen } = fixture();
    server.write(whole(random, 5));
    server.before = async () => {
      for (let turn = whole(random, 6); turn > 0; turn -= 1) await Promise.resolve();
    };
    feed.wake();
    await settled();
    for (let step = 0; step < 40; step += 1) {
      const prev = server.log.at(-1)?.id ?? 0;
      const rows = server.write(1 + whole(random, 3));
      const dice = random();
      if (dice < 0.5) feed.batch(prev, rows);
      else if (dice < 0.7) feed.told(server.log[server.log.length - 1].id, "e");
      else if (dice < 0.8) feed.wake();
      for (let turn = whole(random, 8); turn > 0; turn -= 1) await Promise.resolve();
    }
    feed.told(server.log[server.log.length - 1].id, "e");
    for (let turn = 0; turn < 20; turn += 1) await settled();
    equal(seen(), ids(server.log), `seed ${seed}`);
  }
});

test("another epoch throws away what is held and begins with the newest page", async () => {
  const { server, feed, told, seen } = fixture();
  server.write(5);
  feed.wake();
  await settled();
  server.epoch = "f";
  server.log.splice(2);
  feed.told(2, "f");
  await settled();
  equal([told, seen(), feed.cursor], [["opened", "reset", "opened"], [1, 2], { id: 2, epoch: "f" }]);
});

test("an answer to a question from before a reset is nobody's", async () => {
  const { server, feed, seen } = fixture();
  server.write(3);
  feed.wake();
  await settled();
  let release = () => {};
  server.before = () => new Promise((go) => (release = () => go(undefined)));
  server.write(1);
  feed.told(4, "e");
  await settled();
  server.before = null;
  server.log = [row(1)];
  feed.reset();
  release();
  await settled();
  equal(seen(), [1]);
});

test("a server that is away is asked again, with a growing wait, until it answers", async () => {
  const { server, clock, feed, seen } = fixture();
  server.write(3);
  server.before = async () => {
    throw new Unreachable("away");
  };
  feed.wake();
  await clock.advance(600_000);
  ok(server.reads > 5 && server.reads < 70, `asked ${server.reads} times in ten minutes`);
  server.before = null;
  await clock.advance(31_000);
  equal(seen(), [1, 2, 3]);
});

test("a room that is not ours any more is left, and asked for no more", async () => {
  const { server, clock, feed, told } = fixture();
  feed.wake();
  await settled();
  server.before = async () => {
    throw new Problem(404, "not_found", "", undefined);
  };
  feed.told(5, "e");
  await clock.advance(100_000);
  feed.told(6, "e");
  await settled();
  equal([told, server.reads], [["opened", "left not_found"], 2]);
});
