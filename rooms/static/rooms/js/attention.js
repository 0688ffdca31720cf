// @ts-check
/** What a room's page tells of people rather than shows of messages: who is here, who types, and that there is news. */

import { showNotifications } from "./heralds.js";
import { Later } from "./later.js";
import { element } from "./page.js";
import { Presence } from "./presence.js";
import { ofThisPage } from "./roomnews.js";
import { Here } from "./view/people.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./bus.js").Told} Told
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./line.js").Line} Line
 * @typedef {import("./protocol.js").Author} Author
 * @typedef {import("./protocol.js").Room} Room
 * @typedef {import("./typing.js").Typists} Typists
 * @typedef {(told: Told) => void} Hear
 *
 * @typedef {object} How
 * @property {string} room
 * @property {Author | null} user
 * @property {() => Room} state what the room is now
 * @property {Storage} storage
 * @property {string} address of a room's page, with ROOM in the place of its slug
 * @property {Clock} clock
 * @property {Line} line
 * @property {Api} api
 * @property {(text: string) => void} say
 * @property {(error: unknown) => void} failed
 */

/**
 * @param {How} how
 * @returns {Hear} wants all that comes by the line, of whatever room
 */
export function startAttention(how) {
  const people = startPeople(how);
  const news = startNews(how);
  return (told) => {
    if (!("room" in told) || told.room === how.room) people(told);
    news(told);
  };
}

/** @param {How} how @returns {Hear} */
function startPeople({ room, user, address, clock, line, api, failed }) {
  const presence = new Presence({ clock, onchange: () => here.show() });
  const here = new Here({
    box: /** @type {HTMLDetailsElement} */ (element("here")),
    presence,
    me: user,
    talk: (other) => void api.direct(other.id).then((slug) => location.assign(address.replace("ROOM", slug)), failed),
  });
  const typists = new Later(async () => {
    const { Typists, typingLine } = await import("./typing.js");
    return new Typists({ clock, me: user?.id, onchange: (names) => void (element("typing").textContent = typingLine(names)) });
  });
  const box = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("text"));
  const typed = () => {
    teller.want();
    teller.part?.typed(box?.value ?? "");
  };
  const teller = new Later(async () => {
    const { TypingTeller } = await import("./typing.js");
    return new TypingTeller({ clock, tell: () => line.send({ type: "typing", room }) });
  }, typed);
  box?.addEventListener("input", typed);
  /** Whoever is not heard for once is at the next time. @param {(all: Typists) => void} does */
  const withTypists = (does) => void typists.get().then(does, () => {});
  return (told) => {
    if (told.op === "status") {
      presence.status(told.status);
      if (told.status.state === "open") teller.again();
    } else if (told.op === "messages") {
      withTypists((all) => all.wrote(told.messages));
    } else if (told.op === "left") {
      presence.told([]);
    } else if (told.op === "aside") {
      const { aside } = told;
      if (aside.type === "presence") presence.told(aside.users);
      else if (aside.type === "typing") withTypists((all) => all.heard(aside.user));
    }
  };
}

/** @param {How} how @returns {Hear} */
function startNews({ room, user, state, storage, address, line, say, failed }) {
  const notifications = showNotifications({ tab: line.tab, room, address });
  if (!user) return () => {};
  const look = () => line.look(room, document.visibilityState === "visible" && document.hasFocus());
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
  addEventListener("blur", look);
  look();
  document.getElementById("notify")?.addEventListener("click", async () => {
    try {
      const { askWishes } = await import("./view/notifying.js");
      askWishes({ room, user, storage, muted: (ofThisPage()?.list.get(room) ?? state()).muted === true, say });
    } catch (error) {
      failed(error);
    }
  });
  return (told) => {
    if (told.op === "new") look();
    notifications(told);
  };
}
