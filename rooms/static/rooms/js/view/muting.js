// @ts-check
/** The switch by which one is told of nothing in a room. */

import { gettext } from "../i18n.js";

/**
 * @param {HTMLElement} toggle
 * @param {object} how
 * @param {string} how.room
 * @param {import("../api.js").Api} how.api
 * @param {import("../line.js").Line} how.line
 * @param {(text: string) => void} how.say
 */
export async function mute(toggle, { room, api, line, say }) {
  const muted = toggle.getAttribute("aria-pressed") !== "true";
  await api.mute(room, muted);
  line.muted(room, muted);
  toggle.setAttribute("aria-pressed", String(muted));
  say(muted ? gettext("You are told of nothing here.") : gettext("You are told of what is new here."));
}
