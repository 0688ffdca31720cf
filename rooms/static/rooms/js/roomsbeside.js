// @ts-check
/** The list of rooms on a page, live: beside a room, and as a page of its own. */

import { RoomNews } from "./roomnews.js";
import { RoomListView } from "./view/roomlist.js";

/** From here on a room's page has the list beside it (css/rooms.css). */
const WIDE = "(width >= 64rem)";

/**
 * @param {object} how
 * @param {import("./page.js").LivePage} how.page
 * @param {import("./protocol.js").Author} how.user
 * @param {import("./api.js").Api} how.api
 * @param {import("./line.js").Line} how.line
 * @param {import("./clock.js").Clock} how.clock
 * @param {Storage} how.storage
 * @param {HTMLElement} how.root where the list stands
 * @param {import("./protocol.js").Room} [how.current] the room beside which it stands
 * @param {(rooms: import("./protocol.js").Listed[]) => void} [how.onshow]
 * @returns {RoomNews} wants to hear what is told
 */
export function startRooms({ page, user, api, line, clock, storage, root, current, onshow }) {
  const wide = matchMedia(WIDE);
  const address = (/** @type {string} */ room) => page.links.room.replace("ROOM", room);
  const view = new RoomListView({ root, address, clock, ...(current ? { current: current.room, compact: true } : {}) });
  /** Fetched once nobody looks: until then there is nothing to tell. @type {Promise<import("./badge.js").Badge> | null} */
  let badge = null;
  const mark = () => {
    if (!visible()) badge ??= import("./badge.js").then(({ Badge }) => new Badge());
    badge?.then((one) => one.show(news.list.rooms)).catch(() => (badge = null)); // another time, then
  };
  let due = false;
  const show = () => {
    mark();
    if (due || (current && !wide.matches)) return;
    due = true;
    // Once a frame, however much is said; a page that nobody sees shows it when it is seen.
    requestAnimationFrame(() => {
      due = false;
      view.show(news.list.rooms);
      onshow?.(news.list.rooms);
    });
  };
  const visible = () => document.visibilityState === "visible";
  const news = new RoomNews({ user, api, line, clock, storage, visible, onchange: show });
  wide.addEventListener("change", show);
  document.addEventListener("visibilitychange", () => {
    mark();
    news.seen();
  });
  addEventListener("storage", ({ key, newValue }) => news.elsewhere(key, newValue));
  news.open(current ? (list) => list.get(current.room)?.name === current.name : null);
  return news;
}
