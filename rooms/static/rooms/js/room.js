// @ts-check
/** The page of a room: puts the parts together; what they say to each other stands here and nowhere else. */

import { Api } from "./api.js";
import { browserClock as clock } from "./clock.js";
import { Connection } from "./connection.js";
import { RoomFeed } from "./feed.js";
import { History } from "./history.js";
import { browserTransports, kindNamed, Ladder } from "./ladder.js";
import { Outbox } from "./outbox.js";
import { cookie, element, lastingStorage, roomPage, socketUrl } from "./page.js";
import { ReadMarker } from "./readmarker.js";
import { RoomState, whyNot } from "./roomstate.js";
import { MessageStore } from "./store.js";
import { lineToHub } from "./tabs.js";
import { Banner } from "./view/banner.js";
import { Composer } from "./view/composer.js";
import { inWords } from "./view/dialogs.js";
import { edit } from "./view/editor.js";
import { Head } from "./view/head.js";
import { LogView } from "./view/log.js";
import { MessageMenu } from "./view/menu.js";
import { rowsOf } from "./view/models.js";

/**
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./protocol.js").Message} Message
 */

/** How many messages are held while nobody reads further up. */
const MOST_HELD = 1_000;

const page = roomPage();
const { room, user } = page;
const storage = lastingStorage();
const fixed = kindNamed(new URLSearchParams(location.search).get("transport"));
const api = new Api({ root: page.api, csrfToken: () => cookie(page.csrfCookie) ?? page.csrfToken, user });
const owner = `${user?.id ?? "guest"}`;

const line = await lineToHub({
  name: `chat:1:${owner}:${fixed ?? "auto"}`,
  clock,
  connect: (outlet) => {
    const make = browserTransports({ api, clock, socketUrl: socketUrl(page) });
    return new Connection({ ladder: new Ladder({ make, fixed, storage, clock }), api, clock, user, outlet });
  },
});

/** Access was withdrawn: nothing can be done here any more. */
let over = false;
/** What was new when the page was opened: a line stands above it. */
const unread = { after: page.state.read ?? 0, upTo: page.lastId };
/** The message that the page's address names, until it is found. */
let sought = named();
let bySocket = false;
/** The life of the connection in which this room was last asked for. */
let session = "";
const store = new MessageStore(() => view.draw());
const marker = user
  ? new ReadMarker({ from: unread.after, clock, tell: tellRead })
  : null;
const state = new RoomState({
  room: page.state,
  at: page.lastId,
  me: user?.id,
  ask: () => api.room(room),
  onchange: showState,
});
const outbox = new Outbox({
  room,
  user,
  storage,
  clock,
  ways: {
    socket: (frame) => (line.send(frame), true),
    post: (command) => api.write(command),
    doubt: () => line.ask("check"),
  },
  onchange: () => view.draw(),
});
const view = new LogView({
  parts: {
    scroller: element("scroller"),
    live: element("log"),
    list: element("messages"),
    jump: element("jump"),
  },
  rows: () => rowsOf(store, outbox, user, unread),
  viewer: { user, post: mayPost, moderate: () => state.now.moderate && !over },
  acts: {
    edit: editMessage,
    redact: (message) => menu.remove(message),
    react: (message) => menu.react(message),
    toggle: ({ id }, body, on) => void outbox.submit({ type: on ? "react" : "unreact", target: id, body }),
    more: (message) => menu.open(message),
    retry: (nonce) => outbox.retry(nonce),
    discard: (nonce) => void outbox.discard(nonce),
  },
  nearTop: () => {
    if (history.state === "idle") void history.load();
  },
  seen: (id) => marker?.seen(id),
});
const menu = new MessageMenu({
  room,
  api,
  user,
  state: () => ({ ...state.now, post: mayPost() }),
  submit: (type, { id }, body) => void outbox.submit({ type, target: id, body }),
  edit: editMessage,
  say,
});
const head = new Head({
  name: element("room-name").querySelector("bdi") ?? element("room-name"),
  topic: element("topic"),
  tags: element("tags"),
  form: user ? /** @type {HTMLFormElement} */ (element("composer")) : null,
  why: element("no-post"),
  slow: user ? element("slow-mode") : null,
  known: user !== null,
  clock,
  over: () => void state.anew(),
});
const banner = new Banner({
  banner: element("banner"),
  mark: element("connection"),
  clock,
  now: () => line.ask("now"),
  links: page.links,
});
const history = new History({
  room,
  api,
  onpage: (messages) => {
    view.quietly();
    store.add(messages);
  },
  onchange: showHistory,
  onreset: () => feed.reset(),
});
const feed = new RoomFeed({
  room,
  api,
  clock,
  reader: {
    opened: (newest) => {
      view.quietly();
      store.add(newest.messages);
      outbox.seen(newest.messages);
      outbox.passed(newest.last_id);
      history.start(newest);
      state.opened(newest);
      element("log").removeAttribute("aria-busy");
      line.want(room, () => feed.cursor);
    },
    messages: (messages) => {
      store.add(messages);
      outbox.seen(messages);
      outbox.passed(feed.cursor?.id ?? 0);
      state.told(messages);
      // A page that stays open for weeks holds a bounded piece of the room.
      const settled = history.state === "idle" || history.state === "complete";
      if (store.size > MOST_HELD && view.stuck && settled) history.cut(store.trim(MOST_HELD / 2));
    },
    reset: () => {
      store.reset();
      state.reset();
    },
    left: (code) => {
      if (code !== "not_authenticated") leave();
    },
  },
});

const composer = user ? startComposer() : null;
element("earlier").addEventListener("click", () => void history.load());
startMuting();
showState();
document.addEventListener("visibilitychange", () => view.draw()); // what came while hidden may be seen now
addEventListener("hashchange", () => {
  sought = named();
  seek();
});
addEventListener("storage", ({ key, newValue }) => outbox.elsewhere(key, newValue));
line.hear = heard;
view.draw(); // what was not sent before a reload is there before anything is read
feed.wake();
line.open();

/** @param {Told} told */
function heard(told) {
  if ("room" in told && told.room !== room) return;
  if (told.op === "status") {
    connected(told.status);
  } else if (told.op === "at") {
    feed.told(told.id, told.epoch);
  } else if (told.op === "messages") {
    feed.batch(told.prev, told.messages);
  } else if (told.op === "reset") {
    feed.reset();
  } else if (told.op === "left") {
    feed.left(told.code);
  } else if (told.op === "sent") {
    for (const { nonce, id } of told.sent) {
      outbox.stored(nonce, id);
      outbox.passed(feed.cursor?.id ?? 0);
    }
  } else if (told.op === "failed") {
    outbox.refused(told.failure);
  }
}

/** @param {import("./connection.js").Status} status */
function connected(status) {
  banner.status(status);
  outbox.status(status);
  bySocket = status.state === "open" && status.transport === "websocket";
  if (status.state !== "open" || status.session === session) return;
  session = status.session;
  marker?.again();
  if (feed.cursor) line.again();
  else feed.wake();
}

/** @param {number} id @returns {Promise<unknown>} */
function tellRead(id) {
  if (!bySocket) return api.read(room, id);
  line.send({ type: "read", room, id });
  return Promise.resolve();
}

function mayPost() {
  return !over && whyNot(state.now, user !== null, clock.now()) === "";
}

function showState() {
  head.show(state.now);
  view.renew();
}

/** Say what was done, for a moment. @param {string} text */
function say(text) {
  const told = element("told");
  told.textContent = text;
  clock.after(6_000, () => {
    if (told.textContent === text) told.textContent = "";
  });
}

/** The message that the page's address names, 0 where it names none. */
function named() {
  return Number(/^#m(\d{1,16})$/.exec(location.hash)?.[1] ?? 0);
}

/** Read upwards until the message that the address names is there; not without end. */
function seek() {
  if (sought === 0) return;
  view.aside();
  if (store.get(sought)) {
    const found = sought;
    sought = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => view.goTo(found)));
  } else if (history.state === "idle" && store.size < MOST_HELD) {
    void history.load();
  } else if (history.state !== "loading") {
    sought = 0;
    say("That message is not here, or too far up.");
  }
}

/** The switch by which one is told of nothing in this room. */
function startMuting() {
  const found = document.getElementById("mute-room");
  if (!found) return;
  const toggle = /** @type {HTMLButtonElement} */ (found);
  toggle.addEventListener("click", async () => {
    const muted = toggle.getAttribute("aria-pressed") !== "true";
    try {
      await api.mute(room, muted);
      toggle.setAttribute("aria-pressed", String(muted));
      say(muted ? "You are told of nothing here." : "You are told of what is new here.");
    } catch (error) {
      say(inWords(error));
    }
  });
}

function leave() {
  over = true;
  feed.end();
  line.enough(room);
  composer?.close();
  banner.left();
  view.renew();
}

function showHistory() {
  const earlier = /** @type {HTMLButtonElement} */ (element("earlier"));
  const { state: reading } = history;
  element("beginning").hidden = reading !== "complete";
  earlier.hidden = reading === "complete";
  earlier.disabled = reading === "loading";
  earlier.textContent = reading === "failed" ? "Earlier messages could not be read. Try again" : "Earlier messages";
  if (reading === "loading") earlier.textContent = "Reading earlier messages…";
  else queueMicrotask(seek); // a page is told before what it holds is
}

function startComposer() {
  return new Composer({
    form: /** @type {HTMLFormElement} */ (element("composer")),
    box: /** @type {HTMLTextAreaElement} */ (element("text")),
    complaint: element("complaint"),
    most: page.maxBody,
    storage,
    key: `chat:draft:${owner}:${room}`,
    send: (text) => {
      outbox.submit({ type: "send", body: text });
      view.stick();
    },
    editLast: () => {
      const last = store.findLast((message) => message.kind === "message" && message.author?.id === user?.id && !message.redacted);
      if (last) editMessage(last);
      return last !== undefined;
    },
  });
}

/** @param {Message} message */
function editMessage(message) {
  const item = view.item(message.id);
  if (!item || !mayPost()) return;
  edit(item, message, {
    most: page.maxBody,
    save: (text) => void outbox.submit({ type: "edit", target: message.id, body: text }),
    done: () => element("text").focus(),
  });
}
