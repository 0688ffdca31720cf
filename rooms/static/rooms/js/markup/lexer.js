// @ts-check
/**
 * A message's text taken apart into tokens, by marked's lexer alone and in bounded time.
 *
 * Of Markdown only a part is looked for; what else a text holds is left as it was typed. What would take
 * long is not begun: such texts are made to take long.
 */

import { Lexer, Tokenizer } from "../vendor/marked.esm.js";

/** @typedef {import("../vendor/marked.esm.js").Token} Token */

/** Quotes and lists inside one another, on one line. */
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))){9}/m;
/** Each place where emphasis may begin is sought an end for, through the whole text, and again in what stands between. */
const MOST_SOUGHT = 100;
/** Addresses are sought in words, in a time that grows with the square of their length. */
const LONGEST_ADDRESS = 1_000;

const nothing = () => undefined;

/** Finds what a message may hold, as often as is bearable. */
class Subset extends Tokenizer {
  #sought = 0;
  // HTML and tables are text, an indented line is a line, and what a link leads to stands where the link does.
  html = nothing;
  tag = nothing;
  code = nothing;
  def = nothing;
  table = nothing;
  reflink = nothing;
  lheading = nothing;

  /** @override @param {string} src @param {string} masked @param {string} [before] */
  emStrong(src, masked, before) {
    return this.#may(src, "*_") ? super.emStrong(src, masked, before) : undefined;
  }

  /** @override @param {string} src @param {string} masked @param {string} [before] */
  del(src, masked, before) {
    return this.#may(src, "~") ? super.del(src, masked, before) : undefined;
  }

  /** @param {string} src @param {string} signs */
  #may(src, signs) {
    return signs.includes(src[0]) && (this.#sought += 1) <= MOST_SOUGHT;
  }
}

/** @param {string} text @returns {Token[] | null} null where it is to be shown as typed */
export function lex(text) {
  if (TOO_DEEP.test(text) || text.split(/\s+/).some((word) => word.length > LONGEST_ADDRESS && word.includes("@"))) return null;
  try {
    return Lexer.lex(text, { gfm: true, tokenizer: new Subset() });
  } catch (error) {
    console.warn(`A text is shown as it was typed: ${error}`);
    return null;
  }
}
