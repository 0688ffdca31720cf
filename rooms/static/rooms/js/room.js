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
import { MessageStore } from "./store.js";
import { lineToHub } from "./tabs.js";
import { Banner } from "./view/banner.js";
import { Composer } from "./view/composer.js";
import { edit } from "./view/editor.js";
import { LogView } from "./view/log.js";
import { rowsOf } from "./view/models.js";
import { askRemoval } from "./view/removal.js";

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

let mayPost = page.post;
/** The life of the connection in which this room was last asked for. */
let session = "";
const store = new MessageStore(() => view.draw());
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
  rows: () => rowsOf(store, outbox, user),
  viewer: { user, post: () => mayPost, moderate: page.moderate },
  acts: {
    edit: editMessage,
    redact: (message) => void redactMessage(message),
    retry: (nonce) => outbox.retry(nonce),
    discard: (nonce) => void outbox.discard(nonce),
  },
  nearTop: () => {
    if (history.state === "idle") void history.load();
  },
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
      element("log").removeAttribute("aria-busy");
      line.want(room, () => feed.cursor);
    },
    messages: (messages) => {
      store.add(messages);
      outbox.seen(messages);
      outbox.passed(feed.cursor?.id ?? 0);
      // A page that stays open for weeks holds a bounded piece of the room.
      const settled = history.state === "idle" || history.state === "complete";
      if (store.size > MOST_HELD && view.stuck && settled) history.cut(store.trim(MOST_HELD / 2));
    },
    reset: () => store.reset(),
    left: (code) => {
      if (code !== "not_authenticated") leave();
    },
  },
});

const composer = page.post && user ? startComposer() : null;
element("earlier").addEventListener("click", () => void history.load());
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
  if (status.state !== "open" || status.session === session) return;
  session = status.session;
  if (feed.cursor) line.again();
  else feed.wake();
}

function leave() {
  mayPost = false;
  feed.end();
  line.enough(room);
  composer?.close();
  banner.left();
  view.draw();
}

function showHistory() {
  const earlier = /** @type {HTMLButtonElement} */ (element("earlier"));
  const { state } = history;
  element("beginning").hidden = state !== "complete";
  earlier.hidden = state === "complete";
  earlier.disabled = state === "loading";
  earlier.textContent = state === "failed" ? "Earlier messages could not be read. Try again" : "Earlier messages";
  if (state === "loading") earlier.textContent = "Reading earlier messages…";
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
      const last = store.findLast((message) => message.author?.id === user?.id && !message.redacted);
      if (last) editMessage(last);
      return last !== undefined;
    },
  });
}

/** @param {Message} message */
function editMessage(message) {
  const item = view.item(message.id);
  if (!item || !mayPost) return;
  edit(item, message, {
    most: page.maxBody,
    save: (text) => void outbox.submit({ type: "edit", target: message.id, body: text }),
    done: () => element("text").focus(),
  });
}

/** @param {Message} message */
async function redactMessage(message) {
  const dialog = /** @type {HTMLDialogElement} */ (element("removal"));
  const reason = await askRemoval(dialog, { quote: message.body ?? "", reason: page.moderate });
  if (reason !== null) outbox.submit({ type: "redact", target: message.id, body: reason });
}
