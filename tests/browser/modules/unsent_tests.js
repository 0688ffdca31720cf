// @ts-check
import { Unsent } from "/static/rooms/js/unsent.js";
import { equal, settled, storage, test, TestClock } from "./check.js";

const user = { id: 3, name: "ana" };

/** @param {Storage} kept @param {string} room @param {string} nonce @param {object} [more] */
function keep(kept, room, nonce, more = {}) {
  const command = { type: "send", body: `of ${room}`, room, nonce };
  kept.setItem(`chat:outbox:3:${room}:${nonce}`, JSON.stringify({ command, state: "waiting", at: "t", ...more }));
}

/** @param {Storage} kept @param {LockManager} [locks] */
function fixture(kept, locks) {
  /** @type {any[]} */
  const frames = [];
  const unsent = new Unsent({
    room: "lobby",
    user,
    storage: kept,
    clock: new TestClock(),
    locks,
    ways: { socket: (frame) => (frames.push(frame), true), post: () => new Promise(() => {}), doubt: () => {} },
  });
  const open = () => unsent.status({ state: "open", transport: "websocket", session: "s" });
  return { unsent, frames, open };
}

/** @param {Storage} kept */
const left = (kept) => Array.from({ length: kept.length }, (_, at) => kept.key(at)?.split(":").at(-1));

test("what is kept for other rooms is sent into them, and kept until it is stored or refused for good", () => {
  const kept = storage();
  keep(kept, "lobby", "mine");
  keep(kept, "den", "a");
  keep(kept, "yard", "b");
  keep(kept, "yard", "c", { state: "failed", code: "forbidden" });
  kept.setItem("chat:outbox:4:den:d", kept.getItem("chat:outbox:3:den:a") ?? "");
  const { unsent, frames, open } = fixture(kept);
  open();
  equal(frames.map(({ room, nonce }) => [room, nonce]), [["den", "a"], ["yard", "b"]]);
  unsent.stored("a", 7);
  unsent.refused({ nonce: "b", code: "forbidden", detail: "You may not." });
  equal(left(kept), ["mine", "b", "c", "d"]);
  open();
  equal(frames.length, 2);
});

test("what a page of another room keeps is its own until that page is left", async () => {
  const kept = storage();
  /** @type {() => void} */
  let leave = () => {};
  const page = navigator.locks.request("chat:outbox:3:den", { mode: "shared" }, () => new Promise((left) => (leave = () => left(null))));
  const { unsent, frames, open } = fixture(kept, navigator.locks);
  open();
  for (const nonce of ["a", "b"]) {
    keep(kept, "den", nonce);
    unsent.elsewhere(`chat:outbox:3:den:${nonce}`, "kept");
  }
  await navigator.locks.query();
  await settled();
  equal(frames.length, 0);
  leave();
  await page;
  while (frames.length < 2) await navigator.locks.query();
  equal(frames.map(({ nonce }) => nonce), ["a", "b"]);
  for (const { nonce } of frames) unsent.stored(nonce, 7);
  await navigator.locks.request("chat:outbox:3:den", () => equal(left(kept), []));
});
