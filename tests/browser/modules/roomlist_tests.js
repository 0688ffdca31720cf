// @ts-check
import { Problem } from "/static/rooms/js/api.js";
import { found } from "/static/rooms/js/finding.js";
import { parseRooms } from "/static/rooms/js/protocol.js";
import { grouped, inOrder, RoomList } from "/static/rooms/js/roomlist.js";
import { RoomNews } from "/static/rooms/js/roomnews.js";
import { RoomListView } from "/static/rooms/js/view/roomlist.js";
import { equal, ok, settled, storage, test, TestClock } from "./check.js";

/** @typedef {import("/static/rooms/js/protocol.js").Listed} Listed */
/** @typedef {import("/static/rooms/js/protocol.js").Message} Message */

const me = { id: 3, name: "ana" };
const ben = { id: 4, name: "ben" };

/** @param {string} room @param {Partial<Listed>} [more] @returns {Listed} */
const listed = (room, more = {}) => ({
  room, name: room, topic: "", visibility: "public", archived: false, read_only: false, slow_mode: 0, post: true, moderate: false, manage: false,
  role: "member", read: 10, last_id: 10, unread: 0, mentions: 0, ...more,
});

/** @param {number} id @param {Partial<Message>} [more] @returns {Message} */
const said = (id, more = {}) => ({ id, room: "den", kind: "message", author: ben, created_at: "t", ...more });

/** @param {Partial<Listed>} [more] */
function den(more = {}) {
  const list = new RoomList(me.id);
  list.load([listed("den", more)]);
  const counts = () => [list.get("den")?.unread, list.get("den")?.mentions];
  return { list, counts };
}

test("what is for one in person comes first, then what is unread, then names, whatever their case and marks", () => {
  const rooms = [
    listed("z", { name: "zeta" }),
    listed("ae", { name: "Ärger" }),
    listed("b", { name: "Beta" }),
    listed("u", { name: "unread", unread: 3 }),
    listed("n", { name: "named", mentions: 1 }),
    listed("d", { name: "direct", visibility: "direct", unread: 1 }),
    listed("m", { name: "muted", muted: true, mentions: 9, unread: 9 }),
  ];
  equal(inOrder(rooms).map(({ room }) => room), ["d", "n", "u", "ae", "b", "m", "z"]);
  const { rooms: open, people, archived } = grouped([...rooms, listed("o", { archived: true }), listed("p", { archived: true, visibility: "direct" })]);
  equal([open.length, people.map(({ room }) => room), archived.map(({ room }) => room)], [6, ["d"], ["o", "p"]]);
});

test("what others say is counted once, one's own is not, and who is named is told so", () => {
  const { list, counts } = den();
  equal(list.take("den", [said(9), said(10), said(11), said(12, { author: me }), said(13, { kind: "reaction" })]), false);
  list.take("den", [said(11), said(14, { mentions: [ben, me] })]);
  equal(counts(), [2, 1]);
});

test("a room that one neither belongs to nor has read counts only where one is named", () => {
  const { list, counts } = den();
  const { role: _role, read: _read, ...strange } = listed("den");
  list.load([strange]);
  list.take("den", [said(11), said(12, { mentions: [me] })]);
  equal([counts(), list.toOverhear()], [[0, 1], []]);
});

test("a hundred stands for more", () => {
  const { list, counts } = den({ unread: 99 });
  list.take("den", Array.from({ length: 150 }, (_, at) => said(11 + at)));
  equal(counts(), [100, 0]);
});

test("what is read is read; where the server's count is cut in two it is asked", () => {
  const { list, counts } = den({ unread: 2, mentions: 1 });
  list.take("den", [said(11), said(12, { mentions: [me] }), said(13)]);
  equal([list.read("den", 9), counts()], [false, [5, 2]]);
  equal([list.read("den", 11), counts()], [false, [2, 1]]);
  equal([list.read("den", 13), counts()], [false, [0, 0]]);
  const other = den({ read: 5, unread: 3 });
  equal([other.list.read("den", 8), other.counts()], [true, [3, 0]]);
});

test("an answer that does not know yet what was read here does not bring it back", () => {
  const { list, counts } = den();
  list.take("den", [said(11)]);
  list.read("den", 11);
  list.load([listed("den", { unread: 1, last_id: 11 })]);
  equal(counts(), [0, 0]);
});

test("notices change a room without asking, and what is told of oneself is asked for", () => {
  const { list } = den();
  const notice = (/** @type {number} */ id, /** @type {any} */ told) => said(id, { kind: "notice", notice: told });
  const events = [
    notice(11, { event: "renamed", value: "Lair" }), notice(12, { event: "topic", value: "dark" }),
    notice(13, { event: "visibility", value: "private" }), notice(14, { event: "archived" }), notice(15, { event: "poll" }),
  ];
  equal(list.take("den", events), false);
  const now = list.get("den");
  equal([now?.name, now?.topic, now?.visibility, now?.archived, now?.post, now?.unread], ["Lair", "dark", "private", true, false, 0]);
  list.take("den", [notice(16, { event: "unarchived" }), notice(17, { event: "read_only", value: true })]);
  equal([list.get("den")?.archived, list.get("den")?.post], [false, false]);
  equal(list.take("den", [notice(18, { event: "left", about: ben })]), false);
  equal(list.take("den", [notice(19, { event: "left", about: me })]), true);
});

test("an edit that names one, what is taken back where one was named, and a room that is not known are asked for", () => {
  const { list } = den();
  equal(list.take("den", [said(11, { kind: "edit", target: 9 }), said(12, { kind: "redaction", target: 9 })]), false);
  equal(list.take("den", [said(13, { kind: "edit", target: 9, mentions: [me] })]), true);
  equal(den({ mentions: 1 }).list.take("den", [said(13, { kind: "redaction", target: 9 })]), true);
  equal(list.take("yard", [said(30)]), true);
});

test("fifty rooms are overheard, where one may be told of something, the unread and the lively first", () => {
  const list = new RoomList(me.id);
  const many = Array.from({ length: 120 }, (_, at) => listed(`r${at}`, { last_id: at }));
  list.load([...many, listed("old", { archived: true }), listed("hush", { muted: true }), listed("quiet", { unread: 1, last_id: 0 })]);
  const heard = new Set(list.toOverhear());
  equal([heard.size, heard.has("r119"), heard.has("r71"), heard.has("r70"), heard.has("quiet"), heard.has("hush"), heard.has("old")], [50, true, true, false, true, false, false]);
});

/** @param {{kept?: Storage, visible?: boolean, random?: number}} [how] */
function newsFixture({ kept = storage(), visible = true, random = 0.5 } = {}) {
  const clock = new TestClock(() => random);
  const state = { asked: 0, shown: 0, answer: async () => /** @type {any} */ ({ user: me, rooms: [listed("den"), listed("yard")] }) };
  /** @type {string[][]} */
  const overheard = [];
  const news = new RoomNews({
    user: me,
    api: { list: () => ((state.asked += 1), state.answer()) },
    line: { overhear: (rooms) => void overheard.push(rooms) },
    clock,
    storage: kept,
    visible: () => visible,
    onchange: () => (state.shown += 1),
  });
  return { news, clock, state, overheard, kept };
}

test("a page asks once, overhears what it is told of, and is not asked again by what it can count", async () => {
  const { news, clock, state, overheard } = newsFixture();
  news.open(() => true);
  await settled();
  equal([state.asked, overheard], [1, [["den", "yard"]]]);
  news.told({ op: "overhearing", rooms: [{ room: "den", last_id: 10 }] });
  news.told({ op: "messages", room: "den", prev: 10, messages: [said(11)] });
  await clock.advance(25_000);
  equal([state.asked, news.list.get("den")?.unread], [1, 1]);
});

test("whatever must be asked for is asked soon, and twice in twenty seconds, however much of it there is", async () => {
  const { news, clock, state } = newsFixture();
  news.open(() => true);
  await clock.advance(20_000);
  for (let turn = 0; turn < 50; turn += 1) news.told({ op: "nudged" });
  await clock.advance(400);
  equal(state.asked, 1);
  await clock.advance(200);
  equal(state.asked, 2);
  news.told({ op: "nudged" });
  await clock.advance(2_600);
  equal(state.asked, 3);
  for (let turn = 0; turn < 34; turn += 1) {
    news.told({ op: "nudged" });
    await clock.advance(500);
  }
  equal(state.asked, 3);
  await clock.advance(1_000);
  equal(state.asked, 4);
});

test("a room that went on unheard is asked for, and what is said while the server answers is not lost", async () => {
  const { news, clock, state } = newsFixture();
  news.open(() => true);
  await clock.advance(15_000);
  news.told({ op: "overhearing", rooms: [{ room: "den", last_id: 12 }] });
  state.answer = async () => {
    news.told({ op: "messages", room: "den", prev: 12, messages: [said(13)] });
    return { user: me, rooms: [listed("den", { last_id: 12, unread: 1 })] };
  };
  await clock.advance(1_000);
  equal([state.asked, news.list.get("den")?.unread], [2, 2]);
});

test("a page that is looked at asks seldom by WebSocket, more often by other ways, a hidden one not at all", async () => {
  const open = (/** @type {string} */ transport) =>
    /** @type {any} */ ({ op: "status", status: { state: "open", transport, session: "s" } });
  for (const [transport, visible, wanted] of /** @type {[string, boolean, number][]} */ ([["websocket", true, 2], ["sse", true, 4], ["sse", false, 1]])) {
    const { news, clock, state } = newsFixture({ visible });
    news.open(() => true);
    await settled();
    news.told(open(transport));
    await clock.advance(100_000);
    equal(state.asked, wanted, transport);
  }
});

test("one tab's answer serves the others, and a page that opens just after", async () => {
  const one = newsFixture();
  one.news.open(() => true);
  await settled();
  const other = newsFixture({ kept: one.kept });
  other.news.open(() => true);
  equal([other.state.asked, other.news.list.rooms.length, other.overheard.length], [0, 2, 1]);
  const third = newsFixture({ kept: one.kept });
  third.news.open(() => false);
  equal(third.state.asked, 1);
  await other.clock.advance(20_000);
  other.news.want();
  await other.clock.advance(100);
  other.news.elsewhere("chat:rooms:3", JSON.stringify({ at: other.clock.now(), rooms: [listed("attic")] }));
  await other.clock.advance(8_000);
  equal([other.state.asked, other.news.list.rooms.length], [0, 1]);
  other.news.elsewhere("chat:rooms:3", "not ours");
  other.news.elsewhere("chat:draft", "x");
});

test("who is logged out asks no more, who is not reached tries again", async () => {
  const { news, clock, state } = newsFixture();
  state.answer = async () => {
    throw state.asked < 3 ? new Error("away") : new Problem(401, "not_authenticated", "", undefined);
  };
  news.open(() => true);
  await clock.advance(300_000);
  equal(state.asked, 3);
});

test("what the server lists for whoever logged in next, or for nobody, is neither shown nor kept; back again, it asks", async () => {
  const status = { state: "open", transport: "websocket", session: "s" };
  for (const user of [ben, undefined]) {
    const { news, clock, state, kept } = newsFixture();
    state.answer = async () => ({ user: state.asked < 3 ? user : me, rooms: [listed(`of ${state.asked}`)] });
    news.open(() => true);
    news.told({ op: "nudged" });
    await clock.advance(300_000);
    equal([state.asked, news.list.rooms, kept.length], [1, [], 0]);
    for (let turn = 0; turn < 2; turn += 1) {
      news.told(/** @type {any} */ ({ op: "status", status }));
      await clock.advance(30_000);
    }
    equal([state.asked, news.list.rooms.map(({ room }) => room)], [3, ["of 3"]]);
  }
});

test("a clock that was fast, or is set back, holds nothing up", async () => {
  const kept = storage();
  kept.setItem("chat:rooms:3", JSON.stringify({ at: new TestClock().now() + 86_400_000, rooms: [listed("attic")] }));
  const { news, clock, state } = newsFixture({ kept });
  news.open(() => true);
  await clock.advance(130_000);
  equal([state.asked, news.list.get("attic")], [5, undefined]);
  clock.sleep(-3_600_000);
  news.elsewhere("chat:rooms:3", kept.getItem("chat:rooms:3"));
  for (let turn = 0; turn < 30; turn += 1) {
    news.told({ op: "nudged" });
    await clock.advance(1_000);
  }
  equal(state.asked, 7);
});

test("what was read in another epoch is unread again, whichever tab asked", async () => {
  const { news, clock, state } = newsFixture();
  const answer = (/** @type {string} */ epoch) => ({ epoch, user: me, rooms: [listed("den", { read: 2, last_id: 3, unread: 1 })] });
  state.answer = async () => answer("one");
  news.told({ op: "aside", room: "den", aside: { type: "read", room: "den", id: 10 } });
  news.open(() => true);
  await clock.advance(10_000);
  equal(news.list.get("den")?.read, 10);
  news.elsewhere("chat:rooms:3", JSON.stringify({ at: clock.now(), ...answer("two") }));
  equal([news.list.get("den")?.read, news.list.get("den")?.unread], [2, 1]);
});

test("a room that one wants to hear nothing of is quiet at once", async () => {
  const { news } = newsFixture();
  news.open(() => true);
  await settled();
  news.muted("den", true);
  equal(news.list.get("den")?.muted, true);
});

function viewFixture() {
  document.body.innerHTML = "";
  const root = document.createElement("div");
  for (const name of ["rooms", "people", "archived"]) {
    const group = document.createElement(name === "archived" ? "details" : "div");
    group.className = "room-group";
    if (name === "archived") group.append(document.createElement("summary"));
    const list = document.createElement("ul");
    list.dataset.rooms = name;
    group.append(list);
    root.append(group);
  }
  document.body.append(root);
  const clock = new TestClock();
  const view = new RoomListView({ root, address: (room) => `/rooms/${room}/`, current: "b", clock });
  const order = () => [...root.querySelectorAll("li")].map(({ dataset }) => dataset.room);
  return { root, view, clock, order };
}

test("rooms are shown in their groups, the page's own marked, and the same rows stay", () => {
  const { root, view, order } = viewFixture();
  view.show([listed("a"), listed("b"), listed("c", { archived: true }), listed("d", { visibility: "direct" })]);
  const first = root.querySelector("li");
  equal([order(), root.querySelector("[aria-current=page]")?.getAttribute("href")], [["a", "b", "d", "c"], "/rooms/b/"]);
  view.show([listed("a"), listed("b", { unread: 2, mentions: 1 }), listed("e")]);
  equal(order(), ["b", "a", "e"]);
  ok(root.contains(first), "the row is the one that it was");
  const [, , archived] = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".room-group"));
  equal([archived.hidden, root.querySelector(".named")?.textContent], [true, "@1You are named once."]);
});

test("a room that nobody wrote in is told to be archived once it is", () => {
  const { root, view } = viewFixture();
  const tags = () => [...root.querySelectorAll(".tag")].map(({ textContent }) => textContent);
  view.show([listed("a", { read_only: true, post: false })]);
  equal(tags(), ["read-only"]);
  view.show([listed("a", { read_only: true, post: false, archived: true })]);
  equal(tags(), ["archived"]);
});

test("nothing moves from under the focus; it does once that is elsewhere", async () => {
  const { root, view, order, clock } = viewFixture();
  view.show([listed("a"), listed("b")]);
  const link = /** @type {HTMLElement} */ (root.querySelector("a"));
  link.focus();
  view.show([listed("a"), listed("b", { unread: 1 }), listed("0")]);
  equal([order(), document.activeElement === link], [["a", "b", "0"], true]);
  link.blur();
  await clock.advance(10);
  equal(order(), ["b", "0", "a"]);
});

test("what a list of rooms is on the wire", () => {
  const room = { ...listed("den", { mentions: 2 }), with: { ...ben, more: 1 }, open_to_guests: true };
  equal(parseRooms({ user: me, epoch: "e", rooms: [room] }), {
    user: me,
    epoch: "e",
    rooms: [{ ...listed("den", { mentions: 2 }), with: ben }],
  });
});

test("what begins with what was typed comes first, then words that do, then what holds it; archived ones last", () => {
  const names = ["Marmalade", "The arms", "Ärger", "Yard", "Arena of old"];
  const rooms = names.map((name) => listed(name, { name, archived: name.endsWith("old") }));
  const namesOf = (/** @type {string} */ query) => found(query, rooms).map(({ name }) => name);
  equal(namesOf("ar"), ["Ärger", "The arms", "Marmalade", "Yard", "Arena of old"]);
  equal(namesOf(" AR "), namesOf("ar"));
  equal([namesOf("arm th"), namesOf("ärg"), namesOf("x")], [["The arms"], ["Ärger"], []]);
});

test("without a query the open rooms stand in their order, where one is last", () => {
  const rooms = [listed("a"), listed("b", { unread: 1 }), listed("c", { archived: true }), listed("d", { visibility: "direct", unread: 1 })];
  equal(found("", rooms, "d").map(({ room }) => room), ["b", "a", "d"]);
  equal(found("", rooms).map(({ room }) => room), ["d", "b", "a"]);
});
