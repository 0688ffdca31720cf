// @ts-check
/** The page of all rooms: what the server wrote into it is kept up to date. */

import "./site.js";
import { browserClock as clock } from "./clock.js";
import { connect } from "./connect.js";
import { showNotifications } from "./heralds.js";
import { element, listPage } from "./page.js";
import { startRooms } from "./roomsbeside.js";

const page = listPage();
const { user } = page;

if (user) {
  const { api, line, storage } = await connect(page);
  const onshow = (/** @type {unknown[]} */ rooms) => void (element("no-rooms").hidden = rooms.length > 0);
  const news = startRooms({ page, user, api, line, clock, storage, root: element("room-lists"), onshow });
  const notifications = showNotifications({ tab: line.tab, address: page.links.room });
  line.hear = (told) => {
    news.told(told);
    notifications(told);
  };
  line.open();
}
