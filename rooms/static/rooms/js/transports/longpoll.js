// @ts-check
/** A room by long poll: a read that waits, again and again. */

import { refused } from "./perroom.js";

/** @typedef {import("../api.js").Api} Api */

const WAIT_S = 25;

/** @param {Api} api @returns {import("./perroom.js").Follow} */
export function longPoll(api) {
  return (room, place, sink) => {
    const life = new AbortController();
    const { signal } = life;
    const run = async () => {
      // The first read does not wait: its answer shows that polls get through.
      for (let wait_s = 0; !signal.aborted; wait_s = WAIT_S) {
        try {
          const page = await api.after(room, place.id, { limit: 200, wait_s, epoch: place.epoch, signal });
          if (signal.aborted) return;
          sink.heard();
          if (wait_s === 0) sink.started(place.id, page.last_id, page.epoch);
          sink.messages(page.messages);
        } catch (error) {
          if (signal.aborted) return;
          await refused(api, room, error, sink);
        }
      }
    };
    void run();
    return () => life.abort();
  };
}
