// @ts-check
/**
 * What a transport is to the connection, and the connection to a transport.
 *
 * A transport is made for one life: it opens, carries rooms, closes, and is thrown away. Each tells
 * its listener the same things in the same order: `opened` at most once, then what the rooms bring,
 * `closed` exactly once and nothing after it. `prev` of a batch is the transport's own promise that
 * nothing is missing since the last one.
 *
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Joined} Joined
 * @typedef {import("../protocol.js").Failure} Failure
 * @typedef {import("../protocol.js").Reset} Reset
 * @typedef {import("../protocol.js").Sent} Sent
 * @typedef {import("../protocol.js").Aside} Aside
 *
 * @typedef {import("../protocol.js").Overhearing} Overhearing
 *
 * @typedef {object} Closed
 * @property {number} [code] a WebSocket's close code
 * @property {number} [retryAfter_s]
 *
 * @typedef {object} Listener
 * @property {() => void} heard something came from the server
 * @property {(user: Author | null) => void} opened it gets through; who the server takes us for
 * @property {(joined: Joined) => void} joined
 * @property {(room: string, prev: number, messages: Message[]) => void} messages
 * @property {(reset: Reset) => void} reset
 * @property {(room: string, code: string) => void} left
 * @property {(sent: Sent["sent"]) => void} sent
 * @property {(failure: Failure) => void} failed
 * @property {(aside: Aside) => void} aside who is there, who types, what was read: by a WebSocket alone
 * @property {(rooms: Overhearing["rooms"]) => void} overhearing
 * @property {() => void} nudged the list of rooms is not what it was
 * @property {(closed: Closed) => void} closed
 *
 * @typedef {object} Transport
 * @property {() => void} open
 * @property {(room: string, after: number, epoch: string) => void} join also before it is open, and
 *   again, from there, for a room that is joined
 * @property {(room: string) => void} leave
 * @property {(room: string) => void} attend somebody looks at this room: it goes first
 * @property {(rooms: string[]) => void} overhear tell what is said in these rooms too, from now on, as far as
 *   that costs no request a room; in place of those before
 * @property {(frame: object) => boolean} send false where this transport does not carry sends
 * @property {() => void} poke provoke an answer
 * @property {() => void} close without a word to the listener
 */

export {};
