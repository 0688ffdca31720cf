// @ts-check
/**
 * The wire's shapes (docs/protocol.md) and their checking.
 *
 * What passes through here is copied field by field, so nothing further in sees an unchecked value
 * or a field that it does not know. Ids are checked to be safe integers: past 2^53 JSON's numbers
 * lose digits in a browser, and a wrong cursor is worse than a refused frame.
 */

/**
 * @typedef {number | string} UserId
 * @typedef {{id: UserId, name: string}} Author
 * @typedef {{body: string, count: number, users: UserId[]}} Reaction `users` are the first of them
 * @typedef {{event: string, about?: Author, value?: string | number | boolean, until?: string}} Notice
 * @typedef {{id: string, name: string, type: string, size: number, url: string, width?: number, height?: number,
 *   preview?: string}} SentFile `url` and `preview` are paths here
 * @typedef {object} Message
 * @property {number} id
 * @property {string} room
 * @property {string} kind
 * @property {Author} [author]
 * @property {string} [body]
 * @property {number} [target]
 * @property {number} [reply_to]
 * @property {boolean} [redacted]
 * @property {string} [edited_at]
 * @property {number} [changed]
 * @property {Author[]} [mentions]
 * @property {Reaction[]} [reactions]
 * @property {SentFile[]} [files]
 * @property {Notice} [notice]
 * @property {string} created_at
 * @property {string} [nonce]
 *
 * @typedef {{room: string, epoch: string, messages: Message[], last_id: number, more: boolean}} Page
 *
 * @typedef {object} Room what one may know of a room, and do there
 * @property {string} room
 * @property {string} name
 * @property {string} topic
 * @property {string} visibility "public", "private" or "direct"
 * @property {boolean} archived
 * @property {boolean} read_only
 * @property {number} slow_mode seconds between two messages of a member
 * @property {boolean} post
 * @property {boolean} moderate
 * @property {boolean} manage
 * @property {string} [role]
 * @property {number} [read] the caller's marker
 * @property {boolean} [muted] by themselves
 * @property {string} [muted_until] by a moderator; "" for good
 *
 * @typedef {Room & {last_id: number, unread: number, mentions: number, with?: Author}} Listed a room in a list, with what is unread there
 *
 * @typedef {{type: "hello", user?: Author, epoch: string}} Hello
 * @typedef {{type: "joined", room: string, after: number, last_id: number, epoch: string}} Joined
 * @typedef {{type: "messages", room: string, prev: number, messages: Message[]}} Messages
 * @typedef {{type: "sent", sent: {nonce: string, room: string, id: number}[]}} Sent
 * @typedef {{type: "error", code: string, detail: string, nonce?: string, room?: string, retry_after?: number}} Failure
 * @typedef {{type: "reset", room: string, after: number, epoch: string}} Reset
 * @typedef {{type: "left", room: string, code: string}} Left
 * @typedef {{type: "presence", room: string, users: Author[]}} Presence
 * @typedef {{type: "typing", room: string, user: Author}} Typing
 * @typedef {{type: "read", room: string, id: number}} Read
 * @typedef {Presence | Typing | Read} Aside what is no row of the log, and never told again
 * @typedef {{type: "overhearing", rooms: {room: string, last_id: number}[]}} Overhearing
 * @typedef {{type: "rooms"}} Nudge
 * @typedef {Overhearing | Nudge | Hello | Joined | Messages | Sent | Failure | Reset | Left | Aside} Frame
 */

/** What came over the wire is not what docs/protocol.md says. */
export class BadWire extends Error {}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
function object(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadWire("not an object");
  return /** @type {Record<string, unknown>} */ (value);
}

/** @param {unknown} value @param {string} name @returns {string} */
function text(value, name) {
  if (typeof value !== "string") throw new BadWire(`${name} is not text`);
  return value;
}

/** @param {unknown} value @param {string} name @param {number} [least] @returns {number} */
function whole(value, name, least = 0) {
  if (!Number.isSafeInteger(value) || /** @type {number} */ (value) < least) throw new BadWire(`${name} is not an id`);
  return /** @type {number} */ (value);
}

/** @param {unknown} value @param {string} name @returns {unknown[]} */
function list(value, name) {
  if (!Array.isArray(value)) throw new BadWire(`${name} is not a list`);
  return value;
}

/** @param {unknown} value @returns {UserId} */
function userId(value) {
  if (typeof value !== "string" && !Number.isSafeInteger(value)) throw new BadWire("a person's id is not an id");
  return /** @type {UserId} */ (value);
}

/** @param {unknown} value @returns {Author} */
export function parseAuthor(value) {
  const from = object(value);
  return { id: userId(from.id), name: text(from.name, "author.name") };
}

/** @param {unknown} value @returns {Reaction} */
function parseReaction(value) {
  const from = object(value);
  return {
    body: text(from.body, "reaction.body"),
    count: whole(from.count, "reaction.count", 1),
    users: list(from.users, "reaction.users").map(userId),
  };
}

/** @param {unknown} value @param {string} name @returns {string} */
function path(value, name) {
  const it = text(value, name);
  if (!/^\/(?![/\\])/.test(it)) throw new BadWire(`${name} is not a path of this site`);
  return it;
}

/** @param {unknown} value @returns {SentFile} */
export function parseFile(value) {
  const from = object(value);
  /** @type {SentFile} */
  const file = {
    id: text(from.id, "file.id"),
    name: text(from.name, "file.name"),
    type: text(from.type, "file.type"),
    size: whole(from.size, "file.size"),
    url: path(from.url, "file.url"),
  };
  if (from.width !== undefined && from.height !== undefined) {
    file.width = whole(from.width, "file.width", 1);
    file.height = whole(from.height, "file.height", 1);
  }
  if (from.preview !== undefined) file.preview = path(from.preview, "file.preview");
  return file;
}

/** @param {unknown} value @returns {Notice} */
function parseNotice(value) {
  const from = object(value);
  /** @type {Notice} */
  const notice = { event: text(from.event, "event") };
  if (from.about !== undefined) notice.about = parseAuthor(from.about);
  if (from.until !== undefined) notice.until = text(from.until, "until");
  // Of an event that is not known it may be anything: then it is not looked at either.
  if (["string", "number", "boolean"].includes(typeof from.value)) {
    notice.value = /** @type {string | number | boolean} */ (from.value);
  }
  return notice;
}

/** @param {unknown} value @returns {Message} */
export function parseMessage(value) {
  const from = object(value);
  /** @type {Message} */
  const message = {
    id: whole(from.id, "id", 1),
    room: text(from.room, "room"),
    kind: text(from.kind, "kind"),
    created_at: text(from.created_at, "created_at"),
  };
  if (from.author !== undefined) message.author = parseAuthor(from.author);
  if (from.body !== undefined) message.body = text(from.body, "body");
  if (from.target !== undefined) message.target = whole(from.target, "target", 1);
  if (from.reply_to !== undefined) message.reply_to = whole(from.reply_to, "reply_to", 1);
  if (from.redacted === true) message.redacted = true;
  if (from.edited_at !== undefined) message.edited_at = text(from.edited_at, "edited_at");
  if (from.changed !== undefined) message.changed = whole(from.changed, "changed", 1);
  if (from.mentions !== undefined) message.mentions = list(from.mentions, "mentions").map(parseAuthor);
  if (from.reactions !== undefined) message.reactions = list(from.reactions, "reactions").map(parseReaction);
  if (from.files !== undefined) message.files = list(from.files, "files").map(parseFile);
  if (from.notice !== undefined) message.notice = parseNotice(from.notice);
  if (from.nonce !== undefined) message.nonce = text(from.nonce, "nonce");
  return message;
}

/** The answer of `GET /api/rooms/{room}`. @param {unknown} value @returns {Room} */
export function parseRoom(value) {
  const from = object(value);
  /** @type {Room} */
  const room = {
    room: text(from.room, "room"),
    name: text(from.name, "name"),
    topic: text(from.topic, "topic"),
    visibility: text(from.visibility ?? "public", "visibility"),
    archived: from.archived === true,
    read_only: from.read_only === true,
    slow_mode: whole(from.slow_mode ?? 0, "slow_mode"),
    post: from.post === true,
    moderate: from.moderate === true,
    manage: from.manage === true,
  };
  if (from.role !== undefined) room.role = text(from.role, "role");
  if (from.read !== undefined) room.read = whole(from.read, "read");
  if (from.muted !== undefined) room.muted = from.muted === true;
  if (from.muted_until !== undefined) room.muted_until = text(from.muted_until, "muted_until");
  return room;
}

/** The answer of `GET /api/rooms`. @param {unknown} value @returns {{user?: Author, epoch: string, rooms: Listed[]}} */
export function parseRooms(value) {
  const from = object(value);
  const rooms = list(from.rooms, "rooms").map((item) => {
    const one = object(item);
    /** @type {Listed} */
    const listed = {
      ...parseRoom(one),
      last_id: whole(one.last_id, "last_id"),
      unread: whole(one.unread ?? 0, "unread"),
      mentions: whole(one.mentions ?? 0, "mentions"),
    };
    if (one.with !== undefined) listed.with = parseAuthor(one.with);
    return listed;
  });
  const me = from.user === undefined ? {} : { user: parseAuthor(from.user) };
  return { ...me, epoch: text(from.epoch, "epoch"), rooms };
}

/** @param {unknown} value @returns {Message[]} ascending */
function parseMessages(value) {
  const messages = list(value, "messages").map(parseMessage);
  if (messages.some((message, at) => at > 0 && message.id <= messages[at - 1].id)) {
    throw new BadWire("messages do not ascend");
  }
  return messages;
}

/** The answer of `GET /api/rooms/{room}/messages`. @param {unknown} value @returns {Page} */
export function parsePage(value) {
  const from = object(value);
  return {
    room: text(from.room, "room"),
    epoch: text(from.epoch, "epoch"),
    messages: parseMessages(from.messages),
    last_id: whole(from.last_id, "last_id"),
    more: from.more === true,
  };
}

/** @type {Record<string, (from: Record<string, unknown>) => Frame>} */
const FRAMES = {
  hello: (from) => ({
    type: "hello",
    ...(from.user === undefined ? {} : { user: parseAuthor(from.user) }),
    epoch: text(from.epoch, "epoch"),
  }),
  joined: (from) => ({
    type: "joined",
    room: text(from.room, "room"),
    after: whole(from.after, "after"),
    last_id: whole(from.last_id, "last_id"),
    epoch: text(from.epoch, "epoch"),
  }),
  messages: (from) => ({
    type: "messages",
    room: text(from.room, "room"),
    prev: whole(from.prev, "prev"),
    messages: parseMessages(from.messages),
  }),
  sent: (from) => ({
    type: "sent",
    sent: list(from.sent, "sent").map((item) => {
      const one = object(item);
      return { nonce: text(one.nonce, "nonce"), room: text(one.room, "room"), id: whole(one.id, "id", 1) };
    }),
  }),
  error: (from) => ({
    type: "error",
    code: text(from.code, "code"),
    detail: typeof from.detail === "string" ? from.detail : "",
    ...(typeof from.nonce === "string" ? { nonce: from.nonce } : {}),
    ...(typeof from.room === "string" ? { room: from.room } : {}),
    ...(typeof from.retry_after === "number" ? { retry_after: from.retry_after } : {}),
  }),
  reset: (from) => ({
    type: "reset",
    room: text(from.room, "room"),
    after: whole(from.after, "after"),
    epoch: text(from.epoch, "epoch"),
  }),
  left: (from) => ({ type: "left", room: text(from.room, "room"), code: text(from.code, "code") }),
  overhearing: (from) => ({
    type: "overhearing",
    rooms: list(from.rooms, "rooms").map((item) => {
      const one = object(item);
      return { room: text(one.room, "room"), last_id: whole(one.last_id, "last_id") };
    }),
  }),
  rooms: () => ({ type: "rooms" }),
  presence: (from) => ({
    type: "presence",
    room: text(from.room, "room"),
    users: list(from.users, "users").map(parseAuthor),
  }),
  typing: (from) => ({ type: "typing", room: text(from.room, "room"), user: parseAuthor(from.user) }),
  read: (from) => ({ type: "read", room: text(from.room, "room"), id: whole(from.id, "id") }),
};

/**
 * One frame of the server's; null where its type is one that this client does not know.
 * @param {string} data
 * @param {string} [type] where the transport names the type outside the data (an event stream)
 * @returns {Frame | null}
 * @throws {BadWire}
 */
export function parseFrame(data, type) {
  const from = object(parseJSON(data));
  const parse = FRAMES[type ?? text(from.type, "type")];
  return parse ? parse(from) : null;
}

/** @param {string} data @returns {unknown} @throws {BadWire} */
export function parseJSON(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw new BadWire("not JSON");
  }
}
