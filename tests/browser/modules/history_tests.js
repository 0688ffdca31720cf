// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { History } from "/static/rooms/js/history.js";
import { MessageStore } from "/static/rooms/js/store.js";
import { rowsOf } from "/static/rooms/js/view/models.js";
import { equal, settled, test } from "./check.js";

const row = (/** @type {number} */ id, kind = "message") => ({ id, room: "lobby", kind, created_at: "2026-11-20T12:00:00Z", body: "x" });

function fixture() {
  /** @type {any[]} */
  const asked = [];
  /** @type {number[]} */
  const got = [];
  const api = {
    before: (/** @type {string} */ _room, /** @type {number} */ id, /** @type {any} */ { epoch }) =>
      new Promise((answer, fail) => asked.push({ id, epoch, answer, fail })),
  };
  let resets = 0;
  const history = new History({
    room: "lobby",
    api: /** @type {any} */ (api),
    onpage: (rows) => got.push(...rows.map(({ id }) => id)),
    onchange: () => {},
    onreset: () => (resets += 1),
  });
  return { history, asked, got, resets: () => resets };
}

/** @param {any[]} messages @param {boolean} more */
const page = (messages, more) => ({ room: "lobby", epoch: "e", messages, last_id: messages.at(-1)?.id ?? 0, more });

test("history goes on above the first row of each page, also where that is no message", async () => {
  const { history, asked, got } = fixture();
  history.start(page([row(40, "edit"), row(41)], true));
  void history.load();
  void history.load();
  equal(asked.map(({ id }) => id), [40]);
  asked[0].answer(page([row(30, "edit"), row(31, "edit")], true));
  await settled();
  void history.load();
  equal([asked[1].id, got, history.state], [30, [30, 31], "loading"]);
  asked[1].answer(page([row(29)], false));
  await settled();
  equal([history.state, got], ["complete", [30, 31, 29]]);
  await history.load();
  equal(asked.length, 2);
});

test("a room without a past is complete at once", () => {
  const { history } = fixture();
  history.start(page([], false));
  equal(history.state, "complete");
});

test("a page that could not be read can be asked for again", async () => {
  const { history, asked } = fixture();
  history.start(page([row(40)], true));
  void history.load();
  asked[0].fail(new Unreachable("cut"));
  await settled();
  equal(history.state, "failed");
  void history.load();
  equal(asked[1].id, 40);
});

test("what was asked for before a reset is nobody's", async () => {
  const { history, asked, got } = fixture();
  history.start(page([row(40)], true));
  void history.load();
  history.start(page([row(9)], true));
  asked[0].answer(page([row(39)], true));
  await settled();
  equal([got, history.state], [[], "idle"]);
});

test("a past of another epoch throws away what is held", async () => {
  const { history, asked, resets } = fixture();
  history.start(page([row(40)], true));
  void history.load();
  asked[0].fail(new Problem(409, "reset", "", undefined));
  await settled();
  equal([asked[0].epoch, resets()], ["e", 1]);
});

test("what was let go of is read again", () => {
  const { history, asked } = fixture();
  history.start(page([row(40)], false));
  history.cut(70);
  void history.load();
  equal(asked[0].id, 70);
});

test("rows have keys of their own, whatever the clocks say", () => {
  const store = new MessageStore();
  const days = ["2026-11-20", "2026-11-21", "2026-11-20", "2026-11-21"];
  store.add(days.map((day, at) => ({ ...row(at + 1), created_at: `${day}T12:00:00Z` })));
  const rows = rowsOf(store, /** @type {any} */ ({ entries: () => [] }), null);
  equal([rows.length, new Set(rows.map(({ key }) => key)).size], [8, 8]);
});
