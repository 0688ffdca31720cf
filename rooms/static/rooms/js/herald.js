// @ts-check
/** In the page that holds the connection of all: decides whether news is told, and which one tab shows the notification. */

import { factsOf, names, newsIn } from "./news.js";
import { Wishes } from "./wishes.js";

/**
 * @typedef {import("./bus.js").Look} Look
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {import("./protocol.js").Message} Message
 *
 * @typedef {object} Office what the hub knows of its tabs
 * @property {string} tab the one that the hub is in
 * @property {() => Look[]} looks what each tab shows, and whether somebody looks at it; the latest last
 * @property {(told: Told) => void} tell
 */

export class Herald {
  /** @param {{user: Author, storage: Storage, ask: (room: string) => Promise<import("./news.js").About>, clock: Clock, office: Office}} how */
  constructor({ user, storage, ask, clock, office }) {
    this.user = user;
    this.wishes = new Wishes({ storage, user });
    this.ask = ask;
    this.clock = clock;
    this.office = office;
  }

  /** @param {string} room @param {readonly Message[]} messages that have just come @throws where it is not known what the room is */
  async news(room, messages) {
    const wish = this.wishes.of(room);
    const news = wish === "none" ? [] : newsIn(messages, this.user, this.clock.now());
    if (news.length === 0) return;
    const facts = factsOf(await this.ask(room));
    if (facts.muted) return;
    const wanted = wish === "all" || facts.direct ? news : news.filter((message) => names(message, this.user));
    const tabs = this.#shown(room);
    if (wanted.length === 0 || tabs.some(({ looking }) => looking)) return;
    const { tab, tell } = this.office;
    tell({ op: "notify", room, tab: tabs.at(-1)?.tab ?? tab, facts, messages: wanted });
  }

  /** The tabs in which this room is open. @param {string} room */
  #shown(room) {
    return this.office.looks().filter((look) => look.room === room);
  }
}
