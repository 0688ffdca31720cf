// @ts-check
import { Badge } from "/static/rooms/js/badge.js";
import { Herald } from "/static/rooms/js/herald.js";
import { plain } from "/static/rooms/js/notifications.js";
import { Presence } from "/static/rooms/js/presence.js";
import { Typists, TypingTeller, typingLine } from "/static/rooms/js/typing.js";
import { Wishes } from "/static/rooms/js/wishes.js";
import { equal, storage, test, TestClock } from "./check.js";

const ana = { id: 3, name: "ana" };
const bo = { id: 4, name: "bo" };
const open = { state: /** @type {const} */ ("open"), transport: "websocket", session: "s" };

function present() {
  const clock = new TestClock();
  /** @type {string[]} */
  const shown = [];
  const presence = new Presence({ clock, onchange: () => shown.push(presence.people.map(({ name }) => name).join()) });
  presence.status(open);
  presence.told([ana, bo]);
  return { clock, presence, shown };
}

test("who was there is forgotten a while after the connection was cut, and not at once", async () => {
  const { clock, presence, shown } = present();
  presence.status({ ...open, state: "waiting" });
  presence.status({ ...open, state: "connecting" });
  await clock.advance(14_000);
  equal(shown, ["ana,bo"]);
  await clock.advance(2_000);
  equal(shown, ["ana,bo", ""]);
});

test("back in time, the new list takes the place of the old, and a stream has none", async () => {
  const { clock, presence, shown } = present();
  presence.status({ ...open, state: "waiting" });
  await clock.advance(5_000);
  presence.status(open);
  presence.told([bo]);
  await clock.advance(60_000);
  equal(shown, ["ana,bo", "bo"]);
  presence.status({ ...open, transport: "sse" });
  await clock.advance(60_000);
  equal(shown.at(-1), "");
});

test("back in time without a new list, the old one is not kept for good", async () => {
  const { clock, presence, shown } = present();
  presence.status({ ...open, state: "waiting" });
  presence.status(open);
  await clock.advance(60_000);
  equal(shown, ["ana,bo", ""]);
});

test("a list as long as any the server tells may not be all", () => {
  const { presence } = present();
  equal(presence.more, false);
  presence.told(Array.from({ length: 20 }, (_, id) => ({ id, name: `n${id}` })));
  equal(presence.more, true);
});

test("typing is told every three seconds, and of an empty box never", async () => {
  const clock = new TestClock();
  let told = 0;
  const teller = new TypingTeller({ clock, tell: () => (told += 1) });
  teller.typed("  ");
  equal(told, 0);
  for (let second = 0; second < 7; second += 1) {
    teller.typed("so");
    await clock.advance(1_000);
  }
  equal(told, 3);
});

function typing() {
  const clock = new TestClock();
  /** @type {string[]} */
  const shown = [];
  const typists = new Typists({ clock, me: 9, onchange: (names) => void shown.push(names.join()) });
  const wrote = (/** @type {any} */ author, kind = "message") =>
    typists.wrote([{ id: 5, room: "lobby", kind, created_at: "t", author }]);
  return { clock, shown, typists, wrote };
}

test("who types is shown for five seconds after the last word of it", async () => {
  const { clock, shown, typists } = typing();
  typists.heard(ana);
  await clock.advance(3_000);
  typists.heard(ana);
  typists.heard(bo);
  await clock.advance(4_900);
  equal(shown.at(-1), "ana,bo");
  await clock.advance(200);
  equal(shown.at(-1), "");
});

test("whoever has written no longer types, also where the word of it comes late", async () => {
  const { clock, shown, typists, wrote } = typing();
  typists.heard(ana);
  typists.heard(bo);
  wrote(ana, "reaction");
  equal(shown.at(-1), "ana,bo");
  wrote(ana);
  equal(shown.at(-1), "bo");
  typists.heard(ana);
  equal(shown.at(-1), "bo");
  await clock.advance(2_000);
  typists.heard(ana);
  equal(shown.at(-1), "bo,ana");
});

test("oneself is not shown", () => {
  const { shown, typists } = typing();
  typists.heard({ id: 9, name: "me" });
  equal(shown, []);
});

test("one, two and several type", () => {
  const lines = [[], ["ana"], ["ana", "bo"], ["ana", "bo", "cy"]].map(typingLine);
  equal(lines, ["", "ana is typing…", "ana and bo are typing…", "Several people are typing…"]);
});

/** A message of bo's, said just now. @param {number} id @param {object} [more] */
const said = (id, more = {}) => ({ id, room: "lobby", kind: "message", author: bo, body: `text ${id}`, created_at: new Date(new TestClock().now()).toISOString(), ...more });
const naming = { mentions: [ana] };

/** @param {import("/static/rooms/js/wishes.js").Wish} other @param {object} [more] of what the room is */
function heralding(other, more = {}) {
  const clock = new TestClock();
  const kept = storage();
  const wishes = new Wishes({ storage: kept, user: ana });
  wishes.keep("elsewhere", undefined, other);
  /** @type {any[]} */
  const told = [];
  /** @type {import("/static/rooms/js/bus.js").Look[]} */
  const looks = [];
  const ask = async () => ({ name: "Lobby", visibility: "public", muted: false, ...more });
  const herald = new Herald({ user: ana, storage: kept, clock, ask, office: { tab: "hub", looks: () => looks, tell: (one) => told.push(one) } });
  const news = async (/** @type {any[]} */ ...messages) => {
    const before = told.length;
    await herald.news("lobby", messages);
    return told.slice(before).map(({ tab, messages: of }) => [tab, ...of.map((/** @type {any} */ { id }) => id)]);
  };
  return { clock, wishes, news, looks };
}

test("by default one is notified of what names one, and in a conversation of two of everything", async () => {
  const { news } = heralding("named");
  equal(await news(said(1), said(2, naming), said(3)), [["hub", 2]]);
  equal(await heralding("named", { visibility: "direct" }).news(said(1)), [["hub", 1]]);
  equal(await heralding("all").news(said(1), said(2)), [["hub", 1, 2]]);
  equal(await heralding("none", { visibility: "direct" }).news(said(1, naming)), []);
});

test("a room's own wish goes before the others', and a mute kept by the server before all", async () => {
  const { news, wishes } = heralding("none");
  wishes.keep("lobby", "all", "none");
  equal(await news(said(1)), [["hub", 1]]);
  wishes.keep("lobby", undefined, "none");
  equal(await news(said(2)), []);
  equal(await heralding("all", { muted: true }).news(said(1, naming)), []);
});

test("one's own, what is old, what was taken back and what is no message is no news", async () => {
  const { news, clock } = heralding("all");
  const late = { created_at: new Date(clock.now() - 6 * 60_000).toISOString() };
  equal(await news(said(1, { author: ana }), said(2, late), said(3, { redacted: true }), said(4, { kind: "notice" })), []);
  equal(await news(said(5), said(6), said(7, { kind: "redaction", target: 6 })), [["hub", 5]]);
});

test("one tab shows it: the last looked at of those that have the room open, and none while one is looked at", async () => {
  const { news, looks } = heralding("all");
  const look = { room: "lobby", looking: false };
  looks.push({ ...look, tab: "one" }, { ...look, tab: "two" }, { tab: "den", room: "den", looking: true });
  equal(await news(said(1)), [["two", 1]]);
  looks[0] = { ...look, tab: "one", looking: true };
  equal(await news(said(2)), []);
});

test("a notification's text has no marks, and is short", () => {
  equal(plain("> **so** _it_ is, `code` ~~not~~\n\n- [a link](https://x.example/?a_b_c) 2 * 3 * 4 snake_case_name"), "so it is, code not a link 2 * 3 * 4 snake_case_name");
  equal(plain("```js\nlet x = 1;\n```"), "let x = 1;");
  equal([...plain("\u{1f600}".repeat(500))].length, 140);
});

test("a hidden tab's title counts what is for one, or says that there is something", () => {
  const badge = new Badge();
  const before = document.title;
  let visibility = "hidden";
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => visibility });
  try {
    document.title = "(3) Lobby";
    const quiet = { visibility: "public", unread: 0, mentions: 0, muted: false };
    const title = (/** @type {object[]} */ ...rooms) => (badge.show(rooms.map((room) => ({ ...quiet, ...room }))), document.title);
    equal(title({}, { unread: 7, mentions: 2, muted: true }), "(3) Lobby");
    equal(title({ unread: 7 }, {}), "• (3) Lobby");
    equal(title({ unread: 7, mentions: 2 }, { unread: 3, visibility: "direct" }), "(5) (3) Lobby");
    document.title = "renamed"; // whatever else names the page does not know of the mark
    equal(title({ unread: 1, mentions: 1 }), "(1) renamed");
    visibility = "visible";
    equal(title({ unread: 1, mentions: 1 }), "renamed");
  } finally {
    Reflect.deleteProperty(document, "visibilityState");
    document.title = before;
  }
});

test("wishes are kept by person, and what is not understood is none", () => {
  const kept = storage();
  const wishes = new Wishes({ storage: kept, user: ana });
  equal([wishes.other, wishes.own("lobby"), wishes.of("constructor")], ["named", undefined, "named"]);
  wishes.keep("lobby", "all", "none");
  equal([wishes.of("lobby"), wishes.of("den"), new Wishes({ storage: kept, user: bo }).of("lobby")], ["all", "none", "named"]);
  kept.setItem(wishes.key, "{");
  equal(wishes.of("lobby"), "named");
});
