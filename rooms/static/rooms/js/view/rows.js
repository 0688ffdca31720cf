// @ts-check
/** One row of the log as an element. */

import { button, make } from "./elements.js";
import { dayName, exactTime, timeOfDay } from "./times.js";

/**
 * @typedef {import("./models.js").Row} Row
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../outbox.js").Entry} Entry
 *
 * @typedef {object} Acts what the buttons of a row do
 * @property {(message: Message) => void} edit
 * @property {(message: Message) => void} redact
 * @property {(nonce: string) => void} retry
 * @property {(nonce: string) => void} discard
 *
 * @typedef {object} Viewer
 * @property {Author | null} user
 * @property {() => boolean} post
 * @property {boolean} moderate
 */

const HUES = 8;
const ON_ITS_WAY = { waiting: "Waiting for a connection…", sending: "Sending…", stored: "Sent", failed: "" };

/** Fill a row's element. @param {HTMLLIElement} item @param {Row} row @param {Viewer} viewer @param {Acts} acts */
export function fill(item, row, viewer, acts) {
  if (row.kind === "day") {
    item.className = "day";
    item.replaceChildren(make("time", { datetime: row.at.slice(0, 10) }, dayName(row.at)));
  } else if (row.kind === "message") {
    fillMessage(item, row, viewer, acts);
  } else {
    fillEntry(item, row, viewer, acts);
  }
}

/** @param {HTMLLIElement} item @param {import("./models.js").MessageRow} row @param {Viewer} viewer @param {Acts} acts */
function fillMessage(item, { message, reason, change, follows }, viewer, acts) {
  const removed = message.redacted === true;
  const mine = viewer.user !== null && message.author?.id === viewer.user.id;
  item.className = classes("message", { follows, mine, removed, editing: item.classList.contains("editing") });
  item.dataset.id = String(message.id);
  const text = removed ? "Message removed" : (shownChange(change) ?? message.body ?? "");
  /** @type {HTMLElement[]} */
  const parts = [head(message.author, message.created_at), body(text)];
  if (removed && reason) parts.push(make("span", { class: "note", dir: "auto" }, reason));
  if (message.edited_at && !removed) {
    parts.push(make("span", { class: "note", title: exactTime(message.edited_at) }, "edited"));
  }
  if (change) parts.push(progress(change, acts));
  const buttons = [];
  if (!removed && !change) {
    if (mine && viewer.post()) buttons.push(act("Edit", message, () => acts.edit(message)));
    if (mine || viewer.moderate) buttons.push(act("Remove", message, () => acts.redact(message)));
  }
  if (buttons.length > 0) parts.push(make("div", { class: "acts" }, ...buttons));
  replace(item, parts, !removed);
}

/**
 * Put new parts into a row. An editor that is open in it stays, with its text, its caret and the focus.
 * @param {HTMLLIElement} item @param {HTMLElement[]} parts @param {boolean} editable
 */
function replace(item, parts, editable) {
  const editor = editable ? item.querySelector(":scope > form") : null;
  if (!editor) item.classList.remove("editing");
  for (const child of [...item.children]) if (child !== editor) child.remove();
  if (editor) editor.before(...parts);
  else item.append(...parts);
}

/** @param {HTMLLIElement} item @param {import("./models.js").EntryRow} row @param {Viewer} viewer @param {Acts} acts */
function fillEntry(item, { entry, follows }, viewer, acts) {
  item.className = classes("message mine", { follows, pending: entry.state !== "failed", failed: entry.state === "failed" });
  item.dataset.nonce = entry.command.nonce;
  item.replaceChildren(head(viewer.user, entry.at), body(entry.command.body), progress(entry, acts));
}

/** @param {Author | null | undefined} author @param {string} at */
function head(author, at) {
  const name = author?.name ?? "Someone no longer here";
  return make(
    "div",
    { class: "head" },
    make("span", { class: "mark", "aria-hidden": "true", "data-hue": hue(author) }, [...name][0]?.toUpperCase() ?? ""),
    make("bdi", { class: "author" }, name),
    make("time", { datetime: at, title: exactTime(at) }, timeOfDay(at)),
  );
}

/** @param {string} text */
function body(text) {
  return make("p", { class: "body", dir: "auto" }, text);
}

/** @param {Entry} entry @param {Acts} acts */
function progress({ state, detail, command }, acts) {
  if (state !== "failed") return make("span", { class: "note" }, ON_ITS_WAY[state]);
  return make(
    "div",
    { class: "failure" },
    make("span", { class: "note" }, `${command.type === "send" ? "Not sent" : "Not changed"}: ${detail ?? ""}`),
    button("Try again", () => acts.retry(command.nonce)),
    button("Discard", () => acts.discard(command.nonce)),
  );
}

/** @param {string} label @param {Message} message @param {() => void} does */
function act(label, message, does) {
  return button(label, does, { "aria-label": `${label} the message of ${timeOfDay(message.created_at)}` });
}

/** The text that an edit on its way will give. @param {Entry | undefined} change */
function shownChange(change) {
  return change?.command.type === "edit" && change.state !== "failed" ? change.command.body : undefined;
}

/** @param {Author | null | undefined} author */
function hue(author) {
  return [...String(author?.id ?? "")].reduce((sum, one) => (sum * 31 + (one.codePointAt(0) ?? 0)) % HUES, 0);
}

/** @param {string} always @param {Record<string, boolean>} some */
function classes(always, some) {
  return [always, ...Object.keys(some).filter((name) => some[name])].join(" ");
}
