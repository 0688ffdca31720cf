// @ts-check
/** What the room tells in sentences. A sentence is whole: what a language puts where is its translation's to say. */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { momentName } from "./times.js";

/**
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../protocol.js").Notice} Notice
 * @typedef {object} Told
 * @property {boolean} self done by somebody to themselves
 * @property {string | number | boolean | undefined} value
 * @property {boolean} ends at a time that was given
 */

/** @type {Record<string, (told: Told) => string>} */
const NOTICES = {
  created: () => gettext("%(who)s made this room"),
  renamed: () => gettext("%(who)s named the room “%(value)s”"),
  topic: ({ value }) => (value ? gettext("%(who)s set the topic: %(value)s") : gettext("%(who)s removed the topic")),
  visibility: ({ value }) =>
    value === "private" ? gettext("%(who)s made the room private") : gettext("%(who)s made the room public"),
  guests: ({ value }) => (value ? gettext("%(who)s let guests read here") : gettext("%(who)s closed the room to guests")),
  read_only: ({ value }) =>
    value ? gettext("%(who)s let moderators alone write here") : gettext("%(who)s let everybody write here"),
  archived: () => gettext("%(who)s archived the room"),
  unarchived: () => gettext("%(who)s opened the room again"),
  slow_mode: ({ value }) =>
    value
      ? ngettext(
          "%(who)s set slow mode: one message every %(value)s second",
          "%(who)s set slow mode: one message every %(value)s seconds",
          Number(value),
        )
      : gettext("%(who)s ended slow mode"),
  joined: ({ self }) => (self ? gettext("%(whom)s joined") : gettext("%(who)s added %(whom)s")),
  left: () => gettext("%(whom)s left"),
  removed: ({ self }) => (self ? gettext("%(whom)s left") : gettext("%(who)s removed %(whom)s")),
  role: ({ value }) => {
    if (value === "owner") return gettext("%(who)s made %(whom)s an owner");
    if (value === "moderator") return gettext("%(who)s made %(whom)s a moderator");
    return gettext("%(who)s made %(whom)s a member");
  },
  muted: ({ ends }) => (ends ? gettext("%(who)s muted %(whom)s until %(until)s") : gettext("%(who)s muted %(whom)s")),
  unmuted: () => gettext("%(who)s let %(whom)s write again"),
  banned: ({ ends }) => (ends ? gettext("%(who)s banned %(whom)s until %(until)s") : gettext("%(who)s banned %(whom)s")),
  unbanned: () => gettext("%(who)s let %(whom)s in again"),
};

/** A notice as a line; "" where there is nothing to say. @param {Message} message */
export function noticeLine({ notice, author, body }) {
  const event = notice?.event ?? "";
  if (!notice || !Object.hasOwn(NOTICES, event)) return body ?? "";
  const { value, until } = notice;
  const about = notice.about ?? author;
  const self = notice.about === undefined || notice.about.id === author?.id;
  return interpolate(NOTICES[event]({ self, value, ends: Boolean(until) }), {
    who: author?.name ?? gettext("The site"),
    whom: about?.name ?? gettext("Somebody"),
    value: typeof value === "number" ? value : String(value),
    until: until ? momentName(until) : "",
  });
}

/** @param {import("../roomstate.js").WhyNot} why @param {import("../protocol.js").Room} room */
export function whyNotLine(why, { muted_until }) {
  if (why === "archived") return gettext("This room is archived: it can be read, and is closed to messages.");
  if (why === "read_only") return gettext("Only moderators write here.");
  if (why !== "muted") return gettext("You can read here, and not write.");
  if (!muted_until) return gettext("A moderator has muted you.");
  return interpolate(gettext("A moderator has muted you until %(until)s."), { until: momentName(muted_until) });
}

/** @param {import("../protocol.js").Room} room */
export function slowModeLine({ slow_mode: count, moderate }) {
  if (count === 0 || moderate) return "";
  const line = ngettext(
    "Slow mode: one message every %(count)s second. More is kept and sent in turn.",
    "Slow mode: one message every %(count)s seconds. More is kept and sent in turn.",
    count,
  );
  return interpolate(line, { count });
}
