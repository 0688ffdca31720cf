// @ts-check
import { Quotes } from "/static/rooms/js/quotes.js";
import { MessageStore } from "/static/rooms/js/store.js";
import { withAnswered } from "/static/rooms/js/view/models.js";
import { equal, settled, test } from "./check.js";

/** @typedef {import("/static/rooms/js/protocol.js").Message} Message */

/** @param {number} id @param {Partial<Message>} [more] @returns {Message} */
const message = (id, more = {}) => ({ id, room: "r", kind: "message", body: `text ${id}`, created_at: "t", ...more });

/** A room of some messages, of which none is held. @param {...Message} log */
function quotesOf(...log) {
  const store = new MessageStore();
  /** @type {number[]} */
  const asked = [];
  const far = { reachable: true, changes: 0 };
  const api = {
    /** @param {string} room @param {number} after */
    after: async (room, after) => {
      asked.push(after + 1);
      if (!far.reachable) throw new Error("no");
      return { room, epoch: "e", messages: log.filter(({ id }) => id > after).slice(0, 1), last_id: 0, more: false };
    },
  };
  const quotes = new Quotes({ room: "r", api, store, onchange: () => (far.changes += 1) });
  return { quotes, store, asked, far };
}

test("an answered message that is held is not asked for", async () => {
  const { quotes, store, asked } = quotesOf();
  store.add([message(5)]);
  equal([quotes.get(5)?.body, asked], ["text 5", []]);
});

test("one that is not held is asked for once, and told of when it is there", async () => {
  const { quotes, asked, far } = quotesOf(message(5));
  equal([quotes.get(5), quotes.get(5)], [undefined, undefined]);
  await settled();
  equal([quotes.get(5)?.body, asked, far.changes], ["text 5", [5], 1]);
});

test("it changes with its edits and its redaction, also with those that come before it does", async () => {
  const { quotes, far } = quotesOf(message(5));
  quotes.get(5);
  quotes.heard([message(9, { kind: "edit", target: 5, body: "new" })]);
  await settled();
  equal(quotes.get(5)?.body, "new");
  quotes.heard([message(10, { kind: "redaction", target: 5 })]);
  equal([quotes.get(5)?.redacted, quotes.get(5)?.body, far.changes], [true, undefined, 2]);
});

test("one that is gone from the log is said to be gone", async () => {
  const { quotes, asked } = quotesOf(message(6));
  quotes.get(5);
  await settled();
  equal([quotes.get(5), asked], [null, [5]]);
});

test("one that could not be read is asked for again when the server is there again", async () => {
  const { quotes, asked, far } = quotesOf(message(5));
  const { warn } = console;
  console.warn = () => {};
  far.reachable = false;
  quotes.get(5);
  await settled();
  quotes.get(5);
  equal(asked, [5]);
  far.reachable = true;
  quotes.again();
  quotes.get(5);
  await settled();
  console.warn = warn;
  equal(quotes.get(5)?.body, "text 5");
});

test("few are asked for at a time, in the end all, and a bounded number is kept", async () => {
  const log = [...Array(700).keys()].map((at) => message(at + 1));
  const { quotes, asked } = quotesOf(...log);
  for (const { id } of log.slice(0, 10)) quotes.get(id);
  equal(asked.length, 3);
  for (let turn = 0; turn < 5; turn += 1) await settled();
  equal([...asked].sort((one, other) => one - other), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const { id } of log) {
    quotes.get(id);
    await settled();
  }
  equal([quotes.get(1), quotes.get(700)?.body], [undefined, "text 700"]);
});

test("after a reset nothing of before is told, nor what comes late", async () => {
  const { quotes, far } = quotesOf(message(5), message(6));
  quotes.get(5);
  await settled();
  quotes.get(6);
  quotes.reset();
  await settled();
  equal([quotes.get(5), quotes.get(6), far.changes], [undefined, undefined, 1]);
});

test("rows that answer know what", () => {
  const { quotes, store } = quotesOf();
  store.add([message(5)]);
  const common = { key: "", reason: undefined, change: undefined, reacting: [], follows: false };
  const rows = withAnswered([{ kind: "message", ...common, message: message(6, { reply_to: 5 }) }, { kind: "message", ...common, message: message(7) }], (id) => quotes.get(id));
  equal(rows.map((row) => (row.kind === "message" ? row.answered?.id : 0)), [5, undefined]);
});
