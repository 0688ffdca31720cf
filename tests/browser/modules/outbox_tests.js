// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { Outbox } from "/static/rooms/js/outbox.js";
import { equal, ok, settled, storage, test, TestClock } from "./check.js";

const user = { id: 3, name: "ana" };

/** @param {Partial<{kept: Storage, clock: TestClock}>} [with_] */
function fixture({ kept = storage(), clock = new TestClock() } = {}) {
  /** @type {any[]} */
  const frames = [];
  /** @type {any[]} */
  const posts = [];
  let doubts = 0;
  const outbox = new Outbox({
    room: "lobby",
    user,
    storage: kept,
    clock,
    onchange: () => {},
    ways: {
      socket: (frame) => (frames.push(frame), true),
      post: (command) => new Promise((stored, failed) => posts.push({ command, stored, failed })),
      doubt: () => (doubts += 1),
    },
  });
  /** @param {string} session @param {string} [transport] @param {any} [state] */
  const status = (session, transport = "websocket", state = "open") => outbox.status({ state, transport, session });
  return { outbox, frames, posts, kept, clock, status, doubts: () => doubts };
}

/** @param {Outbox} outbox */
const states = (outbox) => outbox.entries().map(({ command, state }) => [command.body, state]);

test("a text is shown and kept before anything is connected, and sent once it is", () => {
  const { outbox, frames, kept, status } = fixture();
  outbox.submit({ type: "send", body: "hello" });
  equal([states(outbox), kept.length, frames.length], [[["hello", "waiting"]], 1, 0]);
  status("s1");
  equal([states(outbox), frames[0].type, frames[0].body], [[["hello", "sending"]], "send", "hello"]);
});

test("once stored it is kept no longer, and stays in sight until the log has it", () => {
  const { outbox, kept, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "hello" });
  outbox.stored(nonce, 7);
  equal([states(outbox), kept.length], [[["hello", "stored"]], 0]);
  outbox.passed(6);
  equal(states(outbox).length, 1);
  outbox.passed(7);
  equal(states(outbox).length, 0);
});

test("the log may come before the answer", () => {
  const { outbox, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "hello" });
  outbox.seen([{ id: 7, room: "lobby", kind: "message", created_at: "t", nonce, author: user }]);
  equal(states(outbox).length, 0);
  outbox.stored(nonce, 7);
  equal(states(outbox).length, 0);
});

test("the same nonce of another author is another send", () => {
  const { outbox, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "hello" });
  outbox.seen([{ id: 7, room: "lobby", kind: "message", created_at: "t", nonce, author: { id: 4, name: "ben" } }]);
  equal(states(outbox).length, 1);
});

test("what was not answered in one session is sent again in the next, with the same nonce, in order", () => {
  const { outbox, frames, status } = fixture();
  status("s1");
  for (const body of ["a", "b", "c"]) outbox.submit({ type: "send", body });
  outbox.stored(frames[1].nonce, 8);
  status("s1", "websocket", "waiting");
  status("s2");
  equal(frames.slice(3).map(({ body }) => body), ["a", "c"]);
  equal(frames[3].nonce, frames[0].nonce);
});

test("hearing of the same session again sends nothing twice", () => {
  const { outbox, frames, status } = fixture();
  status("s1");
  outbox.submit({ type: "send", body: "a" });
  status("s1");
  status("s1");
  equal(frames.length, 1);
});

test("an answer that does not come is waited for, then the same nonce goes out again and the connection is doubted", async () => {
  const { outbox, frames, clock, status, doubts } = fixture();
  status("s1");
  outbox.submit({ type: "send", body: "a" });
  await clock.advance(60_000);
  ok(frames.length >= 2 && frames.every(({ nonce }) => nonce === frames[0].nonce), "sent again as itself");
  ok(doubts() >= 1, "doubted");
});

test("a reload brings back what was not stored, and what failed", () => {
  const first = fixture();
  first.status("s1");
  const failed = first.outbox.submit({ type: "send", body: "bad" });
  const sent = first.outbox.submit({ type: "send", body: "in flight" });
  first.outbox.refused({ nonce: failed, code: "forbidden", detail: "You may not." });
  const second = fixture({ kept: first.kept });
  equal(states(second.outbox).sort(), [["bad", "failed"], ["in flight", "waiting"]]);
  second.status("s2");
  equal(second.frames.map(({ nonce }) => nonce), [sent]);
});

test("another user's and another room's texts are not taken", () => {
  const { kept } = fixture();
  kept.setItem("chat:outbox:4:lobby:x", JSON.stringify({ command: { type: "send", body: "ben's", nonce: "x", room: "lobby" }, state: "waiting", at: "t" }));
  kept.setItem("chat:outbox:3:lobby2:y", JSON.stringify({ command: { type: "send", body: "elsewhere", nonce: "y", room: "lobby2" }, state: "waiting", at: "t" }));
  kept.setItem("chat:outbox:3:lobby:z", "not ours");
  equal(states(fixture({ kept }).outbox), []);
});

test("a refusal that passes is tried again with the same nonce, not before the server said", async () => {
  const { outbox, frames, clock, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "a" });
  outbox.refused({ nonce, code: "unavailable", detail: "", retry_after: 5 });
  await clock.advance(4_900);
  equal(frames.length, 1);
  await clock.advance(60_000);
  ok(frames.length >= 2 && frames[1].nonce === nonce, "sent again");
});

test("a refusal that stays is shown with its text; trying again keeps the nonce, discarding forgets", () => {
  const { outbox, frames, kept, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "a" });
  outbox.refused({ nonce, code: "forbidden", detail: "Read-only." });
  equal([states(outbox), outbox.entries()[0].detail], [[["a", "failed"]], "Read-only."]);
  outbox.retry(nonce);
  equal([frames.length, frames[1].nonce], [2, nonce]);
  outbox.refused({ nonce, code: "forbidden", detail: "" });
  equal(outbox.discard(nonce)?.command.body, "a");
  equal([states(outbox), kept.length], [[], 0]);
});

test("what waits is thrown away, but not what may be stored for all that is known", async () => {
  const { outbox, clock, frames, status, kept } = fixture();
  const offline = outbox.submit({ type: "send", body: "offline" });
  ok(outbox.discard(offline), "nothing of it went out");
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "a" });
  equal([outbox.discard(nonce), states(outbox)], [undefined, [["a", "sending"]]]);
  status("s1", "websocket", "connecting");
  await clock.advance(11_000);
  equal([outbox.discard(nonce), states(outbox)], [undefined, [["a", "waiting"]]]);
  equal(fixture({ kept }).outbox.discard(nonce), undefined, "another tab may be at it");
  outbox.refused({ nonce, code: "rate_limited", detail: "", retry_after: 60 });
  equal([outbox.discard(nonce)?.command.body, kept.length], ["a", 0]);
  status("s1");
  await clock.advance(90_000);
  equal(frames.length, 1);
});

test("a nonce that was used for something else is replaced when trying again", () => {
  const { outbox, frames, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "a" });
  outbox.refused({ nonce, code: "nonce_conflict", detail: "" });
  outbox.retry(nonce);
  ok(frames[1].nonce !== nonce && frames[1].body === "a", "a new nonce, the same text");
});

test("by HTTP one goes at a time, in order", async () => {
  const { outbox, posts, status } = fixture();
  status("s1", "longpoll");
  outbox.submit({ type: "send", body: "a" });
  outbox.submit({ type: "send", body: "b" });
  await settled();
  equal(posts.map(({ command }) => command.body), ["a"]);
  posts[0].stored({ id: 7 });
  await settled();
  equal(posts.map(({ command }) => command.body), ["a", "b"]);
});

test("by HTTP what got no answer is tried again later; what was refused for good does not hold up the next", async () => {
  const { outbox, posts, clock, status } = fixture();
  status("s1", "sse");
  outbox.submit({ type: "send", body: "a" });
  await settled();
  posts[0].failed(new Unreachable("cut"));
  await clock.advance(60_000);
  equal([posts.length, posts[1].command.nonce], [2, posts[0].command.nonce]);
  posts[1].failed(new Problem(403, "forbidden", "No.", undefined));
  outbox.submit({ type: "send", body: "b" });
  await settled();
  equal(posts[2].command.body, "b");
});

test("a post that was cut off is answered later, over the socket that came instead", async () => {
  const { outbox, posts, frames, status } = fixture();
  status("s1", "sse");
  outbox.submit({ type: "send", body: "a" });
  await settled();
  status("s2", "websocket");
  posts[0].failed(new Unreachable("cut"));
  await settled();
  equal(frames.map(({ nonce }) => nonce), [posts[0].command.nonce]);
});

test("what another tab stored or discarded is not sent from here", () => {
  const { outbox, frames, status } = fixture();
  const nonce = outbox.submit({ type: "send", body: "a" });
  outbox.elsewhere(`chat:outbox:3:lobby:${nonce}`, null);
  status("s1");
  equal([states(outbox), frames.length], [[], 0]);
});

test("edits and redactions go as they are told on the wire", () => {
  const { outbox, frames, status } = fixture();
  status("s1");
  outbox.submit({ type: "edit", target: 5, body: "new" });
  outbox.submit({ type: "redact", target: 6, body: "" });
  outbox.submit({ type: "redact", target: 7, body: "spam" });
  const bare = frames.map(({ nonce, ...rest }) => rest);
  equal(bare, [
    { type: "edit", room: "lobby", target: 5, body: "new" },
    { type: "redact", room: "lobby", target: 6 },
    { type: "redact", room: "lobby", target: 7, reason: "spam" },
  ]);
});

test("a browser that keeps nothing still sends", () => {
  const kept = storage();
  kept.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const { outbox, frames, status } = fixture({ kept });
  status("s1");
  outbox.submit({ type: "send", body: "a" });
  equal(frames.length, 1);
});

test("a reaction goes out as its own frame, and by HTTP as its own call", async () => {
  const { outbox, frames, posts, status } = fixture();
  status("s1");
  outbox.submit({ type: "react", target: 5, body: "👍" });
  const { nonce, ...rest } = frames[0];
  equal([rest, nonce.length], [{ type: "react", room: "lobby", target: 5, body: "👍" }, 32]);
  status("s2", "longpoll");
  outbox.submit({ type: "unreact", target: 5, body: "👍" });
  posts[0].stored({ id: 7 });
  await settled();
  equal(posts.map(({ command }) => command.type), ["react", "unreact"]);
});

test("where the server takes no more for a while nothing goes out until then, and nothing is lost", async () => {
  const { outbox, frames, clock, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "one" });
  outbox.refused({ nonce, code: "rate_limited", detail: "slow mode", retry_after: 20 });
  outbox.submit({ type: "send", body: "two" });
  equal([states(outbox), outbox.entries()[0].until], [[["one", "waiting"], ["two", "waiting"]], clock.now() + 20_000]);
  await clock.advance(19_000);
  equal(frames.length, 1);
  await clock.advance(10_000);
  equal(frames.map(({ body }) => body), ["one", "one", "two"]);
  equal([frames[1].nonce === nonce, outbox.entries()[0].until], [true, undefined]);
});

test("by HTTP too, one at a time and in order", async () => {
  const { outbox, posts, clock, status } = fixture();
  status("s1", "sse");
  outbox.submit({ type: "send", body: "one" });
  outbox.submit({ type: "send", body: "two" });
  posts[0].failed(new Problem(429, "rate_limited", "slow mode", 20));
  await clock.advance(19_000);
  equal([posts.length, states(outbox)], [1, [["one", "waiting"], ["two", "waiting"]]]);
  await clock.advance(10_000);
  equal(posts.map(({ command }) => command.body), ["one", "one"]);
});

test("a clock that is set back holds nothing up", async () => {
  const { outbox, frames, clock, status } = fixture();
  status("s1");
  const nonce = outbox.submit({ type: "send", body: "one" });
  outbox.refused({ nonce, code: "rate_limited", detail: "slow mode", retry_after: 20 });
  clock.now = () => 0;
  await clock.advance(19_000);
  equal(frames.length, 1);
  await clock.advance(3_000);
  equal(frames.map(({ body }) => body), ["one", "one"]);
});

test("a shorter wait does not end a longer one, and what it finds held goes out after that", async () => {
  for (const code of ["rate_limited", "unavailable"]) {
    const { outbox, frames, clock, status } = fixture();
    status("s1");
    const [one, two] = ["one", "two"].map((body) => outbox.submit({ type: "send", body }));
    outbox.refused({ nonce: one, code: "rate_limited", detail: "slow mode", retry_after: 60 });
    outbox.refused({ nonce: two, code, detail: "", retry_after: 2 });
    await clock.advance(59_000);
    equal(frames.length, 2);
    await clock.advance(5_000);
    equal(frames.map(({ body }) => body), ["one", "two", "one", "two"]);
  }
});

test("a reload keeps the order typed, whatever the clock said, and what was tried again at its end", () => {
  const { outbox, kept, clock, status } = fixture();
  kept.setItem("chat:outbox:3:lobby:x", JSON.stringify({ command: { type: "send", body: "of an older version", nonce: "x", room: "lobby" }, state: "waiting", at: "t" }));
  status("s1");
  const again = outbox.submit({ type: "send", body: "again" });
  outbox.refused({ nonce: again, code: "forbidden", detail: "" });
  outbox.submit({ type: "send", body: "first" });
  clock.now = () => 0;
  outbox.submit({ type: "send", body: "second" });
  outbox.retry(again);
  equal(states(fixture({ kept }).outbox).map(([body]) => body), ["of an older version", "first", "second", "again"]);
});
