// @ts-check
/** Every page: its menus close, what is for good is asked about, what is shown once can be copied, its times are the reader's, Ctrl+K goes to a room, and logging out forgets what was kept. */

import { gettext } from "./i18n.js";
import { forget, keysOf, lastingStorage } from "./page.js";

document.getElementById("log-out")?.addEventListener("submit", (event) => {
  const unsent = keysOf(lastingStorage()).some((key) => key.startsWith("chat:outbox:"));
  if (unsent && !confirm(gettext("Not all that you wrote is sent yet. Log out and lose it?"))) event.preventDefault();
  else forget();
});

/** What cannot be taken back is asked about first. @type {NodeListOf<HTMLFormElement>} */
const forms = document.querySelectorAll("form[data-confirm]");
for (const form of forms) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}

/** A browser lends its clipboard to secure pages only. @type {NodeListOf<HTMLButtonElement>} */
const copies = document.querySelectorAll("button[data-copy]");
for (const button of navigator.clipboard ? copies : []) {
  const { copy = "", done = "" } = button.dataset;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(copy).then(
      () => (button.textContent = done),
      (error) => console.warn(`The browser does not lend its clipboard: ${error}`),
    );
  });
}

/** @type {NodeListOf<HTMLDetailsElement>} */
const menus = document.querySelectorAll("details.menu");
for (const menu of menus) {
  addEventListener("click", ({ target }) => {
    if (!menu.contains(/** @type {Node} */ (target))) menu.open = false;
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

// A page is written in the site's time zone; a room's page, which draws its own, in the reader's. Both tell one time.
/** @type {NodeListOf<HTMLTimeElement>} */
const times = document.querySelectorAll("main time[datetime*='T']");
if (times.length > 0) {
  void import("./view/times.js").then(({ exactTime, momentName }) => {
    for (const time of times) {
      time.textContent = momentName(time.dateTime);
      time.title = exactTime(time.dateTime);
    }
  });
}

const MAC = /^(Mac|iP)/.test(navigator.platform);
/** For so long keys are kept for a switcher that has not come yet. */
const HELD_MS = 500;
const switching = document.getElementById("switch");
if (switching) {
  switching.hidden = false;
  const hint = switching.querySelector("kbd");
  if (MAC && hint) hint.textContent = "⌘K";
  /** Fetched on its first use. What is typed in a moment is meant for it: in the room's box, Enter would send it. */
  const open = async () => {
    let typed = "";
    const letGo = () => removeEventListener("keydown", keep, true);
    /** @param {KeyboardEvent} event */
    const keep = (event) => {
      const { key, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey || /^(?:Tab|F\d+)$/.test(key)) return;
      if (key === "Escape") letGo();
      else if (key.length === 1) typed += key;
      else if (key === "Backspace") typed = typed.slice(0, -1);
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    addEventListener("keydown", keep, true);
    setTimeout(letGo, HELD_MS);
    try {
      const { openSwitcher } = await import("./view/switcher.js");
      const { api = "", room = "", direct = "", search = "", new: making } = switching.dataset;
      openSwitcher({ api, room, direct, search, ...(making ? { new: making } : {}) }, typed);
    } catch (error) {
      console.warn(`The switcher did not come: ${error}`);
      // Where there is no network, neither is that page.
      if (navigator.onLine) location.assign(switching.dataset.search ?? "");
    } finally {
      letGo();
    }
  };
  switching.addEventListener("click", () => void open());
  addEventListener("keydown", (event) => {
    const { key, code, isComposing, shiftKey, altKey, ctrlKey, metaKey, repeat } = event;
    const wanted = MAC ? metaKey && !ctrlKey : ctrlKey && !metaKey;
    // On a keyboard of other letters the key is where K would be.
    const isK = key.toLowerCase() === "k" || (code === "KeyK" && !/^[a-z]$/i.test(key));
    if (!wanted || !isK || shiftKey || altKey || isComposing || repeat) return;
    event.preventDefault(); // else Firefox goes to its own search
    const shown = document.querySelector("dialog[open]");
    if (!shown) void open();
    else if (shown.matches(".switcher")) /** @type {HTMLDialogElement} */ (shown).close();
  });
}
