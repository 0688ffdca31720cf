// @ts-check
/** What the server wrote into the page for its script, and what the browser lends. */

/**
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {object} LivePage
 * @property {Author | null} user
 * @property {string} api
 * @property {string} socket
 * @property {string} csrfCookie
 * @property {string} csrfToken
 * @property {{logIn: string, rooms: string, room: string}} links `room` is that of a room named ROOM
 *
 * @typedef {object} OfARoom
 * @property {string} room its slug
 * @property {import("./protocol.js").Room} state what the room is, and what one may do there
 * @property {number} lastId the newest id of its log then
 * @property {number} maxBody code points
 * @property {import("./view/attach.js").Limits} [uploads] of files; absent where none are taken
 *
 * @typedef {LivePage & OfARoom} RoomPage
 */

/** @param {string} id @returns {HTMLElement} @throws where the template lacks it */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
}

/** @returns {RoomPage} */
export function roomPage() {
  return JSON.parse(element("room-page").textContent ?? "");
}

/** @returns {LivePage} */
export function listPage() {
  return JSON.parse(element("list-page").textContent ?? "");
}

/** The newest page of the log as it was when the page was made. @returns {unknown} */
export function firstMessages() {
  return JSON.parse(element("first-messages").textContent ?? "");
}

/** @param {string} name @returns {string | null} */
export function cookie(name) {
  const start = `${name}=`;
  const found = document.cookie.split("; ").find((one) => one.startsWith(start));
  return found === undefined ? null : found.slice(start.length);
}

/** @param {LivePage} page @returns {string} */
export function socketUrl({ socket }) {
  const url = new URL(socket, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** What stands here for a moment tells other tabs that what was kept is thrown away. */
const FORGET = "chat:forget";
/** Takes the place of what the browser keeps, once somebody has logged out of it. @type {Storage | null} */
let passing = null;

/**
 * The browser's lasting storage; where it refuses to lend any, and from a log-out on, one that lasts as long as the page.
 * @returns {Storage}
 */
export function lastingStorage() {
  try {
    localStorage.getItem("");
    return untilForgotten();
  } catch {
    return passingStorage();
  }
}

/** Whether somebody has logged out of this browser, so that nothing is kept any more. */
export function forgotten() {
  return passing !== null;
}

/** Throw away all that is kept; neither this page nor another that is open keeps anything more. */
export function forget() {
  const storage = lastingStorage();
  try {
    storage.setItem(FORGET, "1"); // first: what other pages hear removed they must not keep again
  } finally {
    for (const key of keysOf(storage)) if (key.startsWith("chat:")) storage.removeItem(key);
    passing ??= passingStorage();
  }
}

/** @param {Storage} storage @returns {string[]} */
export function keysOf(storage) {
  return Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? "");
}

/** @returns {Storage} */
function untilForgotten() {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === FORGET && newValue !== null) passing ??= passingStorage();
  });
  const now = () => passing ?? localStorage;
  return {
    get length() {
      return now().length;
    },
    key: (at) => now().key(at),
    getItem: (key) => now().getItem(key),
    setItem: (key, value) => now().setItem(key, value),
    removeItem: (key) => now().removeItem(key),
    clear: () => now().clear(),
  };
}

/** @returns {Storage} */
function passingStorage() {
  /** @type {Map<string, string>} */
  const items = new Map();
  return {
    get length() {
      return items.size;
    },
    key: (at) => [...items.keys()][at] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  };
}
