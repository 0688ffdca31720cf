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
 * @property {string} created_at
 * @property {string} [nonce]
 *
 * @typedef {{room: string, epoch: string, messages: Message[], last_id: number, more: boolean}} Page
 *
 * @typedef {{type: "hello", user?: Author, epoch: string}} Hello
 * @typedef {{type: "joined", room: string, after: number, last_id: number, epoch: string}} Joined
 * @typedef {{type: "messages", room: string, prev: number, messages: Message[]}} Messages
 * @typedef {{type: "sent", sent: {nonce: string, room: string, id: number}[]}} Sent
 * @typedef {{type: "error", code: string, detail: string, nonce?: string, room?: string, retry_after?: number}} Failure
 * @typedef {{type: "reset", room: string, after: number, epoch: string}} Reset
 * @typedef {{type: "left", room: string, code: string}} Left
 * @typedef {Hello | Joined | Messages | Sent | Failure | Reset | Left} Frame
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

/** @param {unknown} value @returns {Author} */
export function parseAuthor(value) {
  const from = object(value);
  const id = from.id;
  if (typeof id !== "string" && !Number.isSafeInteger(id)) throw new BadWire("author.id is not an id");
  return { id: /** @type {UserId} */ (id), name: text(from.name, "author.name") };
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
  if (from.nonce !== undefined) message.nonce = text(from.nonce, "nonce");
  return message;
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
