// @ts-check
/**
 * The texts of messages as elements. What knows Markdown is fetched once a text wants it; until it is here,
 * and where it cannot be had, texts are shown as they were typed.
 */

import { Later } from "../later.js";
import { make } from "../view/elements.js";

/**
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("./lexer.js").Token} Token
 * @typedef {{lex: (text: string) => Token[] | null, draw: typeof import("./drawing.js").draw,
 *   words: typeof import("./drawing.js").words}} Markdown
 */

/** A text that may hold more than words. */
const MARKED = /[*_~`[]|^[ \t]*(?:>|#{1,6}[ \t]|[-+][ \t]|\d{1,9}[.)][ \t])|:\/\/|www\.|[\w.+-]@\w/im;
const MOST_KEPT = 400;
const EXCERPT = 160;

async function fetched() {
  // Asked for at once: the first would ask for the last only when it is there itself.
  const [drawing, { lex }] = await Promise.all([import("./drawing.js"), import("./lexer.js"), import("../vendor/marked.esm.js")]);
  return { lex, draw: drawing.draw, words: drawing.words };
}

export class Texts {
  /** @type {Later<Markdown>} */
  #markdown;
  /** What texts were taken apart into, those used last at the end. @type {Map<string, Token[] | null>} */
  #tokens = new Map();
  /** What an element was drawn from. @type {WeakMap<Element, string>} */
  #drawn = new WeakMap();

  /**
   * @param {Author["id"] | undefined} me
   * @param {() => void} onready texts may look other than they were drawn
   * @param {() => Promise<Markdown>} [fetch]
   */
  constructor(me, onready, fetch = fetched) {
    this.me = me;
    this.#markdown = new Later(fetch, onready);
  }

  /**
   * @param {string} text @param {readonly Author[]} [mentions] those whom it names
   * @param {Element | null} [old] drawn before: where it would look the same it is what is returned
   * @returns {Element}
   */
  draw(text, mentions = [], old = null) {
    const from = JSON.stringify([text, mentions, this.#markdown.part !== undefined && MARKED.test(text)]);
    if (old && this.#drawn.get(old) === from) return old;
    const tokens = this.#lexed(text);
    const marking = marked(mentions, this.me);
    const made = (tokens && this.#markdown.part?.draw(tokens, marking)) ?? plain(...marking(text));
    this.#drawn.set(made, from);
    return made;
  }

  /** The beginning of a text on one line, without what marks it up. @param {string} text */
  excerpt(text) {
    const tokens = this.#lexed(text);
    const line = ((tokens && this.#markdown.part?.words(tokens)) || text).replace(/\s+/g, " ").trim();
    const points = [...line];
    return points.length > EXCERPT ? `${points.slice(0, EXCERPT).join("")}…` : line;
  }

  /** @param {string} text @returns {Token[] | null} null where it is shown as typed, at least for now */
  #lexed(text) {
    if (!MARKED.test(text)) return null;
    const { part } = this.#markdown;
    if (!part) {
      this.#markdown.want();
      return null;
    }
    const kept = this.#tokens.get(text);
    const tokens = kept === undefined ? part.lex(text) : kept;
    this.#tokens.delete(text);
    this.#tokens.set(text, tokens);
    if (this.#tokens.size > MOST_KEPT) this.#tokens.delete(this.#tokens.keys().next().value ?? "");
    return tokens;
  }

  /** The server is there again: what could not be had may be now. */
  again() {
    this.#markdown.again();
  }
}

/** @param {...(Node | string)} text */
export function plain(...text) {
  return make("p", { class: "body", dir: "auto" }, ...text);
}

/**
 * What sets off those whom a text names; the text itself stays as it is.
 * @param {readonly Author[]} mentions @param {Author["id"] | undefined} me
 * @returns {(text: string) => (Node | string)[]}
 */
function marked(mentions, me) {
  if (mentions.length === 0) return (text) => [text];
  const names = mentions.map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const longestFirst = names.sort((one, other) => other.length - one.length).join("|");
  // As the server finds them (rooms/mentions.py): neither within a word nor beside another @.
  const named = new RegExp(`((?<![\\p{L}\\p{N}_.+@-])@(?:${longestFirst})(?![.+-]*[\\p{L}\\p{N}_@]))`, "u");
  return (text) =>
    text.split(named).map((part, at) => {
      if (at % 2 === 0) return part;
      const who = mentions.find(({ name }) => part === `@${name}`);
      return make("b", { class: who?.id === me ? "mention me" : "mention", dir: "auto" }, part);
    });
}
