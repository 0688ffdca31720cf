// @ts-check
/** A box to type a text into: its height, its keys, its limits. */

import { enterSends } from "../enterkey.js";
import { interpolate, ngettext } from "../i18n.js";

/**
 * @typedef {object} Uses
 * @property {() => void} submit
 * @property {() => void} [cancel]
 * @property {() => boolean} [up] the arrow in an empty box; whether it was used
 */

/** Safari tells of the end of a composition before the key that ended it, in the same moment. */
const SAME_KEY_MS = 50;
/** So many code points before the end they are counted. */
const NEAR = 200;

/** The boxes in which an input method composes. @type {WeakSet<EventTarget>} */
const composing = new WeakSet();

/** Whether what stands in a box is not yet what its typist means. @param {HTMLTextAreaElement} box */
export function composes(box) {
  return composing.has(box);
}

/** @param {HTMLTextAreaElement} box @param {Uses} uses */
export function listen(box, { submit, cancel, up }) {
  let composed = -Infinity;
  box.addEventListener("compositionstart", () => composing.add(box));
  box.addEventListener("compositionend", ({ timeStamp }) => {
    composing.delete(box);
    composed = timeStamp;
  });
  box.addEventListener("input", () => fit(box));
  box.addEventListener("keydown", (event) => {
    // While an input method composes, its keys are its own.
    if (event.isComposing || event.keyCode === 229 || event.timeStamp - composed < SAME_KEY_MS) return;
    const used =
      event.key === "Enter" && sends(event)
        ? (submit(), true)
        : event.key === "Escape" && cancel
          ? (cancel(), true)
          : event.key === "ArrowUp" && !modified(event) && box.value === "" && up?.() === true;
    if (used) event.preventDefault();
  });
}

/** @param {KeyboardEvent} event an Enter */
function sends(event) {
  if (event.ctrlKey || event.metaKey) return true;
  // There the key of a keyboard on the screen is the only way to break a line.
  return !modified(event) && enterSends() && !matchMedia("(pointer: coarse)").matches;
}

/** @param {KeyboardEvent} event */
function modified({ shiftKey, ctrlKey, metaKey, altKey }) {
  return shiftKey || ctrlKey || metaKey || altKey;
}

/** Whether a key is one that writes a character. @param {KeyboardEvent} event */
export function types({ key, ctrlKey, metaKey, altKey, defaultPrevented }) {
  return [...key].length === 1 && !(ctrlKey || metaKey || altKey || defaultPrevented);
}

/** As high as its text, within what the style sheet allows. @param {HTMLTextAreaElement} box */
export function fit(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
}

/**
 * What would be sent: trimmed, and without halves of characters, which no server stores.
 * @param {string} value
 */
export function sendable(value) {
  const whole = typeof value.toWellFormed === "function" ? value.toWellFormed() : value;
  return whole.replaceAll("\0", "").trim();
}

/** Why a text cannot be sent; "" where it can. @param {string} text @param {number} most code points */
export function objection(text, most) {
  const over = -left(text, most);
  if (over <= 0) return "";
  return interpolate(ngettext("Too long by %(count)s character.", "Too long by %(count)s characters.", over), { count: over });
}

/** How much more can be typed, once that is little; "" before. @param {string} text @param {number} most code points */
export function remainder(text, most) {
  const more = left(text, most);
  if (more < 0 || more > Math.min(NEAR, most / 10)) return "";
  return interpolate(ngettext("%(count)s character left", "%(count)s characters left", more), { count: more });
}

/** @param {string} text @param {number} most code points @returns {number} how many more fit; where that is many, about */
function left(text, most) {
  return text.length + NEAR < most ? most - text.length : most - [...text].length;
}
