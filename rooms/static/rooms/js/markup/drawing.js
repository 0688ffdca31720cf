// @ts-check
/**
 * Tokens as elements: each made by its name, with the attributes that stand here, and all text as text. So
 * nothing that a text says becomes markup of its own choice, and there is nothing to sanitise afterwards.
 */

import { gettext } from "../i18n.js";
import { make } from "../view/elements.js";

/**
 * @typedef {import("./lexer.js").Token} Token
 * @typedef {(text: string) => (Node | string)[]} Marking sets off whom a text names
 */

/** Quotes and lists any further in one another are shown as typed. */
const MOST_DEPTH = 6;
/** A list whose numbers have more digits than the margin holds is shown as typed. */
const MOST_COUNTED = 999;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const LABEL = String.raw`[\p{L}\p{N}\p{M}-]+`;
const HOST = String.raw`${LABEL}(?:[.\u3002]${LABEL})*[.\u3002](?:xn--[a-z\d-]+|\p{L}[\p{L}\p{M}]+)(?![\p{L}\p{N}\p{M}])(?::\d+)?`;
/** Words that say by themselves where they would lead: an address, or a host alone that no name before an @ is. */
const ADDRESS = new RegExp(
  String.raw`https?://([^\s/?#]*)\S*|(?<![\p{L}\p{N}\p{M}_-]\.?)(${HOST})(?![\w.+-]*@[\p{L}\p{N}])\S*`,
  "giu",
);
/** Names of files: no domain ends so. */
const FILE = /\.(?:css|csv|docx?|exe|gif|gz|html?|ini|jpe?g|jsx?|json|log|odt|pdf|png|pptx?|svg|toml|tsx?|txt|webp|xlsx?|xml|ya?ml)$/i;
const SPANS = new Set(["em", "strong", "del", "link", "image"]);

/** @param {Token[]} tokens @param {Marking} marking @returns {HTMLElement | null} null where nothing would be seen */
export function draw(tokens, marking) {
  const made = make("div", { class: "body" }, ...blocks(tokens, marking, 0));
  for (const { childNodes: [link, more] } of made.querySelectorAll("p")) {
    // In a sentence a link is as high as its line; by itself it is as large as a finger.
    if (link instanceof HTMLAnchorElement && !more) link.classList.add("alone");
  }
  return made.textContent?.trim() ? made : null;
}

/** The words of a text, without what marks them up. @param {Token[]} tokens @returns {string} */
export function words(tokens) {
  const found = tokens.map(({ type, raw, text, tokens: inner, items }) => {
    const within = items ?? inner ?? [];
    if (within.length > 0) return words(within) + (SPANS.has(type) ? "" : " ");
    return type === "code" ? `${text} ` : type === "codespan" || type === "escape" ? text : raw;
  });
  return found.join("");
}

/** @param {Token[]} tokens @param {Marking} marking @param {number} depth @returns {HTMLElement[]} */
function blocks(tokens, marking, depth) {
  /** @type {HTMLElement[]} */
  const made = [];
  /** Lines that stand below one another are one paragraph, whatever the lexer took them for. @type {HTMLElement | null} */
  let open = null;
  let between = "";
  /** @param {(Node | string)[]} children */
  const line = (children, after = "\n") => {
    // Inside a quote or an item the direction is that of all that stands there: an element of its own would not count.
    if (open === null) made.push((open = make("p", depth === 0 ? { dir: "auto" } : {})));
    else open.append(between);
    open.append(...children);
    between = after;
  };
  /** @param {HTMLElement} block */
  const put = (block) => {
    made.push(block);
    open = null;
  };
  for (const token of tokens) {
    const { type, raw, text = "", tokens: inner } = token;
    if (type === "space") open = null;
    else if (type === "checkbox") line([raw], "");
    else if (type === "heading" && inner?.length) line([make("strong", {}, ...spans(inner, marking))]);
    else if (type === "code") put(code(text, token.lang ?? ""));
    else if (type === "blockquote" && inner && depth < MOST_DEPTH) {
      put(make("blockquote", { dir: "auto" }, ...blocks(inner, marking, depth + 1)));
    } else if (type === "list" && depth < MOST_DEPTH && last(token) <= MOST_COUNTED) put(list(token, marking, depth));
    else if ((type === "paragraph" || type === "text") && inner) line(spans(inner, marking));
    else line(marking(raw.replace(/\n+$/, "")));
  }
  return made;
}

/** The number of a list's last item. @param {Token} list */
const last = ({ start, items = [] }) => Number(start || 0) + items.length;

/** @param {Token} token @param {Marking} marking @param {number} depth */
function list({ ordered, start, items = [] }, marking, depth) {
  const made = items.map((item) => make("li", { dir: "auto" }, ...blocks(item.tokens ?? [], marking, depth + 1)));
  return ordered ? make("ol", start === 1 ? {} : { start: start || 0 }, ...made) : make("ul", {}, ...made);
}

/** @param {string} text @param {string} language */
function code(text, language) {
  const lines = make("pre", {}, make("code", {}, text));
  wide.observe(lines);
  return make("div", { class: "code", dir: "ltr" }, ...(language ? [make("span", { class: "language" }, language)] : []), lines);
}

/** What is wider than its box is scrolled by keyboard, too. */
const wide = new ResizeObserver((seen) => {
  for (const { target: lines } of seen) {
    const attributes = { tabindex: "0", role: "group", "aria-label": gettext("Code") };
    for (const [name, value] of Object.entries(attributes)) {
      if (lines.scrollWidth > lines.clientWidth) lines.setAttribute(name, value);
      else lines.removeAttribute(name);
    }
  }
});

/** @param {Token[]} tokens @param {Marking} marking @param {boolean} [linked] inside a link @returns {(Node | string)[]} */
function spans(tokens, marking, linked = false) {
  /** @type {(Node | string)[]} */
  const made = [];
  let plain = "";
  /** @param {...(Node | string)} nodes */
  const put = (...nodes) => {
    made.push(...(plain ? marking(plain) : []), ...nodes);
    plain = "";
  };
  for (const token of tokens) {
    const { type, raw, text = "", tokens: inner = [] } = token;
    if (type === "text" && inner.length === 0) plain += text;
    else if (type === "escape") plain += text;
    else if (type === "br") plain += "\n";
    else if (type === "codespan") put(make("code", { dir: "auto" }, text));
    else if (type === "text") put(...spans(inner, marking, linked));
    else if (type === "em" || type === "strong" || type === "del") put(make(type, {}, ...spans(inner, marking, linked)));
    else if (type === "link" || type === "image") {
      const to = linked ? null : leads(token);
      if (to !== null) put(link(to, token, marking));
      else if (linked) put(...spans(inner, marking, true));
      else plain += raw;
    } else plain += raw;
  }
  put();
  return made;
}

/** @param {string} to @param {Token} token @param {Marking} marking */
function link(to, { autolink, title, tokens = [] }, marking) {
  const shown = autolink ? [] : spans(tokens, marking, true);
  const made = make("a", { href: to, rel: "noopener noreferrer nofollow ugc", target: "_blank" }, ...shown);
  if (autolink) made.append(...tokens.map(({ text = "" }) => text));
  if (!made.textContent?.trim()) made.append(to);
  // An address is written from left to right; where other words stand for it, it is told on hover, before what the sender says.
  made.dir = made.textContent === to || autolink ? "ltr" : "auto";
  if (made.dir === "auto" || title) made.title = [to, title].filter(Boolean).join(" · ");
  return made;
}

/** @param {Token} token @returns {string | null} the whole address; null where nothing in a message may lead */
function leads({ href = "", text = "", tokens = [], autolink }) {
  const url = URL.canParse(href) ? new URL(href) : null;
  // What stands before an @ looks like the place itself, and so does another address among the words.
  if (!url || !SCHEMES.has(url.protocol) || url.username || url.password) return null;
  const host = url.protocol === "mailto:" ? url.pathname.split("@").at(-1) : url.host;
  return autolink || said(words(tokens) || text).every((one) => hostOf(one, url) === bare(host ?? "")) ? url.href : null;
}

/** The hosts that words name, as they look: without what cannot be seen. @param {string} text */
function said(text) {
  const seen = text.normalize("NFKC").replace(/[\p{DI}\p{Cf}]/gu, "");
  const found = [...seen.matchAll(ADDRESS)].map(([, whole, host = ""]) => whole?.replace(/[^\p{L}\p{N}\p{M}\]]+$/u, "") ?? host);
  return found.filter((host) => !FILE.test(host));
}

/** @param {string} said as people write it @param {URL} url that it stands for */
function hostOf(said, { protocol }) {
  const whole = `${protocol === "https:" ? protocol : "http:"}//${said}`;
  const url = URL.canParse(whole) ? new URL(whole) : null;
  return url && !url.username ? bare(url.host) : "";
}

/** @param {string} host */
const bare = (host) => host.toLowerCase().replace(/^www\./, "");
