// @ts-check
/** Every page: its menus close, and logging out takes along what this browser kept for whoever was logged in. */

import { lastingStorage } from "./page.js";

document.getElementById("log-out")?.addEventListener("submit", () => {
  const storage = lastingStorage();
  const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at));
  for (const key of keys) if (key?.startsWith("chat:")) storage.removeItem(key);
});

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
