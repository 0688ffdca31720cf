// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { longPoll } from "/static/rooms/js/transports/longpoll.js";
import { HELD, PerRoomTransport } from "/static/rooms/js/transports/perroom.js";
import { eventStream } from "/static/rooms/js/transports/sse.js";
import { WebSocketTransport } from "/static/rooms/js/transports/websocket.js";
import { BadWire, parseFrame, parsePage } from "/static/rooms/js/protocol.js";
import { equal, ok, settled, test, TestClock, throws } from "./check.js";

const user = { id: 3, name: "ana" };
const row = (/** @type {number} */ id, room = "lobby") => ({ id, room, kind: "message", created_at: "t" });

/** A listener that writes down what it is told. */
function listening() {
  /** @type {any[]} */
  const told = [];
  const listener = /** @type {any} */ (
    new Proxy({}, { get: (_target, name) => (/** @type {unknown[]} */ ...what) => name !== "heard" && told.push([name, ...what]) })
  );
  return { told, listener };
}

class FakeSocket {
  /** @type {any[]} */
  frames = [];
  isClosed = false;
  /** @type {(event: any) => void} */
  onmessage = () => {};
  /** @type {(event: any) => void} */
  onclose = () => {};
  /** @param {string} text */
  send(text) {
    this.frames.push(JSON.parse(text));
  }
  close() {
    this.isClosed = true;
  }
  /** @param {object} frame */
  says(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

function socketFixture() {
  const socket = new FakeSocket();
  const { told, listener } = listening();
  const transport = new WebSocketTransport("ws://x/ws", listener, () => /** @type {any} */ (socket));
  return { socket, told, transport };
}

test("what a socket says just before it closes goes with the close", () => {
  const { socket, told, transport } = socketFixture();
  transport.open();
  socket.says({ type: "hello", user, epoch: "e" });
  socket.says({ type: "error", code: "unavailable", detail: "full", room: "lobby", retry_after: 2 });
  socket.says({ type: "error", code: "unavailable", detail: "restarting", retry_after: 7 });
  socket.onclose({ code: 1012 });
  equal(told.map(([name]) => name), ["opened", "failed", "closed"]);
  equal(told.at(-1), ["closed", { code: 1012, retryAfter_s: 7 }]);
});

test("a socket joins after hello, and sends nothing before it", () => {
  const { socket, told, transport } = socketFixture();
  transport.join("lobby", 7, "e");
  transport.open();
  equal([transport.send({ type: "send" }), socket.frames], [false, []]);
  socket.says({ type: "hello", user, epoch: "e" });
  equal(socket.frames, [{ type: "join", room: "lobby", after: 7, epoch: "e" }]);
  equal([told, transport.send({ type: "send" })], [[["opened", user]], true]);
});

test("a socket's check joins again after what it has seen, which changes nothing", () => {
  const { socket, transport } = socketFixture();
  transport.join("lobby", 7, "e");
  transport.open();
  socket.says({ type: "hello", user, epoch: "e" });
  socket.says({ type: "joined", room: "lobby", after: 7, last_id: 9, epoch: "e" });
  socket.says({ type: "messages", room: "lobby", prev: 7, messages: [row(8), row(9)] });
  transport.poke();
  equal(socket.frames.at(-1), { type: "join", room: "lobby", after: 9, epoch: "e" });
});

test("a frame that is not the protocol's ends the connection, since the cursor cannot pass it", () => {
  const { socket, told, transport } = socketFixture();
  transport.open();
  socket.says({ type: "messages", room: "lobby", prev: 7, messages: [row(9), row(8)] });
  equal([told, socket.isClosed], [[["closed", { code: 1002 }]], true]);
});

test("who is there, who types and what was read elsewhere is passed on, name by name", () => {
  const { socket, told, transport } = socketFixture();
  transport.open();
  socket.says({ type: "hello", user, epoch: "e" });
  socket.says({ type: "presence", room: "lobby", users: [{ ...user, more: 1 }], more: 1 });
  socket.says({ type: "typing", room: "lobby", user });
  socket.says({ type: "read", room: "den", id: 9 });
  equal(told.slice(1), [
    ["aside", { type: "presence", room: "lobby", users: [user] }],
    ["aside", { type: "typing", room: "lobby", user }],
    ["aside", { type: "read", room: "den", id: 9 }],
  ]);
});

test("rooms are overheard by one frame, which also provokes an answer where nothing is joined", () => {
  const { socket, told, transport } = socketFixture();
  transport.open();
  transport.overhear(["den"]);
  socket.says({ type: "hello", user, epoch: "e" });
  equal(socket.frames, []);
  transport.overhear(["den", "attic"]);
  transport.poke();
  const frame = { type: "overhear", rooms: ["den", "attic"] };
  equal(socket.frames, [frame, frame]);
  socket.says({ type: "overhearing", rooms: [{ room: "den", last_id: 4, more: 1 }] });
  socket.says({ type: "rooms" });
  equal(told.slice(1), [["overhearing", [{ room: "den", last_id: 4 }]], ["nudged"]]);
});

test("a frame of a type that is not known is passed over", () => {
  const { socket, told, transport } = socketFixture();
  transport.open();
  socket.says({ type: "weather", room: "lobby", sun: 4 });
  equal([told, socket.isClosed], [[], false]);
});

test("after its close a socket says nothing more", () => {
  const { socket, told, transport } = socketFixture();
  transport.open();
  transport.close();
  equal([socket.onmessage, socket.onclose, told], [null, null, []]);
});

/** The API as far as per-room transports use it. */
class FakeApi {
  /** @type {any[]} */
  calls = [];
  async rooms() {
    return { user, epoch: "e" };
  }
  /** @param {string} room @param {number} cursor @param {any} how */
  after(room, cursor, how) {
    return new Promise((answer, fail) => {
      this.calls.push({ room, cursor, how, answer, fail });
      how.signal?.addEventListener("abort", () => fail(new Unreachable("aborted")));
    });
  }
  /** @param {string} room */
  async newest(room) {
    return { room, epoch: "f", messages: [], last_id: 4, more: false };
  }
}

function perRoomFixture() {
  const api = new FakeApi();
  const clock = new TestClock();
  const { told, listener } = listening();
  /** @type {Map<string, any>} */
  const held = new Map();
  const follow = (/** @type {string} */ room, /** @type {any} */ place, /** @type {any} */ sink) => {
    held.set(room, { place, sink });
    return () => void held.delete(room);
  };
  const transport = new PerRoomTransport({ api: /** @type {any} */ (api), clock, listener, follow });
  return { api, clock, told, held, transport };
}

test("at most three rooms hold a request, those looked at last; the others are read by turns", async () => {
  const { api, clock, held, told, transport } = perRoomFixture();
  for (const room of ["a", "b", "c", "d", "e"]) transport.join(room, 1, "e");
  await transport.open();
  equal([[...held.keys()].sort(), HELD], [["c", "d", "e"], 3]);
  transport.attend("a");
  equal([...held.keys()].sort(), ["a", "d", "e"]);
  await clock.advance(3_000);
  equal(api.calls.map(({ room, how }) => [room, how.wait_s]), [["b", undefined]]);
  held.get("a").sink.started(1, 1, "e");
  api.calls[0].answer({ messages: [row(2, "b")], last_id: 2, more: false });
  await clock.advance(3_000);
  equal([told.at(-1)[0], told.at(-1)[1], told.at(-1)[2], api.calls[1].room], ["messages", "b", 1, "c"]);
});

test("only one turn is taken at a time", async () => {
  const { api, clock, transport } = perRoomFixture();
  for (const room of ["a", "b", "c", "d", "e"]) transport.join(room, 1, "e");
  await transport.open();
  await clock.advance(60_000);
  equal(api.calls.length, 1);
});

test("a room whose turn is answered with reset begins anew there", async () => {
  const { api, clock, told, transport } = perRoomFixture();
  for (const room of ["a", "b", "c", "d"]) transport.join(room, 9, "e");
  await transport.open();
  await clock.advance(3_000);
  api.calls[0].fail(new Problem(409, "reset", "", undefined));
  await settled();
  equal(told.at(-1), ["reset", { type: "reset", room: "a", after: 4, epoch: "f" }]);
  await clock.advance(3_000);
  equal(api.calls[1].cursor, 4);
});

test("one broken room breaks the way to the server, once", async () => {
  const { held, told, transport } = perRoomFixture();
  for (const room of ["a", "b"]) transport.join(room, 1, "e");
  await transport.open();
  const [a, b] = [held.get("a"), held.get("b")];
  a.sink.broken({ retryAfter_s: 3 });
  b.sink.broken({});
  b.sink.messages([row(2, "b")]);
  equal([told, held.size], [[["closed", { retryAfter_s: 3 }]], 0]);
});

test("a long poll reads at once first, then waits, always after what it has", async () => {
  const api = new FakeApi();
  const { told, listener } = listening();
  const transport = new PerRoomTransport({ api: /** @type {any} */ (api), clock: new TestClock(), listener, follow: longPoll(/** @type {any} */ (api)) });
  transport.join("lobby", 7, "e");
  await transport.open();
  equal([api.calls[0].cursor, api.calls[0].how.wait_s, told.length], [7, 0, 0]);
  api.calls[0].answer({ epoch: "e", messages: [row(8)], last_id: 8, more: false });
  await settled();
  ok(api.calls[1].how.wait_s > 0, "it waits");
  equal([api.calls[1].cursor, told.map(([name]) => name)], [8, ["opened", "joined", "messages"]]);
  transport.leave("lobby");
  await settled();
  equal([api.calls.length, api.calls[1].how.signal.aborted], [2, true]);
});

test("a long poll that is refused leaves its room, one that is cut breaks the way", async () => {
  for (const [error, name] of /** @type {const} */ ([[new Problem(404, "not_found", "", undefined), "left"], [new Unreachable("cut"), "closed"]])) {
    const api = new FakeApi();
    const { told, listener } = listening();
    const transport = new PerRoomTransport({ api: /** @type {any} */ (api), clock: new TestClock(), listener, follow: longPoll(/** @type {any} */ (api)) });
    transport.join("lobby", 7, "e");
    await transport.open();
    api.calls[0].fail(error);
    await settled();
    equal([told.at(-1)[0], api.calls.length], [name, 1]);
  }
});

class FakeSource extends EventTarget {
  readyState = 0;
  isClosed = false;
  onerror = () => {};
  close() {
    this.isClosed = true;
  }
  /** @param {string} type @param {object} data */
  says(type, data) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

function streamFixture() {
  const source = new FakeSource();
  const api = new FakeApi();
  /** @type {string[]} */
  const urls = [];
  const { told, listener } = listening();
  const make = (/** @type {string} */ url) => (urls.push(url), /** @type {any} */ (source));
  const follow = eventStream(/** @type {any} */ (api), "/api/", make);
  const transport = new PerRoomTransport({ api: /** @type {any} */ (api), clock: new TestClock(), listener, follow });
  transport.join("lobby", 7, "e");
  return { source, api, urls, told, transport };
}

test("a stream is asked for after the cursor, and is open once it says hello", async () => {
  const { source, urls, told, transport } = streamFixture();
  await transport.open();
  equal([urls, told], [["/api/rooms/lobby/events?after=7&epoch=e"], []]);
  source.says("hello", { room: "lobby", epoch: "e", after: 7, last_id: 8 });
  source.says("message", row(8));
  source.says("message", row(9));
  equal(told.map(([name, , prev]) => (name === "messages" ? prev : name)), ["opened", "joined", 7, 8]);
});

test("the browser's own attempt to come back is let be once, and takes nothing twice", async () => {
  const { source, told, transport } = streamFixture();
  await transport.open();
  source.says("hello", { room: "lobby", epoch: "e", after: 7, last_id: 8 });
  source.says("message", row(8));
  source.onerror();
  source.says("hello", { room: "lobby", epoch: "e", after: 8, last_id: 8 });
  source.says("message", row(8));
  source.says("message", row(9));
  const ids = told.filter(([name]) => name === "messages").flatMap(([, , , rows]) => rows.map((/** @type {any} */ { id }) => id));
  equal([ids, source.isClosed], [[8, 9], false]);
  source.onerror();
  source.onerror();
  equal([source.isClosed, told.at(-1)[0]], [true, "closed"]);
});

test("a stream that the browser gives up is asked about, and left where the room is not ours", async () => {
  const { source, api, told, transport } = streamFixture();
  api.newest = async () => {
    throw new Problem(403, "forbidden", "", undefined);
  };
  await transport.open();
  source.readyState = EventSource.CLOSED;
  source.onerror();
  await settled();
  equal(told.at(-1), ["left", "lobby", "forbidden"]);
});

test("reset and left inside a stream are acted on", async () => {
  const { source, told, transport } = streamFixture();
  await transport.open();
  source.says("reset", { room: "lobby", after: 3, epoch: "f" });
  source.says("message", row(4));
  source.says("left", { room: "lobby", code: "forbidden" });
  equal(told.slice(-3).map(([name, ...what]) => [name, what[1]]), [["reset", undefined], ["messages", 3], ["left", "forbidden"]]);
  equal(source.isClosed, true);
});

test("what is not the protocol's is refused, fields that are not known are dropped", () => {
  for (const bad of ["", "[]", "null", "7", '{"type": 3}', '{"type": "joined", "room": "a"}', '{"type": "messages", "room": "a", "prev": -1, "messages": []}',
    '{"type": "messages", "room": "a", "prev": 1e400, "messages": []}', '{"type": "messages", "room": "a", "prev": 9007199254740993, "messages": []}']) {
    throws(() => parseFrame(bad), bad);
  }
  try {
    parseFrame("{");
  } catch (error) {
    ok(error instanceof BadWire, "one sort of error");
  }
  const page = parsePage({ room: "a", epoch: "e", messages: [{ ...row(1), extra: 1, __proto__: { x: 1 } }], last_id: 1, more: false, next: 2 });
  equal(page, { room: "a", epoch: "e", messages: [row(1)], last_id: 1, more: false });
});
