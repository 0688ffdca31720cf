// @ts-check
/** Which rooms somebody means by the beginning of a name, the likeliest first. */

import { fold, inOrder } from "./roomlist.js";

/** @typedef {import("./protocol.js").Listed} Listed */

const NO_LETTERS = /[^\p{L}\p{N}]+/u;

/**
 * How well a name is what was typed: from its start, from the starts of its words, somewhere inside.
 * @param {string} name @param {string} typed both folded @returns {number} the less the better; Infinity: it is not
 */
function distance(name, typed) {
  if (name.startsWith(typed)) return 0;
  const words = name.split(NO_LETTERS);
  const wanted = typed.split(/\s+/);
  if (wanted.every((want) => words.some((word) => word.startsWith(want)))) return 1;
  return wanted.every((want) => name.includes(want)) ? 2 : Infinity;
}

/**
 * @param {string} query @param {Listed[]} rooms @param {string} [here] where one is: nobody wants to go there first
 * @returns {Listed[]} without a query all that are open; archived ones last
 */
export function found(query, rooms, here) {
  const typed = fold(query.trim());
  /** @param {Listed} room */
  const score = ({ room, name, archived }) => {
    if (typed === "") return archived ? Infinity : Number(room === here);
    return distance(fold(name), typed) + (archived ? 3 : 0);
  };
  const scored = inOrder(rooms).map((room) => ({ room, score: score(room) }));
  return scored
    .filter((one) => one.score < Infinity)
    .sort((a, b) => a.score - b.score)
    .map(({ room }) => room);
}
