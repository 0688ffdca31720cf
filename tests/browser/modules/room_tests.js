// @ts-check
import { parseMessage, parseRoom } from "/static/rooms/js/protocol.js";
import { ReadMarker } from "/static/rooms/js/readmarker.js";
import { RoomState, whyNot } from "/static/rooms/js/roomstate.js";
import { equal, settled, test, TestClock, throws } from "./check.js";

/** @typedef {import("/static/rooms/js/protocol.js").Message} Message */

const ROOM = {
  room: "r", name: "R", topic: "", visibility: "public", archived: false, read_only: false, slow_mode: 0,
  post: true, moderate: false, manage: false,
};

/** @param {number} id @param {import("/static/rooms/js/protocol.js").Notice} told @returns {Message} */
const notice = (id, told) => ({ id, room: "r", kind: "notice", created_at: "t", notice: told });

/** @param {object} [more] what asking gives */
function fixture(more = {}) {
  let asked = 0;
  let changes = 0;
  const state = new RoomState({
    room: ROOM,
    at: 10,
    me: 7,
    ask: () => ((asked += 1), Promise.resolve({ ...ROOM, ...more })),
    onchange: () => (changes += 1),
  });
  return { state, asked: () => asked, changes: () => changes };
}

test("notices change what a room is, without asking", () => {
  const { state, asked } = fixture();
  state.told([
    notice(11, { event: "renamed", value: "New" }),
    notice(12, { event: "topic", value: "of today" }),
    notice(13, { event: "slow_mode", value: 30 }),
    notice(14, { event: "read_only", value: true }),
    notice(15, { event: "archived" }),
  ]);
  const { name, topic, slow_mode, read_only, archived } = state.now;
  equal([name, topic, slow_mode, read_only, archived, asked()], ["New", "of today", 30, true, true, 0]);
  state.told([notice(16, { event: "unarchived" }), notice(17, { event: "topic", value: "" })]);
  equal([state.now.archived, state.now.topic], [false, ""]);
});

test("what the page knew already is not applied again", () => {
  const { state, changes } = fixture();
  state.opened({ messages: [notice(9, { event: "topic", value: "old" }), notice(10, { event: "archived" })], more: true });
  equal([state.now.topic, state.now.archived, changes()], ["", false, 0]);
});

test("where notices may have been left out it is read anew", async () => {
  const { state, asked } = fixture({ name: "Newest" });
  state.opened({ messages: [notice(90, { event: "topic", value: "new" })], more: true });
  await settled();
  equal([asked(), state.now.name], [1, "Newest"]);
});

test("what is told of oneself is asked for, of others it is not, and never twice at a time", async () => {
  const { state, asked } = fixture({ muted_until: "" });
  state.told([notice(11, { event: "muted", about: { id: 8, name: "ben" } }), notice(12, { event: "poll" })]);
  equal(asked(), 0);
  state.told([notice(13, { event: "muted", about: { id: 7, name: "ana" } })]);
  state.told([notice(14, { event: "role", value: "moderator", about: { id: 7, name: "ana" } })]);
  equal(asked(), 1);
  await settled();
  equal([asked(), state.now.muted_until], [2, ""]);
});

test("why one may not post", () => {
  const later = new Date(60_000).toISOString();
  equal(
    [
      whyNot(ROOM, true, 0),
      whyNot(ROOM, false, 0),
      whyNot({ ...ROOM, archived: true, moderate: true }, true, 0),
      whyNot({ ...ROOM, read_only: true }, true, 0),
      whyNot({ ...ROOM, read_only: true, moderate: true }, true, 0),
      whyNot({ ...ROOM, muted_until: "" }, true, 0),
      whyNot({ ...ROOM, muted_until: later }, true, 59_999),
      whyNot({ ...ROOM, muted_until: later }, true, 60_000),
    ],
    ["", "guest", "archived", "read_only", "", "muted", "muted", ""],
  );
});

test("the marker is told at once, then at most once a second, and never back", async () => {
  const clock = new TestClock();
  /** @type {number[]} */
  const told = [];
  const marker = new ReadMarker({ from: 5, clock, tell: (id) => (told.push(id), Promise.resolve()) });
  for (const id of [5, 4, 6, 7, 9, 8]) marker.seen(id);
  equal(told, [6]);
  await clock.advance(999);
  equal(told, [6]);
  await clock.advance(5_000);
  equal([told, clock.pending], [[6, 9], 0]);
});

test("a marker that could not be told waits for what is seen next, or for the server", async () => {
  const clock = new TestClock();
  /** @type {number[]} */
  const told = [];
  const marker = new ReadMarker({ from: 0, clock, tell: (id) => (told.push(id), Promise.reject(new Error("away"))) });
  marker.seen(6);
  await clock.advance(60_000);
  equal(told, [6]);
  marker.again();
  await clock.advance(60_000);
  equal(told, [6, 6]);
  marker.seen(7);
  equal(told, [6, 6, 7]);
});

test("what was told just before the connection broke is told again, what was told long before is not", async () => {
  const clock = new TestClock();
  /** @type {number[]} */
  const told = [];
  const marker = new ReadMarker({ from: 0, clock, tell: (id) => (told.push(id), Promise.resolve()) });
  marker.seen(6);
  await clock.advance(5_000);
  marker.again();
  await clock.advance(60_000);
  marker.again();
  await clock.advance(60_000);
  equal(told, [6, 6]);
});

test("a marker begins anew with a log of other ids, whatever of the old is still being told", async () => {
  const clock = new TestClock();
  /** @type {number[]} */
  const told = [];
  /** @type {(arrived?: unknown) => void} */
  let arrive = () => {};
  const late = new Promise((arrived) => (arrive = arrived));
  const marker = new ReadMarker({ from: 5, clock, tell: (id) => (told.push(id), id === 9 ? late : Promise.resolve()) });
  marker.seen(9);
  marker.reset();
  arrive();
  await clock.advance(5_000);
  marker.seen(2);
  marker.seen(3);
  await clock.advance(5_000);
  equal(told, [9, 2, 3]);
});

test("what a notice, a reaction and a mention are on the wire", () => {
  const bare = { id: 5, room: "r", kind: "notice", created_at: "t" };
  const told = { event: "muted", about: { id: 3, name: "ana" }, until: "u", more: 1 };
  equal(parseMessage({ ...bare, notice: told }).notice, { event: "muted", about: { id: 3, name: "ana" }, until: "u" });
  equal(parseMessage({ ...bare, notice: { event: "poll", value: { odd: 1 } } }).notice, { event: "poll" });
  const said = { ...bare, kind: "message", mentions: [{ id: "x", name: "Bo", more: 1 }] };
  equal(parseMessage(said).mentions, [{ id: "x", name: "Bo" }]);
  throws(() => parseMessage({ ...bare, reactions: [{ body: "x", count: 0, users: [] }] }), "a count of none");
  throws(() => parseMessage({ ...bare, notice: {} }), "a notice without an event");
  equal(parseRoom({ ...ROOM, muted_until: "", last_id: 3 }), { ...ROOM, muted_until: "" });
});
