// @ts-check
/** What the notifications of a page need before there is any: the rest is fetched where there is somebody to tell. */

import { ofThisPage } from "./roomnews.js";

/** @typedef {import("./protocol.js").Author} Author */

/**
 * The herald of the tab that holds the connection.
 * @param {object} how
 * @param {Author} how.user
 * @param {Storage} how.storage
 * @param {import("./api.js").Api} how.api
 * @param {import("./clock.js").Clock} how.clock
 * @returns {import("./tabs.js").AppointHerald}
 */
export function appointHerald({ user, storage, api, clock }) {
  /** @param {string} room what the page's list has of it, else the server */
  const ask = async (room) => ofThisPage()?.list.get(room) ?? api.room(room);
  return (office) => {
    /** @type {Promise<import("./herald.js").Herald> | null} */
    let herald = null;
    return (room, messages) => {
      if (!("Notification" in window) || Notification.permission !== "granted") return;
      herald ??= import("./herald.js").then(({ Herald }) => new Herald({ user, storage, clock, ask, office }));
      const failed = (/** @type {unknown} */ error) => {
        console.info(`Nobody could be notified: ${error}`);
        herald = null;
      };
      herald.then((one) => one.news(room, messages)).catch(failed);
    };
  };
}

/**
 * Shows what a herald wants this tab to show.
 * @param {object} how
 * @param {string} how.tab
 * @param {string} [how.room] that of the page
 * @param {string} how.address of a room's page, with ROOM in the place of its slug
 * @returns {(told: import("./bus.js").Told) => void} wants to hear all that is told
 */
export function showNotifications({ tab, room, address }) {
  /** @param {string} to @param {number} id */
  const open = (to, id) => {
    const hash = `#m${id}`;
    if (to !== room) window.open(address.replace("ROOM", to) + hash, "_blank", "noopener");
    else if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = hash;
  };
  /** @type {Promise<import("./notifications.js").Notifications> | null} */
  let shown = null;
  return (told) => {
    if (told.op === "notify" ? told.tab !== tab : !shown) return;
    shown ??= import("./notifications.js").then(({ Notifications }) => new Notifications({ open }));
    shown.then((all) => all.hear(told)).catch((/** @type {unknown} */ error) => {
      console.info(`A notification could not be shown: ${error}`);
      shown = null;
    });
  };
}
