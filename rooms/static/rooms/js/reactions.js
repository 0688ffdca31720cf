// @ts-check
/** What people reacted to a message with, and how one reaction more, or one taken back, changes it. */

/**
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./protocol.js").Reaction} Reaction
 * @typedef {import("./protocol.js").UserId} UserId
 */

/** So many of those who reacted are named on the wire. */
const NAMED = 100;

/**
 * @param {readonly Reaction[]} reactions in the order in which each was first used
 * @param {Message} row a reaction or unreaction
 * @returns {Reaction[]}
 */
export function reacted(reactions, row) {
  const { kind, body = "", author } = row;
  const known = reactions.find((one) => one.body === body);
  const users = known?.users ?? [];
  const named = author !== undefined && users.includes(author.id);
  if (kind === "reaction") {
    if (named) return [...reactions];
    const more = author !== undefined && users.length < NAMED ? [...users, author.id] : users;
    const next = { body, count: (known?.count ?? 0) + 1, users: more };
    return known ? reactions.map((one) => (one === known ? next : one)) : [...reactions, next];
  }
  // Beyond those named there may be others; among fewer, who is not named has not reacted.
  if (!known || (!named && known.count <= users.length)) return [...reactions];
  const next = { body, count: known.count - 1, users: users.filter((id) => id !== author?.id) };
  return reactions.flatMap((one) => (one !== known ? [one] : next.count > 0 ? [next] : []));
}

/** Whether somebody is among those named. @param {readonly Reaction[]} reactions @param {string} body @param {UserId | undefined} user */
export function hasReacted(reactions, body, user) {
  return user !== undefined && reactions.some((one) => one.body === body && one.users.includes(user));
}
