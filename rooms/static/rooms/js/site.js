// @ts-check
/** Every page: logging out takes along what this browser kept for whoever was logged in. */

import { lastingStorage } from "./page.js";

document.getElementById("log-out")?.addEventListener("submit", () => {
  const storage = lastingStorage();
  const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at));
  for (const key of keys) if (key?.startsWith("chat:")) storage.removeItem(key);
});
