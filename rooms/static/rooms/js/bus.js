// @ts-check
/**
 * How the tabs of a browser and the one hub among them talk. Everybody hears everything, but not
 * itself; both ends of a page have an end of their own.
 *
 * @typedef {import("./connection.js").Status} Status
 * @typedef {import("./news.js").Facts} Facts
 * @typedef {import("./protocol.js").Aside} Aside
 * @typedef {import("./protocol.js").Failure} Failure
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Sent} Sent
 *
 * @typedef {{tab: string, room: string, looking: boolean}} Look what a tab shows, and whether it is looked at
 *
 * @typedef {{ask: "want", tab: string, room: string, after: number, epoch: string}
 *   | {ask: "enough", tab: string, room: string}
 *   | {ask: "attend", room: string}
 *   | {ask: "overhear", tab: string, rooms: string[]}
 *   | {ask: "send", frame: object}
 *   | ({ask: "look"} & Look)
 *   | {ask: "muted", room: string, muted: boolean}
 *   | {ask: "check"} | {ask: "network"} | {ask: "now"} | {ask: "ping"}} Request from a tab to the hub
 *
 * @typedef {{op: "new"}
 *   | {op: "status", status: Status}
 *   | {op: "at", room: string, id: number, epoch: string}
 *   | {op: "messages", room: string, prev: number, messages: Message[]}
 *   | {op: "reset", room: string}
 *   | {op: "left", room: string, code: string}
 *   | {op: "sent", sent: Sent["sent"]}
 *   | {op: "failed", failure: Failure}
 *   | {op: "overhearing", rooms: import("./protocol.js").Overhearing["rooms"]}
 *   | {op: "nudged"}
 *   | {op: "aside", room: string, aside: Aside}
 *   | {op: "notify", room: string, tab: string, facts: Facts, messages: Message[]}
 *   | {op: "muted", room: string, muted: boolean}} Told from the hub to all tabs
 *
 * @typedef {object} Bus
 * @property {(message: Request | Told) => void} post
 * @property {(listener: (message: Request | Told) => void) => void} listen
 * @property {() => void} close
 */

/** @param {string} name what the tabs that share have in common @returns {Bus} */
export function broadcastBus(name) {
  const channel = new BroadcastChannel(name);
  return {
    post: (message) => channel.postMessage(message),
    listen: (listener) => {
      channel.onmessage = ({ data }) => listener(data);
    },
    close: () => channel.close(),
  };
}

/** Both ends inside one page, delivering as a channel does: later, in order. @returns {[Bus, Bus]} */
export function localBuses() {
  /** @type {(((message: Request | Told) => void) | null)[]} */
  const listeners = [null, null];
  /** @param {number} mine @returns {Bus} */
  const end = (mine) => ({
    post: (message) => queueMicrotask(() => listeners[1 - mine]?.(message)),
    listen: (listener) => {
      listeners[mine] = listener;
    },
    close: () => {
      listeners[mine] = null;
    },
  });
  return [end(0), end(1)];
}
