// @ts-check
/** Which rows of a log are news to somebody, and what telling them depends on. */

/**
 * @typedef {{name: string, direct: boolean, muted: boolean}} Facts of a room
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {import("./protocol.js").Message} Message
 */

/** What is older was read after a reconnect, and is history. */
const FRESH_MS = 5 * 60_000;

/** The messages of others that have just been said, without those taken back at once. @param {readonly Message[]} messages @param {Author | null} me @param {number} now_ms */
export function newsIn(messages, me, now_ms) {
  const gone = new Set(messages.flatMap(({ kind, target }) => (kind === "redaction" ? [target] : [])));
  return messages.filter(
    ({ id, kind, author, redacted, created_at }) =>
      kind === "message" && !redacted && !gone.has(id) && author !== undefined && author.id !== me?.id &&
      now_ms - Date.parse(created_at) < FRESH_MS,
  );
}

/** @param {Message} message @param {Author | null} me */
export function names({ mentions = [] }, me) {
  return mentions.some(({ id }) => id === me?.id);
}

/** @typedef {Pick<import("./protocol.js").Room, "name" | "visibility" | "muted">} About */

/** @param {About} room @returns {Facts} */
export function factsOf({ name, visibility, muted }) {
  return { name, direct: visibility === "direct", muted: muted === true };
}
