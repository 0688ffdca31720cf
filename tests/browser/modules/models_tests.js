// @ts-check
import { MessageStore } from "/static/rooms/js/store.js";
import { rowsOf } from "/static/rooms/js/view/models.js";
import { equal, test } from "./check.js";

const ME = { id: 7, name: "ana" };
const BEN = { id: 8, name: "ben" };

/** @param {number} id @param {{day?: string, kind?: string, author?: {id: number, name: string}}} [more] */
const row = (id, { day = "2026-11-20", kind = "message", author = BEN } = {}) =>
  ({ id, room: "lobby", kind, author, created_at: `${day}T12:00:00Z`, body: "x" });
const OUTBOX = /** @type {any} */ ({
  entries: () => [{ command: { type: "send", nonce: "a", body: "mine" }, state: "waiting", at: "2026-11-20T12:00:01Z" }],
});
const NONE = /** @type {any} */ ({ entries: () => [] });

/** @param {ReturnType<typeof row>[]} rows */
function storeOf(rows) {
  const store = new MessageStore();
  store.add(rows);
  return store;
}

test("rows have keys of their own, whatever the clocks say", () => {
  const days = ["2026-11-20", "2026-11-21", "2026-11-20", "2026-11-21"];
  const rows = rowsOf(storeOf(days.map((day, at) => row(at + 1, { day }))), NONE, null);
  equal([rows.length, new Set(rows.map(({ key }) => key)).size], [8, 8]);
});

test("the unread line stands above the first that others said since, and only where that is held", () => {
  const unread = { after: 20, upTo: 29 };
  const lines = (/** @type {number} */ first, /** @type {number} */ from) => {
    const rows = [25, 26, 27, 28, 30].filter((id) => id >= first).map((id) => row(id, { author: id < 27 ? ME : BEN }));
    const { length } = rows;
    const shown = rowsOf(storeOf(rows), NONE, ME, { unread, from }).map(({ key }) => key);
    return [shown.length - length, shown[shown.indexOf("unread") + 1]];
  };
  equal(lines(25, 20), [2, "m27"]);
  equal(lines(25, 21), [2, "m27"]);
  equal(lines(28, 0), [2, "m28"]);
  equal(lines(25, 22)[0], 1);
  equal(lines(30, 0)[0], 1);
});

test("messages stand together across what were the edges of pages", () => {
  const store = storeOf([row(3), row(4)]);
  const follows = () => rowsOf(store, NONE, null).map((one) => (one.kind === "message" ? one.follows : one.kind));
  equal(follows(), ["day", false, true]);
  store.add([row(1), row(2)]);
  equal(follows(), ["day", false, true, true, true]);
  store.keep(4, Infinity);
  equal(follows(), ["day", false]);
});

test("one author's messages within five minutes stand together, until something else is said", () => {
  const at = (/** @type {number} */ id, /** @type {string} */ time, more = {}) => ({ ...row(id, more), created_at: `2026-11-20T${time}Z` });
  const rows = [
    at(1, "12:00:00"), at(2, "12:04:59"), at(3, "12:09:59"), at(4, "12:10:00", { author: ME }), at(5, "12:10:01"),
    at(6, "12:10:02", { kind: "notice" }), at(7, "12:10:03"), at(8, "12:10:04"),
  ];
  const follows = rowsOf(storeOf(rows), NONE, null).flatMap((one) => (one.kind === "message" ? [one.follows] : []));
  equal(follows, [false, true, false, false, false, false, true]);
});

test("what is on its way stands below the newest, not below what is held of the past", () => {
  const store = storeOf([row(1)]);
  equal(rowsOf(store, OUTBOX, ME).map(({ key }) => key).slice(1), ["m1", "na"]);
  equal(rowsOf(store, OUTBOX, ME, { end: false }).map(({ key }) => key).slice(1), ["m1"]);
});
