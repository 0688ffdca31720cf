// @ts-check
/** The line above an answer that tells what it answers, and leads there. */

import { gettext } from "../i18n.js";
import { make } from "./elements.js";

/**
 * @typedef {import("../markup/texts.js").Texts} Texts
 * @typedef {import("../quotes.js").Answered} Answered
 */

/** @param {number} id @param {Answered} answered @param {Texts} texts @param {(id: number) => void} go */
export function quoteLine(id, answered, texts, go) {
  const line = make(
    "a",
    { class: "quoted", href: `#m${id}`, "data-act": "quoted" },
    make("span", { class: "unseen" }, gettext("In reply to")),
    " ",
    ...summary(answered, texts),
  );
  line.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(id);
  });
  return line;
}

/** Whose message it is, and how it begins. @param {Answered} answered @param {Texts} texts @returns {(Node | string)[]} */
export function summary(answered, texts) {
  if (!answered) {
    return [make("i", { class: "excerpt" }, answered === null ? gettext("A message that is not here any more") : gettext("An earlier message"))];
  }
  const { author, redacted, body = "" } = answered;
  return [
    make("bdi", { class: "author" }, author?.name ?? gettext("Someone no longer here")),
    " ",
    redacted ? make("i", { class: "excerpt" }, gettext("Message removed")) : make("bdi", { class: "excerpt" }, texts.excerpt(body)),
  ];
}
