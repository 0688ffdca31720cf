// @ts-check
/** Whether Enter sends or breaks the line: a habit of whoever uses this browser, and so kept in it, whoever is logged in. */

import { lastingStorage } from "./page.js";

const KEY = "enter-breaks";
const storage = lastingStorage();

export function enterSends() {
  return storage.getItem(KEY) === null;
}

/** @param {boolean} on */
function keep(on) {
  try {
    if (on) storage.removeItem(KEY);
    else storage.setItem(KEY, "yes");
  } catch (error) {
    console.warn(`This browser keeps nothing for us: ${error}`);
  }
}

/** Let a button switch it. @param {HTMLElement} toggle @param {() => void} [changed] */
export function startSwitch(toggle, changed = () => {}) {
  const show = () => {
    toggle.setAttribute("aria-pressed", String(enterSends()));
    changed();
  };
  toggle.addEventListener("click", () => {
    keep(!enterSends());
    show();
  });
  addEventListener("storage", ({ key }) => {
    if (key === KEY) show();
  });
  show();
}
