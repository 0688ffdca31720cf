// @ts-check
/** The page of a room: puts the parts together; what they say to each other stands here and nowhere else. */

import "./site.js";
import { Answering } from "./answering.js";
import { startAttention } from "./attention.js";
import { browserClock as clock } from "./clock.js";
import { connect } from "./connect.js";
import { startSwitch } from "./enterkey.js";
import { RoomFeed } from "./feed.js";
import { gettext } from "./i18n.js";
import { Later } from "./later.js";
import { LogWindow } from "./logwindow.js";
import { Texts } from "./markup/texts.js";
import { Outbox } from "./outbox.js";
import { element, firstMessages, roomPage } from "./page.js";
import { Permalinks } from "./permalinks.js";
import { parsePage } from "./protocol.js";
import { ReadMarker } from "./readmarker.js";
import { startRooms } from "./roomsbeside.js";
import { RoomState, whyNot } from "./roomstate.js";
import { MessageStore } from "./store.js";
import { Unsent } from "./unsent.js";
import { Banner } from "./view/banner.js";
import { startAttaching } from "./view/attach.js";
import { Composer } from "./view/composer.js";
import { edges } from "./view/edges.js";
import { edit } from "./view/editor.js";
import { Head } from "./view/head.js";
import { LogView } from "./view/log.js";
import { rowsOf, withAnswered } from "./view/models.js";
import { startRoving } from "./view/roving.js";

/**
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./protocol.js").Message} Message
 */

const page = roomPage();
const { room, user } = page;
const { api, line, storage, owner } = await connect(page);

/** Access was withdrawn: nothing can be done here any more. */
let over = false;
/** What was new when the page was opened: a line stands above it. */
const unread = { after: page.state.read ?? 0, upTo: page.lastId };
let bySocket = false;
/** The life of the connection in which this room was last asked for. */
let session = "";
const store = new MessageStore(() => view.draw());
const texts = new Texts(user?.id, redraw);
/** What many visits never need, and how to go on without it until it is here. */
const parts = {
  files: new Later(() => import("./view/files.js"), redraw),
  quote: new Later(() => import("./view/quote.js"), redraw),
  words: new Later(() => import("./view/words.js"), redraw),
  refusals: new Later(() => import("./view/refusals.js"), redraw),
  quotes: new Later(async () => {
    const { Quotes } = await import("./quotes.js");
    return new Quotes({ room, api, store, onchange: () => view.draw() });
  }, () => view.draw()),
};
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
/** @type {import("./outbox.js").Ways} */
const ways = {
  socket: (frame) => (line.send(frame), true),
  post: (command) => api.write(command),
  doubt: () => line.ask("check"),
};
const outbox = new Outbox({
  room,
  user,
  storage,
  clock,
  ways: {
    ...ways,
    files: async (nonce) => (await import("./sendfiles.js")).seeTo(outbox, nonce, navigator.locks),
  },
  onchange: () => view.draw(),
});
const unsent = user && new Unsent({ room, user, storage, clock, ways, locks: navigator.locks });
/** @type {LogView} */
const view = new LogView({
  parts: {
    scroller: element("scroller"),
    live: element("log"),
    list: element("messages"),
    jump: element("jump"),
  },
  rows: () => {
    reply?.draw();
    if (permalinks.arriving) return [];
    return withAnswered(rowsOf(store, outbox, user, { unread, from: log.from, end: log.attached || view.stuck }), answered);
  },
  viewer: { user, post: mayPost, moderate: () => state.now.moderate && !over, texts, parts },
  acts: {
    reply: answer,
    go: (id) => void permalinks.goTo(id),
    edit: editMessage,
    redact: (message) => void withMenu((menu) => menu.remove(message)),
    react: (message) => void withMenu((menu) => menu.react(message)),
    toggle: ({ id }, body, on) => void outbox.submit({ type: on ? "react" : "unreact", target: id, body }),
    more: (message) => void withMenu((menu) => menu.open(message)),
    retry: (nonce) => outbox.retry(nonce),
    discard: (nonce) => {
      const entry = outbox.discard(nonce);
      const id = entry?.command.reply_to;
      if (composer?.giveBack(entry) && id) answer({ id });
    },
  },
  reach: {
    attached: () => log.attached,
    ends: () => showEdges(log.state("older"), log.state("newer")),
    unseen: (id) => log.unseen(id),
    near: (end) => {
      if (log.state(end) === "idle") void log.load(end);
    },
    down: () => void permalinks.down(),
    seen: (id) => marker?.seen(id),
  },
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
  words: parts.words,
  over: () => void state.anew(),
});
const banner = new Banner({
  banner: element("banner"),
  mark: element("connection"),
  clock,
  now: () => line.ask("now"),
  links: page.links,
});
const showEdges = edges(
  {
    beginning: element("beginning"),
    older: /** @type {HTMLButtonElement} */ (element("earlier")),
    newer: /** @type {HTMLButtonElement} */ (element("later")),
  },
  (end) => void log.load(end),
);
const log = new LogWindow({
  room,
  api,
  store,
  me: user?.id,
  far: () => view.far,
  onpage: () => view.quietly(),
  onchange: () => view.draw(),
  onreset: () => feed.reset(),
});
const permalinks = new Permalinks({ log, view, say });
const feed = new RoomFeed({
  room,
  api,
  clock,
  reader: {
    opened: (newest) => {
      log.open(newest);
      view.opened(newest.last_id);
      outbox.seen(newest.messages);
      outbox.passed(newest.last_id);
      state.opened(newest);
      permalinks.opened();
      element("log").removeAttribute("aria-busy");
      line.want(room, () => feed.cursor);
    },
    messages: (messages) => {
      log.live(messages);
      parts.quotes.part?.heard(messages);
      outbox.seen(messages);
      outbox.passed(feed.cursor?.id ?? 0);
      state.told(messages);
    },
    reset: () => {
      log.reset();
      parts.quotes.part?.reset();
      state.reset();
      marker?.reset();
      unread.after = 0; // no line any more: the ids that it stood between are of another log
    },
    left: (code) => {
      if (code !== "not_authenticated") leave();
    },
  },
});

const reply = user ? startReply() : null;
const composer = user ? startComposer() : null;
const attention = startAttention({
  room,
  user,
  state: () => state.now,
  storage,
  address: page.links.room,
  clock,
  line,
  api,
  say,
  failed: (error) => void complain(error),
});
const rooms = user && startRooms({ page, user, api, line, clock, storage, root: element("rooms-beside"), current: page.state });
document.getElementById("mute-room")?.addEventListener("click", ({ currentTarget }) => {
  const toggle = /** @type {HTMLElement} */ (currentTarget);
  import("./view/muting.js").then(({ mute }) => mute(toggle, { room, api, line, say })).catch(complain);
});
startRoving({
  list: element("messages"),
  scroller: element("scroller"),
  ends: [element("earlier"), element("later")],
  leave: () => document.getElementById("text")?.focus(),
});
showState();
document.addEventListener("visibilitychange", () => view.draw()); // what came while hidden may be seen now
addEventListener("storage", ({ key, newValue }) => {
  outbox.elsewhere(key, newValue);
  unsent?.elsewhere(key, newValue);
});
line.hear = heard;
view.draw(); // what was not sent before a reload is there before anything is read
feed.begin(parsePage(firstMessages()));
line.open();

/** @param {Told} told */
function heard(told) {
  rooms?.told(told);
  attention(told);
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
      unsent?.stored(nonce, id);
      outbox.passed(feed.cursor?.id ?? 0);
    }
  } else if (told.op === "failed") {
    outbox.refused(told.failure);
    unsent?.refused(told.failure);
  }
}

/** @param {import("./connection.js").Status} status */
function connected(status) {
  banner.status(status);
  outbox.status(status);
  unsent?.status(status);
  bySocket = status.state === "open" && status.transport === "websocket";
  if (status.state !== "open" || status.session === session) return;
  session = status.session;
  marker?.again();
  texts.again();
  for (const part of [reply, ...Object.values(parts)]) part?.again();
  parts.quotes.part?.again();
  if (feed.cursor) line.again();
  else feed.wake();
}

/** @param {number} id @returns {Promise<unknown>} */
function tellRead(id) {
  line.send({ type: "read", room, id }); // the other tabs hear it, whatever the transport
  return bySocket ? Promise.resolve() : api.read(room, id);
}

function mayPost() {
  return !over && whyNot(state.now, user !== null, clock.now()) === "";
}

/** A message that others answer: held, or asked for by what is fetched with the first of those. @param {number} id */
function answered(id) {
  const held = store.get(id);
  if (!held) parts.quotes.want();
  return held ?? parts.quotes.part?.get(id);
}

/** The same is shown, and looks other now: it is not announced again. */
function redraw() {
  view.quietly();
  showState();
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

/** Say why something failed. @param {unknown} error */
async function complain(error) {
  const line = parts.refusals.get().then(({ inWords }) => inWords(error));
  say(await line.catch(() => gettext("The server did not answer. Try again.")));
}

/** Do something by the menu of messages, which is fetched when it is first used. @param {(menu: import("./view/menu.js").MessageMenu) => void} does */
async function withMenu(does) {
  try {
    const { MessageMenu } = await import("./view/menu.js");
    const menu = new MessageMenu({
      room,
      api,
      user,
      state: () => ({ ...state.now, post: mayPost() }),
      submit: (type, { id }, body) => void outbox.submit({ type, target: id, body }),
      reply: answer,
      edit: editMessage,
      goTo: (other) => location.assign(page.links.room.replace("ROOM", other)),
      say,
    });
    does(menu);
  } catch (error) {
    await complain(error);
  }
}

function leave() {
  over = true;
  feed.end();
  line.enough(room);
  composer?.close();
  banner.left();
  view.renew();
}

function startReply() {
  const box = /** @type {HTMLTextAreaElement} */ (element("text"));
  return new Answering({ strip: element("answering"), box, storage, key: `chat:reply:${owner}:${room}`, answered, texts });
}

/** @param {Pick<Message, "id">} message */
function answer({ id }) {
  reply?.to(id).catch(complain);
}

function startComposer() {
  const box = /** @type {HTMLTextAreaElement} */ (element("text"));
  const key = `chat:draft:${owner}:${room}`;
  const attach = startAttaching({ box, page, api, open: () => mayPost() && !box.readOnly, clock, storage, key: `${key}:files`, say });
  const made = new Composer({
    form: /** @type {HTMLFormElement} */ (element("composer")),
    box,
    attach,
    button: /** @type {HTMLButtonElement} */ (element("send")),
    complaint: element("complaint"),
    count: element("count"),
    most: page.maxBody,
    storage,
    key,
    send: (text, files) => {
      outbox.submit({ type: "send", body: text, ...reply?.take() }, files);
      view.stick();
      void permalinks.down();
    },
    editLast: () => {
      if (!log.attached) {
        void permalinks.down(); // where it is; what is held may have an older one
        return true;
      }
      const last = store.findLast((message) => message.kind === "message" && message.author?.id === user?.id && !message.redacted);
      if (last) editMessage(last);
      return last !== undefined;
    },
  });
  startSwitch(element("enter-sends"), () => made.tellKeys());
  return made;
}

/** Without a connection, too: what is changed is kept and sent later. @param {Message} message */
function editMessage(message) {
  const item = view.item(message.id);
  if (!item || !mayPost()) return;
  edit(item, outbox.textOf(message), {
    most: page.maxBody,
    save: (text) => void outbox.submit({ type: "edit", target: message.id, body: text }),
    done: () => element("text").focus(),
  });
}
