// @ts-check
/** Asks whether a message shall really go, and why. */

/**
 * @param {HTMLDialogElement} dialog with a form of method "dialog", an input named "reason", a submit
 *   button of value "remove" (Enter is that one), and a button `data-keep`
 * @param {{quote: string, reason: boolean}} about the message's text; whether a reason is asked for
 * @returns {Promise<string | null>} the reason, null where the message stays
 */
export function askRemoval(dialog, { quote, reason }) {
  const input = /** @type {HTMLInputElement} */ (dialog.querySelector("input[name=reason]"));
  const quoted = /** @type {HTMLElement} */ (dialog.querySelector("blockquote"));
  quoted.textContent = quote;
  input.value = "";
  /** @type {HTMLElement} */ (input.closest("label")).hidden = !reason;
  dialog.returnValue = "";
  /** @type {HTMLElement} */ (dialog.querySelector("[data-keep]")).onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((answer) => {
    const closed = () => {
      quoted.textContent = ""; // what is removed leaves nothing behind
      answer(dialog.returnValue === "remove" ? input.value.trim() : null);
    };
    dialog.addEventListener("close", closed, { once: true });
  });
}
