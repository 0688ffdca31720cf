// @ts-check
/**
 * This page's line to the one connection of the browser.
 *
 * With Web Locks (they need a secure context) one tab is the hub of all. Without, as on
 * http://192.168.… or where a browser blocks what a site may keep, each tab is its own, and one that
 * streams or polls lets go while it is hidden, so that hidden tabs cannot use up the browser's six connections.
 */

import { broadcastBus, localBuses } from "./bus.js";
import { Connection } from "./connection.js";
import { Election, holdForLife } from "./election.js";
import { Hub } from "./hub.js";
import { Line } from "./line.js";
import { newNonce } from "./nonce.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./connection.js").Outlet} Outlet
 * @typedef {(outlet: Outlet) => Connection} Connect
 * @typedef {(office: import("./herald.js").Office) => import("./hub.js").News} AppointHerald
 */

const HIDDEN_FOR_MS = 30_000;

/**
 * @param {object} how
 * @param {string} how.name what the tabs that share a connection have in common
 * @param {Connect} how.connect
 * @param {Clock} how.clock
 * @param {AppointHerald} [how.herald] who tells people of news, in the tab that holds the connection
 * @returns {Promise<Line>} not opened yet
 */
export async function lineToHub({ name, connect, clock, herald }) {
  const visible = () => document.visibilityState === "visible";
  const { locks } = navigator;
  const shared = locks && (await sharedLine({ name, connect, clock, visible, locks, herald }));
  const line = shared ?? ownLine({ connect, clock, visible });
  document.addEventListener("visibilitychange", () => {
    if (visible()) line.seen();
  });
  addEventListener("online", () => line.ask("network"));
  addEventListener("offline", () => line.ask("check"));
  return line;
}

/** @param {{name: string, connect: Connect, clock: Clock, visible: () => boolean, locks: LockManager, herald: AppointHerald | undefined}} how @returns {Promise<Line | null>} null where the browser refuses its locks */
async function sharedLine({ name, connect, clock, visible, locks, herald }) {
  const tab = newNonce();
  try {
    await holdForLife(locks, `${name}:tab:${tab}`);
  } catch (error) {
    console.info(`This tab shares its connection with no other: ${error}`);
    return null;
  }
  /** @type {Hub | null} */
  let hub = null;
  let office = new AbortController();
  const election = new Election({
    locks,
    name,
    won: () => {
      office = new AbortController();
      const { signal } = office;
      hub = new Hub({
        bus: broadcastBus(name),
        connect,
        watch: (other, gone) => watch(locks, name, other, signal, gone),
        ...(herald ? { herald: (office) => herald({ ...office, tab }) } : {}),
      });
      hub.open();
    },
    lost: () => {
      office.abort();
      hub?.close();
      hub = null;
    },
  });
  const line = new Line({ bus: broadcastBus(name), tab, clock, visible, silent: () => hub ?? election.seize() });
  election.enter();
  return line;
}

/**
 * A tab holds a lock for life: whoever gets it knows that the tab is gone.
 * @param {LockManager} locks @param {string} name @param {string} tab @param {AbortSignal} signal @param {() => void} gone
 */
function watch(locks, name, tab, signal, gone) {
  locks.request(`${name}:tab:${tab}`, { signal }, gone).catch((/** @type {unknown} */ error) => {
    if (!signal.aborted) throw error;
  });
}

/** @param {{connect: Connect, clock: Clock, visible: () => boolean}} how */
function ownLine({ connect, clock, visible }) {
  const [mine, hubs] = localBuses();
  const hub = new Hub({ bus: hubs, connect, watch: () => {} });
  const line = new Line({ bus: mine, tab: newNonce(), clock, visible, silent: () => {} });
  let cancel = () => {};
  document.addEventListener("visibilitychange", () => {
    cancel();
    const { connection } = hub;
    if (visible()) connection.open();
    else if (connection.status.transport !== "websocket") {
      cancel = clock.after(HIDDEN_FOR_MS, () => connection.pause());
    }
  });
  hub.open();
  return line;
}
