// @ts-check
import { Cursor } from "/static/rooms/js/cursor.js";
import { MessageStore } from "/static/rooms/js/store.js";
import { hasReacted, reacted } from "/static/rooms/js/reactions.js";
import { chance, equal, ok, test, whole } from "./check.js";

/** @typedef {import("/static/rooms/js/protocol.js").Message} Message */

/** @param {number} id @param {Partial<Message>} [more] @returns {Message} */
const message = (id, more = {}) => ({ id, room: "r", kind: "message", body: `text ${id}`, created_at: "t", ...more });
/** @param {number} id @param {number} target @param {string} [body] @returns {Message} */
const edit = (id, target, body = `edit ${id}`) => ({ id, room: "r", kind: "edit", target, body, created_at: `t${id}` });
/** @param {number} id @param {number} target @returns {Message} */
const redaction = (id, target) => ({ id, room: "r", kind: "redaction", target, created_at: `t${id}` });

/** @param {number} id @param {number} target @param {number} user @param {string} [body] @returns {Message} */
const reaction = (id, target, user, body = "👍") =>
  ({ id, room: "r", kind: "reaction", target, body, author: { id: user, name: `u${user}` }, created_at: `t${id}` });
/** @param {number} id @param {number} target @param {number} user @param {string} [body] @returns {Message} */
const unreaction = (id, target, user, body = "👍") => ({ ...reaction(id, target, user, body), kind: "unreaction" });
/** @param {number} id @param {string} event @returns {Message} */
const notice = (id, event) => ({ id, room: "r", kind: "notice", body: event, notice: { event }, created_at: `t${id}` });

/** @param {MessageStore} store */
const shown = (store) =>
  [...store.messages()].map(({ id, body, redacted, changed, reactions, mentions }) =>
    [id, body, redacted, changed, ...(reactions || mentions ? [reactions ?? null, mentions ?? null] : [])]);

/** @param {...Message[]} parts @returns {MessageStore} */
function storeOf(...parts) {
  const store = new MessageStore();
  for (const part of parts) store.add(part);
  return store;
}

test("messages are ordered by id however their pages come", () => {
  const store = storeOf([message(20), message(30)], [message(1), message(5)], [message(25)], [message(40)]);
  equal([...store.messages()].map(({ id }) => id), [1, 5, 20, 25, 30, 40]);
});

test("the same message twice is one", () => {
  equal(storeOf([message(1), message(2)], [message(2), message(3)]).size, 3);
});

test("edits and redactions are no rows of their own", () => {
  equal(storeOf([message(1), edit(2, 1), redaction(3, 1)]).size, 1);
});

test("an edit gives the newest text, and says that it is edited", () => {
  const store = storeOf([message(1)], [edit(5, 1), edit(7, 1)]);
  equal([store.get(1)?.body, store.get(1)?.changed, store.get(1)?.edited_at], ["edit 7", 7, "t7"]);
});

test("a change is applied only where its id is above the target's changed", () => {
  const store = storeOf([message(1, { body: "edit 9", changed: 9, edited_at: "t9" })], [edit(5, 1)]);
  equal(shown(store), [[1, "edit 9", undefined, 9]]);
});

test("an older page that arrives later does not bring back an older text", () => {
  const store = storeOf([message(1, { body: "edit 9", changed: 9 })], [message(1)]);
  equal(store.get(1)?.body, "edit 9");
});

test("the newest change is kept for a target whose page comes later", () => {
  equal(shown(storeOf([edit(8, 1), edit(6, 1)], [message(1)])), [[1, "edit 8", undefined, 8]]);
  equal(shown(storeOf([redaction(8, 1)], [message(1)])), [[1, undefined, true, 8]]);
  equal(shown(storeOf([redaction(8, 1), edit(9, 1)], [message(1)])), [[1, undefined, true, 8]]);
});

test("a redacted message has no text, whatever comes after", () => {
  const store = storeOf([message(1)], [redaction(8, 1)], [edit(5, 1)], [message(1)], [edit(9, 1)]);
  equal([store.get(1)?.body, store.get(1)?.redacted], [undefined, true]);
  ok(!JSON.stringify([...store.messages()]).includes("text 1"), "the text is still there");
});

test("an edit whose text is withheld shows no text", () => {
  const { body: _withheld, ...bare } = edit(5, 1);
  equal(shown(storeOf([message(1)], [bare])), [[1, undefined, true, 5]]);
});

test("the reason of a removal is known where its row is", () => {
  const store = storeOf([message(1), message(2), { ...redaction(5, 1), body: "off topic" }, redaction(6, 2)]);
  equal([store.reason(1), store.reason(2), store.reason(3)], ["off topic", undefined, undefined]);
});

test("a kind that is not known is passed over", () => {
  equal(storeOf([{ ...message(1), kind: "poll" }, message(2)]).size, 1);
});

test("a notice is a row among the messages", () => {
  equal([...storeOf([message(1), message(4)], [notice(3, "topic")]).messages()].map(({ id, kind }) => [id, kind]),
    [[1, "message"], [3, "notice"], [4, "message"]]);
});

test("reactions are counted in the order in which each was first used", () => {
  const rows = [reaction(2, 1, 7), reaction(3, 1, 8, "🎉"), reaction(4, 1, 9), unreaction(5, 1, 7)];
  const wanted = [{ body: "👍", count: 1, users: [9] }, { body: "🎉", count: 1, users: [8] }];
  equal(storeOf([message(1)], rows).get(1)?.reactions, wanted);
  equal(storeOf(rows, [message(1)]).get(1)?.reactions, wanted);
  equal(storeOf([message(1)], rows, [unreaction(6, 1, 9), unreaction(7, 1, 8, "🎉")]).get(1)?.reactions, undefined);
});

test("a reaction that the page already contains is not counted again", () => {
  const page = message(1, { reactions: [{ body: "👍", count: 2, users: [7, 9] }], changed: 4 });
  const store = storeOf([reaction(2, 1, 7), reaction(4, 1, 9), reaction(5, 1, 3)], [page], [reaction(4, 1, 9)]);
  equal([store.get(1)?.reactions, store.get(1)?.changed], [[{ body: "👍", count: 3, users: [7, 9, 3] }], 5]);
});

test("who has reacted is not counted twice, and who has not takes nothing back", () => {
  const one = reacted([], reaction(2, 1, 7));
  equal(reacted(one, reaction(3, 1, 7)), one);
  equal(reacted(one, unreaction(3, 1, 8)), one);
  equal(reacted(one, unreaction(3, 1, 7, "🎉")), one);
  equal([hasReacted(one, "👍", 7), hasReacted(one, "👍", 8), hasReacted(one, "👍", undefined)], [true, false, false]);
});

test("a change that comes before an older one does not swallow it", () => {
  const store = storeOf([message(1)], [edit(9, 1)], [reaction(4, 1, 7)], [edit(6, 1)]);
  equal([store.get(1)?.body, store.get(1)?.reactions?.[0].users], ["edit 9", [7]]);
});

test("beyond a hundred who reacted are counted and not named", () => {
  const users = Array.from({ length: 100 }, (_, at) => at + 1000);
  const page = message(1, { reactions: [{ body: "👍", count: 150, users }], changed: 200 });
  const store = storeOf([page], [reaction(201, 1, 5), unreaction(202, 1, 6)], [reaction(203, 1, 7)]);
  equal([store.get(1)?.reactions?.[0].count, store.get(1)?.reactions?.[0].users.length], [151, 100]);
});

test("a removed message has neither reactions nor mentions, an edit has its own mentions", () => {
  const ana = { id: 7, name: "ana" };
  const ben = { id: 8, name: "ben" };
  const store = storeOf([message(1, { mentions: [ana] }), message(2, { mentions: [ana] }), message(3, { mentions: [ana] })]);
  store.add([reaction(4, 1, 7), redaction(5, 1), { ...edit(6, 2), mentions: [ben] }, edit(7, 3), reaction(8, 3, 7)]);
  equal(JSON.stringify(store.get(1)).includes("reactions") || store.get(1)?.mentions !== undefined, false);
  equal([store.get(2)?.mentions, store.get(3)?.mentions, store.get(3)?.reactions?.length], [[ben], undefined, 1]);
});

test("changes for messages that are not held are kept, and boundedly many", () => {
  const store = new MessageStore();
  store.add([edit(5_000_001, 2)]);
  for (let id = 1; id <= 5_000; id += 1) store.add([reaction(1_000_000 + id, 100 + id, 7)]);
  store.add([message(2), message(101), message(5_100)]);
  equal([store.get(2)?.body, store.get(101)?.reactions, store.get(5_100)?.reactions?.length], ["edit 5000001", undefined, 1]);
});

test("a message reacted to for weeks keeps a bounded number of rows, and the count", () => {
  const store = storeOf([message(1)]);
  store.add([reaction(2, 1, 9)]);
  for (let id = 4; id < 1_000; id += 2) store.add([reaction(id, 1, 7), unreaction(id + 1, 1, 7)]);
  store.add([reaction(1_000, 1, 7), reaction(1_001, 1, 8)]);
  equal([store.get(1)?.reactions, store.get(1)?.changed], [[{ body: "👍", count: 3, users: [9, 7, 8] }], 1_001]);
});

test("reset throws everything away, kept changes too", () => {
  const store = storeOf([message(1), edit(8, 2)]);
  store.reset();
  store.add([message(2)]);
  equal(shown(store), [[2, "text 2", undefined, undefined]]);
});

test("what is let go of comes back with its page, as the page has it", () => {
  const store = storeOf([message(1), message(2), message(3), edit(4, 1), message(5)]);
  store.keep(3, Infinity);
  equal([[...store.messages()].map(({ id }) => id), store.idAt(0), store.idAt(-1)], [[3, 5], 3, 5]);
  store.add([message(1, { body: "edit 9", changed: 9 }), message(2)]);
  equal(shown(store).map(([id, body]) => [id, body]), [[1, "edit 9"], [2, "text 2"], [3, "text 3"], [5, "text 5"]]);
  store.keep(0, 2);
  equal([store.size, store.get(3), store.idAt(-1)], [2, undefined, 2]);
});

test("letting go of one end keeps the changes that wait for a page at the other", () => {
  const store = storeOf([message(10), message(11), edit(20, 1), edit(21, 15)]);
  store.keep(11, Infinity);
  store.add([message(1), message(15)]);
  equal(shown(store).map(([id, body]) => [id, body]), [[1, "text 1"], [11, "text 11"], [15, "edit 21"]]);
});

test("of what lies beyond only the changes are taken", () => {
  const store = storeOf([message(1)]);
  store.change([message(5), edit(6, 1), notice(7, "topic"), reaction(8, 5, 3)]);
  equal(shown(store), [[1, "edit 6", undefined, 6]]);
});

test("only what shows is told, and a changed message is another object", () => {
  let told = 0;
  const store = new MessageStore(() => (told += 1));
  store.add([message(1)]);
  const before = store.get(1);
  store.add([message(1), edit(5, 99)]);
  equal([told, store.get(1) === before], [1, true]);
  store.add([edit(6, 1)]);
  equal([told, store.get(1) === before], [2, false]);
});

/**
 * A room's log as a server keeps it: rows as they were written, and each read as of a moment.
 * @param {() => number} random @param {number} length
 */
function serverLog(random, length) {
  /** @type {Message[]} */
  const log = [];
  /** @type {Map<number, Message[]>} */
  const changes = new Map();
  for (let id = 1; id <= length; id += 1) {
    const targets = log.filter((row) => row.kind === "message" && !changes.get(row.id)?.some((c) => c.kind === "redaction"));
    const dice = random();
    const target = targets[whole(random, targets.length)];
    if (target && dice < 0.6) {
      const row = dice < 0.2 ? edit(id, target.id) : dice < 0.3 ? redaction(id, target.id) : toggled(id, target.id);
      changes.set(target.id, [...(changes.get(target.id) ?? []), row]);
      log.push(row);
    } else {
      log.push(message(id));
    }
  }
  /** Somebody reacts, or takes it back where they have. @param {number} id @param {number} target */
  function toggled(id, target) {
    const user = whole(random, 3);
    const body = whole(random, 2) ? "👍" : "🎉";
    const last = changes.get(target)?.findLast((row) => row.author?.id === user && row.body === body);
    return last?.kind === "reaction" ? unreaction(id, target, user, body) : reaction(id, target, user, body);
  }
  /** @param {Message[]} known @returns {Pick<Message, "reactions">} by counting anew, as the server's rows say */
  function counted(known) {
    /** @type {Map<string, number[]>} */
    const users = new Map();
    for (const { kind, body = "", author } of known) {
      const user = Number(author?.id);
      if (kind === "reaction") users.set(body, [...(users.get(body) ?? []), user]);
      else if (kind === "unreaction") {
        const left = (users.get(body) ?? []).filter((one) => one !== user);
        if (left.length > 0) users.set(body, left);
        else users.delete(body);
      }
    }
    if (users.size === 0) return {};
    return { reactions: [...users].map(([body, who]) => ({ body, count: who.length, users: who })) };
  }
  /** @param {Message} row @param {number} moment @returns {Message} the row as a read at that moment gives it */
  const asOf = (row, moment) => {
    const about = (row.kind === "message" ? row.id : row.target) ?? 0;
    const known = (changes.get(about) ?? []).filter(({ id }) => id <= moment);
    const gone = known.some(({ kind }) => kind === "redaction");
    const { body: _body, ...bare } = row;
    if (row.kind === "edit") return gone ? bare : row;
    const newest = known.at(-1);
    if (row.kind !== "message" || !newest) return row;
    if (gone) return { ...bare, redacted: true, changed: newest.id };
    const text = known.findLast(({ kind }) => kind === "edit");
    const edited = text ? { body: text.body, edited_at: text.created_at } : {};
    return { ...row, ...edited, ...counted(known), changed: newest.id };
  };
  return { log, asOf };
}

test("pages, live batches, edits and redactions in any order and of any age give what the log says", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = chance(seed);
    const length = 5 + whole(random, 60);
    const { log, asOf } = serverLog(random, length);
    const start = 1 + whole(random, length);
    /** @type {Message[][]} */
    const parts = [];
    // The past: pages that overlap, each read at some moment since the page was opened.
    for (let to = start; to > 0; ) {
      const from = Math.max(0, to - 1 - whole(random, 12));
      const moment = start + whole(random, length - start + 1);
      parts.push(log.slice(Math.max(0, from - whole(random, 3)), to).map((row) => asOf(row, moment)));
      to = from;
    }
    // What comes live, as of its commit or of a later read.
    for (let from = start; from < length; ) {
      const to = Math.min(length, from + 1 + whole(random, 4));
      const moment = to + whole(random, length - to + 1);
      parts.push(log.slice(from, to).map((row) => asOf(row, moment)));
      from = to;
    }
    for (let at = parts.length - 1; at > 0; at -= 1) {
      const other = whole(random, at + 1);
      [parts[at], parts[other]] = [parts[other], parts[at]];
    }
    const wanted = log.filter(({ kind }) => kind === "message").map((row) => asOf(row, length));
    equal(shown(storeOf(...parts)), shown(storeOf(wanted)), `seed ${seed}`);
    equal(wanted.length, storeOf(...parts).size, `seed ${seed}`);
  }
});

test("a cursor takes what joins on, passes over what it has, and sees a gap", () => {
  const cursor = new Cursor(10, "e");
  equal(cursor.take(10, [message(11), message(12)])?.map(({ id }) => id), [11, 12]);
  equal(cursor.take(9, [message(11), message(12), message(14)])?.map(({ id }) => id), [14]);
  equal(cursor.take(14, [])?.length, 0);
  equal(cursor.take(15, [message(16)]), null);
  equal(cursor.id, 14);
});

test("batches that are lost, doubled and cut anew reach a cursor once each and in order", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = chance(seed);
    const length = 40;
    const rows = Array.from({ length }, (_, at) => message(at + 1));
    const cursor = new Cursor(0, "e");
    /** @type {number[]} */
    const seen = [];
    for (let turns = 0; cursor.id < length && turns < 10_000; turns += 1) {
      const prev = whole(random, length);
      const batch = rows.slice(prev, prev + 1 + whole(random, 5));
      const from = cursor.id;
      const fresh = cursor.take(prev, batch) ?? cursor.take(from, rows.slice(from, from + 3));
      ok(fresh, "joining again after the cursor was refused");
      seen.push(...(fresh ?? []).map(({ id }) => id));
    }
    equal(seen, rows.map(({ id }) => id), `seed ${seed}`);
  }
});
