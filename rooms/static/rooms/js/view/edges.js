// @ts-check
/** The two ends of what is held of the log: where the conversation begins, and what lies beyond. */

import { gettext } from "../i18n.js";

/**
 * @typedef {import("../logwindow.js").EdgeState} EdgeState
 * @typedef {import("../logwindow.js").End} End
 */

/** @type {Record<End, (state: EdgeState) => string>} */
const LABELS = {
  older: (state) => {
    if (state === "loading") return gettext("Reading earlier messages…");
    return state === "failed" ? gettext("Earlier messages could not be read. Try again") : gettext("Earlier messages");
  },
  newer: (state) => {
    if (state === "loading") return gettext("Reading later messages…");
    return state === "failed" ? gettext("Later messages could not be read. Try again") : gettext("Later messages");
  },
};

/**
 * @param {{beginning: HTMLElement, older: HTMLButtonElement, newer: HTMLButtonElement}} parts
 * @param {(end: End) => void} load
 * @returns {(older: EdgeState, newer: EdgeState) => void} shows how they are
 */
export function edges({ beginning, ...buttons }, load) {
  const ends = /** @type {End[]} */ (["older", "newer"]);
  for (const end of ends) buttons[end].addEventListener("click", () => load(end));
  return (...states) => {
    beginning.hidden = states[0] !== "complete";
    ends.forEach((end, at) => {
      const state = states[at];
      buttons[end].hidden = state === "complete";
      buttons[end].disabled = state === "loading";
      const label = LABELS[end](state);
      if (buttons[end].textContent !== label) buttons[end].textContent = label;
    });
  };
}
