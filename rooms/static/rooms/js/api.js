// @ts-check
/** The HTTP API (docs/protocol.md) as calls: pages and messages checked, refusals as one exception. */

import { BadWire, parseAuthor, parseMessage, parsePage, parseRoom, parseRooms } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Page} Page
 * @typedef {import("./protocol.js").Room} Room
 * @typedef {import("./protocol.js").UserId} UserId
 * @typedef {{user?: Author, epoch: string}} Me
 * @typedef {{limit?: number, epoch?: string, wait_s?: number, signal?: AbortSignal, deadline_ms?: number}} Reading
 */

/** The server refused. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} detail @param {number | undefined} retryAfter_s */
  constructor(status, code, detail, retryAfter_s) {
    super(`${code}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfter_s = retryAfter_s;
  }
}

/** No answer, or one that is not the server's own: whether a send was stored is not known. */
export class Unreachable extends Error {}

const DEADLINE_MS = 15_000;

export class Api {
  #token;
  #me;

  /**
   * @param {object} how
   * @param {string} how.root such as "/api/"
   * @param {() => string} how.csrfToken the cookie's, as it is now
   * @param {Author | null} how.user whose page this is
   * @param {typeof fetch} [how.fetch]
   */
  constructor({ root, csrfToken, user, fetch: fetched = (input, init) => fetch(input, init) }) {
    this.root = root;
    this.csrfToken = csrfToken;
    this.fetch = fetched;
    this.#me = user;
    this.#token = csrfToken();
  }

  /** Who the server takes us for. @returns {Promise<Me>} */
  async rooms() {
    const answer = await this.#json("rooms", {});
    const from = /** @type {{user?: unknown, epoch?: unknown}} */ (answer);
    if (typeof from?.epoch !== "string") throw new Unreachable("the answer is not the server's");
    return from.user === undefined ? { epoch: from.epoch } : { user: parseAuthor(from.user), epoch: from.epoch };
  }

  /** All rooms of the caller's list, and how much is unread there. @returns {Promise<Me & {rooms: import("./protocol.js").Listed[]}>} */
  async list() {
    const answer = await this.#json("rooms", {});
    return checked(() => parseRooms(answer));
  }

  /** @param {string} room @param {number} cursor @param {Reading} [how] @returns {Promise<Page>} */
  after(room, cursor, how = {}) {
    return this.#page(room, { after: cursor }, how);
  }

  /** @param {string} room @param {number} id @param {Reading} [how] @returns {Promise<Page>} */
  before(room, id, how = {}) {
    return this.#page(room, { before: id }, how);
  }

  /** @param {string} room @param {Reading} [how] @returns {Promise<Page>} */
  newest(room, how = {}) {
    return this.#page(room, {}, how);
  }

  /**
   * Send, edit, redact, react or take that back; answers with the row of the log once it is committed.
   * @param {import("./outbox.js").Command} command
   * @returns {Promise<Message>}
   */
  async write(command) {
    const messages = `rooms/${encodeURIComponent(command.room)}/messages`;
    const { nonce, body } = command;
    /** @type {[string, string, object]} */
    let call;
    if (command.type === "edit") call = ["PATCH", `${messages}/${command.target}`, { body, nonce }];
    else if (command.type === "redact") call = ["DELETE", `${messages}/${command.target}`, { reason: body, nonce }];
    else if (command.type === "react") call = ["POST", `${messages}/${command.target}/reactions`, { body, nonce }];
    else if (command.type === "unreact") call = ["DELETE", `${messages}/${command.target}/reactions`, { body, nonce }];
    else call = ["POST", messages, { body, nonce, reply_to: command.reply_to, files: command.files }];
    const answer = await this.#unsafe(...call);
    return checked(() => parseMessage(answer));
  }

  /** What a room is now. @param {string} room @returns {Promise<Room>} */
  async room(room) {
    const answer = await this.#json(`rooms/${encodeURIComponent(room)}`, {});
    return checked(() => parseRoom(answer));
  }

  /** Move the caller's marker. @param {string} room @param {number} id */
  read(room, id) {
    return this.#do("PUT", room, "read", { id });
  }

  /** Be told of nothing there, or of everything again. @param {string} room @param {boolean} muted */
  mute(room, muted) {
    return this.#do("PUT", room, "muted", { muted });
  }

  /** The room of the caller and somebody else. @param {UserId} user @returns {Promise<string>} its slug */
  async direct(user) {
    const answer = await this.#unsafe("POST", "direct", { user });
    return checked(() => parseRoom(answer)).room;
  }

  /** @param {string} room @param {number} message @param {string} reason */
  report(room, message, reason) {
    return this.#do("POST", room, `messages/${message}/reports`, { reason });
  }

  /**
   * Let somebody not post, or not read, for so many minutes; for good where none are said.
   * @param {"mutes" | "bans"} what @param {string} room @param {UserId} user
   * @param {{minutes?: number, reason: string}} how
   */
  sanction(what, room, user, how) {
    return this.#do("PUT", room, `${what}/${encodeURIComponent(user)}`, how);
  }

  /**
   * Redact all that somebody said since a time, or ever.
   * @param {string} room @param {UserId} user @param {{since?: string, reason: string}} how
   */
  redactAllOf(room, user, how) {
    return this.#do("POST", room, "redactions", { user, ...how });
  }

  /** @param {string} method @param {string} room @param {string} path @param {object} body */
  #do(method, room, path, body) {
    return this.#unsafe(method, `rooms/${encodeURIComponent(room)}/${path}`, body);
  }

  /** @param {string} room @param {Record<string, number>} span @param {Reading} how @returns {Promise<Page>} */
  async #page(room, span, { limit, epoch, wait_s, signal, deadline_ms }) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...span, limit, wait: wait_s, epoch })) {
      if (value !== undefined) query.set(name, String(value));
    }
    const within_ms = deadline_ms ?? DEADLINE_MS + (wait_s ?? 0) * 1000;
    const answer = await this.#json(
      `rooms/${encodeURIComponent(room)}/messages?${query}`,
      signal ? { signal } : {},
      within_ms,
    );
    return checked(() => parsePage(answer));
  }

  /** @param {string} method @param {string} path @param {object} body @returns {Promise<unknown>} */
  #unsafe(method, path, body) {
    return this.writing((token) =>
      this.#json(path, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify(body),
      }),
    );
  }

  /**
   * The CSRF token is the one of this page's login: a page left open by somebody who logged out cannot
   * write as whoever logged in next. Where it was renewed for the same user it is taken anew.
   * @template T @param {(token: string) => Promise<T>} attempt throws a `Problem` where it was refused
   */
  async writing(attempt) {
    try {
      return await attempt(this.#token);
    } catch (problem) {
      const renewed = this.csrfToken();
      if (!(problem instanceof Problem) || problem.status !== 403 || renewed === this.#token) throw problem;
      const { user } = await this.rooms();
      if (user?.id !== this.#me?.id) throw new Problem(401, "not_authenticated", "another login", undefined);
      this.#token = renewed;
      return attempt(renewed);
    }
  }

  /** @param {string} path @param {RequestInit} init @param {number} [within_ms] @returns {Promise<unknown>} */
  async #json(path, init, within_ms = DEADLINE_MS) {
    const deadline = AbortSignal.timeout(within_ms);
    const stop = new AbortController();
    const abort = () => stop.abort();
    deadline.addEventListener("abort", abort);
    init.signal?.addEventListener("abort", abort);
    if (init.signal?.aborted) stop.abort();
    try {
      const response = await this.fetch(this.root + path, {
        ...init,
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
        signal: stop.signal,
      });
      if (!response.ok) throw await refusal(response);
      return response.status === 204 ? null : await response.json();
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Unreachable(String(error));
    } finally {
      deadline.removeEventListener("abort", abort);
      init.signal?.removeEventListener("abort", abort);
    }
  }
}

/** @param {Response} response @returns {Promise<Problem | Unreachable>} */
export async function refusal(response) {
  const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
  const retryAfter_s = Number.isFinite(retryAfter) ? retryAfter : undefined;
  const type = response.headers.get("Content-Type") ?? "";
  // A proxy's own error page says nothing about the message: it may be stored.
  if (!type.startsWith("application/problem+json")) return new Unreachable(`status ${response.status}`);
  const { code, detail } = await response.json();
  return new Problem(response.status, String(code), String(detail ?? ""), retryAfter_s);
}

/** @template T @param {() => T} parse @returns {T} @throws {Unreachable} what came is not the server's */
export function checked(parse) {
  try {
    return parse();
  } catch (error) {
    if (error instanceof BadWire) throw new Unreachable(`the answer is not the server's: ${error.message}`);
    throw error;
  }
}
