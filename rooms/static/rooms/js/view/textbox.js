// @ts-check
/** A box to type a text into: its height, its keys, its limits. */

/**
 * @typedef {object} Uses
 * @property {() => void} submit
 * @property {() => void} [cancel]
 * @property {() => boolean} [up] the arrow in an empty box; whether it was used
 */

/** @param {HTMLTextAreaElement} box @param {Uses} uses */
export function listen(box, { submit, cancel, up }) {
  box.addEventListener("input", () => fit(box));
  box.addEventListener("keydown", (event) => {
    // While an input method composes, its keys are its own.
    if (event.isComposing || event.keyCode === 229) return;
    const used =
      event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches
        ? (submit(), true)
        : event.key === "Escape" && cancel
          ? (cancel(), true)
          : event.key === "ArrowUp" && box.value === "" && up?.() === true;
    if (used) event.preventDefault();
  });
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
  const over = [...text].length - most;
  return over > 0 ? `Too long by ${over} characters.` : "";
}
