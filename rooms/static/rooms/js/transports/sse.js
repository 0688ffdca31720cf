// @ts-check
/** A room by Server-Sent Events. */

import { BadWire, parseFrame, parseJSON, parseMessage } from "../protocol.js";
import { refused } from "./perroom.js";

/**
 * @typedef {import("../api.js").Api} Api
 * @typedef {import("./perroom.js").Sink} Sink
 */

/**
 * The browser's EventSource comes back by itself with Last-Event-ID, at a fixed interval. It gets one
 * such attempt; where that fails as well the stream counts as broken, and the connection's back-off,
 * with its jitter, takes over. On any other status than 200 EventSource gives up and cannot say why,
 * so the API is asked.
 *
 * @param {Api} api @param {string} root such as "/api/" @param {(url: string) => EventSource} [make]
 * @returns {import("./perroom.js").Follow}
 */
export function eventStream(api, root, make = (url) => new EventSource(url)) {
  return (room, place, sink) => {
    const query = new URLSearchParams({ after: String(place.id), epoch: place.epoch });
    const source = make(`${root}rooms/${encodeURIComponent(room)}/events?${query}`);
    let failures = 0;
    const stop = () => source.close();

    /** @param {(event: MessageEvent) => void} act */
    const guarded = (act) => (/** @type {MessageEvent} */ event) => {
      sink.heard();
      try {
        act(event);
      } catch (error) {
        if (!(error instanceof BadWire)) throw error;
        console.warn(`An event was not understood: ${error.message}`);
        stop();
        sink.broken({});
      }
    };

    source.addEventListener("hello", guarded(({ data }) => {
      failures = 0;
      const joined = parseFrame(data, "joined");
      if (joined?.type === "joined") sink.started(joined.after, joined.last_id, joined.epoch);
    }));
    source.addEventListener("message", guarded(({ data }) => sink.messages([parseMessage(parseJSON(data))])));
    source.addEventListener("reset", guarded(({ data }) => {
      const reset = parseFrame(data, "reset");
      if (reset?.type === "reset") sink.reset(reset.after, reset.epoch);
    }));
    source.addEventListener("left", guarded(({ data }) => {
      stop();
      const left = parseFrame(data, "left");
      if (left?.type === "left") sink.left(left.code);
    }));
    source.onerror = () => {
      failures += 1;
      if (source.readyState === EventSource.CLOSED) void askWhy(api, room, sink);
      else if (failures > 1) {
        stop();
        sink.broken({});
      }
    };
    return stop;
  };
}

/** @param {Api} api @param {string} room @param {Sink} sink */
async function askWhy(api, room, sink) {
  try {
    await api.newest(room, { limit: 1 });
    sink.broken({});
  } catch (error) {
    await refused(api, room, error, sink);
  }
}
