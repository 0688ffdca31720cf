// @ts-check
/** What the room tells in sentences. To speak another language, another table. */

import { momentName } from "./times.js";

/**
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../protocol.js").Notice} Notice
 * @typedef {{who: string, whom: string, self: boolean, notice: Notice}} Told
 */

/** @param {Notice} notice */
const until = ({ until: end }) => (end ? ` until ${momentName(end)}` : "");
/** What somebody did to somebody else, or did themselves. @param {string} self @param {(told: Told) => string} other */
const oneself = (self, other) => (/** @type {Told} */ told) => (told.self ? `${told.whom} ${self}` : other(told));

/** @type {Record<string, (told: Told) => string>} */
const NOTICES = {
  created: ({ who }) => `${who} made this room`,
  renamed: ({ who, notice }) => `${who} named the room “${notice.value}”`,
  topic: ({ who, notice }) => (notice.value ? `${who} set the topic: ${notice.value}` : `${who} removed the topic`),
  visibility: ({ who, notice }) => `${who} made the room ${notice.value === "private" ? "private" : "public"}`,
  guests: ({ who, notice }) => `${who} ${notice.value ? "let guests read here" : "closed the room to guests"}`,
  read_only: ({ who, notice }) => `${who} ${notice.value ? "let moderators alone write here" : "let everybody write here"}`,
  archived: ({ who }) => `${who} archived the room`,
  unarchived: ({ who }) => `${who} opened the room again`,
  slow_mode: ({ who, notice }) =>
    notice.value ? `${who} set slow mode: one message every ${notice.value} s` : `${who} ended slow mode`,
  joined: oneself("joined", ({ who, whom }) => `${who} added ${whom}`),
  left: ({ whom }) => `${whom} left`,
  removed: oneself("left", ({ who, whom }) => `${who} removed ${whom}`),
  role: ({ who, whom, notice }) => `${who} made ${whom} ${notice.value === "owner" ? "an" : "a"} ${notice.value}`,
  muted: ({ who, whom, notice }) => `${who} muted ${whom}${until(notice)}`,
  unmuted: ({ who, whom }) => `${who} let ${whom} write again`,
  banned: ({ who, whom, notice }) => `${who} banned ${whom}${until(notice)}`,
  unbanned: ({ who, whom }) => `${who} let ${whom} in again`,
};

/** A notice as a line; "" where there is nothing to say. @param {Message} message */
export function noticeLine({ notice, author, body }) {
  const event = notice?.event ?? "";
  if (!notice || !Object.hasOwn(NOTICES, event)) return body ?? "";
  const about = notice.about ?? author;
  const self = notice.about === undefined || notice.about.id === author?.id;
  return NOTICES[event]({ who: author?.name ?? "The site", whom: about?.name ?? "Somebody", self, notice });
}

/** @param {import("../roomstate.js").WhyNot} why @param {import("../protocol.js").Room} room */
export function whyNotLine(why, { muted_until }) {
  if (why === "archived") return "This room is archived: it can be read, and is closed to messages.";
  if (why === "read_only") return "Only moderators write here.";
  if (why === "muted") return muted_until ? `A moderator has muted you until ${momentName(muted_until)}.` : "A moderator has muted you.";
  return "You can read here, and not write.";
}

/** @param {import("../protocol.js").Room} room */
export function slowModeLine({ slow_mode, moderate }) {
  return slow_mode > 0 && !moderate ? `Slow mode: one message every ${slow_mode} s. More is kept and sent in turn.` : "";
}

/** @param {import("../protocol.js").Reaction} reaction @param {boolean} mine */
export function reactionLabel({ body, count }, mine) {
  return `${body}: ${count === 1 ? "1 reaction" : `${count} reactions`}${mine ? ", yours among them" : ""}`;
}
