// @ts-check
/** One row of the log as an element. */

import { hasReacted } from "../reactions.js";
import { button, make } from "./elements.js";
import { shownReactions } from "./models.js";
import { dayName, exactTime, momentName, timeOfDay } from "./times.js";
import { noticeLine, reactionLabel } from "./words.js";

/**
 * @typedef {import("./models.js").Row} Row
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../outbox.js").Entry} Entry
 *
 * @typedef {object} Acts what the buttons of a row do
 * @property {(message: Message) => void} edit
 * @property {(message: Message) => void} redact
 * @property {(message: Message) => void} react choose what with
 * @property {(message: Message, body: string, on: boolean) => void} toggle react so, or take it back
 * @property {(message: Message) => void} more what else can be done
 * @property {(nonce: string) => void} retry
 * @property {(nonce: string) => void} discard
 *
 * @typedef {object} Viewer
 * @property {Author | null} user
 * @property {() => boolean} post
 * @property {() => boolean} moderate
 */

const HUES = 8;
const ON_ITS_WAY = { waiting: "Waiting for a connection…", sending: "Sending…", stored: "Sent", failed: "" };

/** Fill a row's element. @param {HTMLLIElement} item @param {Row} row @param {Viewer} viewer @param {Acts} acts */
export function fill(item, row, viewer, acts) {
  if (row.kind === "day") {
    item.className = "day";
    item.replaceChildren(make("time", { datetime: row.at.slice(0, 10) }, dayName(row.at)));
  } else if (row.kind === "unread") {
    item.className = "unread";
    item.replaceChildren(make("span", {}, "New"));
  } else if (row.kind === "notice") {
    fillNotice(item, row.message);
  } else if (row.kind === "message") {
    fillMessage(item, row, viewer, acts);
  } else {
    fillEntry(item, row, viewer, acts);
  }
}

/** @param {HTMLLIElement} item @param {Message} message */
function fillNotice(item, message) {
  const { created_at } = message;
  item.className = "notice";
  item.dataset.id = String(message.id);
  item.replaceChildren(
    make("bdi", {}, noticeLine(message)),
    " ",
    make("time", { datetime: created_at, title: exactTime(created_at) }, timeOfDay(created_at)),
  );
}

/** @param {HTMLLIElement} item @param {import("./models.js").MessageRow} row @param {Viewer} viewer @param {Acts} acts */
function fillMessage(item, row, viewer, acts) {
  const { message, reason, change, reacting, follows } = row;
  const removed = message.redacted === true;
  const me = viewer.user?.id;
  const mine = me !== undefined && message.author?.id === me;
  const named = message.mentions?.some(({ id }) => id === me) === true;
  item.className = classes("message", { follows, mine, removed, named, editing: item.classList.contains("editing") });
  item.dataset.id = String(message.id);
  /** @type {HTMLElement[]} */
  const parts = [head(message.author, message.created_at)];
  if (removed) parts.push(body(["Message removed"]));
  else parts.push(body(withMentions(shownChange(change) ?? message.body ?? "", message.mentions ?? [], me)));
  if (removed && reason) parts.push(make("span", { class: "note", dir: "auto" }, reason));
  if (message.edited_at && !removed) {
    parts.push(make("span", { class: "note", title: exactTime(message.edited_at) }, "edited"));
  }
  for (const entry of [change, ...reacting]) {
    if (entry && (entry === change || entry.state === "failed")) parts.push(progress(entry, acts));
  }
  const reactions = shownReactions(row, viewer.user);
  if (!removed && reactions.length > 0) parts.push(chips(message, reactions, viewer, acts));
  if (!removed && !change && viewer.user) parts.push(buttons(message, mine, viewer, acts));
  replace(item, parts, !removed);
}

/** @param {Message} message @param {boolean} mine @param {Viewer} viewer @param {Acts} acts */
function buttons(message, mine, viewer, acts) {
  const made = [];
  if (viewer.post()) made.push(act("React", message, () => acts.react(message)));
  if (mine && viewer.post()) made.push(act("Edit", message, () => acts.edit(message)));
  if (mine || viewer.moderate()) made.push(act("Remove", message, () => acts.redact(message)));
  made.push(act("More", message, () => acts.more(message)));
  return make("div", { class: "acts" }, ...made);
}

/**
 * What people reacted with; pressed where the reader did.
 * @param {Message} message @param {import("../protocol.js").Reaction[]} reactions @param {Viewer} viewer @param {Acts} acts
 */
function chips(message, reactions, viewer, acts) {
  const made = reactions.map((reaction) => {
    const on = hasReacted(reactions, reaction.body, viewer.user?.id);
    const chip = button("", () => acts.toggle(message, reaction.body, !on), {
      class: "chip",
      "aria-pressed": String(on),
      "aria-label": reactionLabel(reaction, on),
      "data-act": `chip ${reaction.body}`,
    });
    chip.append(make("bdi", {}, reaction.body), make("span", {}, String(reaction.count)));
    chip.disabled = !viewer.post();
    return chip;
  });
  return make("div", { class: "chips", "aria-live": "off" }, ...made);
}

/**
 * Put new parts into a row. An editor that is open in it stays, with its text, its caret and the focus;
 * what looks the same stays as well, and is not announced again; a button that had the focus has it again.
 * @param {HTMLLIElement} item @param {HTMLElement[]} parts @param {boolean} editable
 */
function replace(item, parts, editable) {
  const { activeElement } = document;
  const used = activeElement instanceof HTMLElement && item.contains(activeElement) ? activeElement.dataset.act : undefined;
  const editor = editable ? item.querySelector(":scope > form") : null;
  if (!editor) item.classList.remove("editing");
  const old = [...item.children].filter((child) => child !== editor);
  const now = parts.map((part) => old.find((child) => !child.querySelector("button") && child.isEqualNode(part)) ?? part);
  for (const child of old) if (!now.includes(/** @type {HTMLElement} */ (child))) child.remove();
  now.forEach((part, at) => {
    if (item.children[at] !== part) item.insertBefore(part, item.children[at] ?? null);
  });
  if (used === undefined) return;
  const again = [...item.querySelectorAll("button")].find(({ dataset }) => dataset.act === used);
  (again ?? item).focus({ preventScroll: true });
}

/** @param {HTMLLIElement} item @param {import("./models.js").EntryRow} row @param {Viewer} viewer @param {Acts} acts */
function fillEntry(item, { entry, follows }, viewer, acts) {
  item.className = classes("message mine", { follows, pending: entry.state !== "failed", failed: entry.state === "failed" });
  item.dataset.nonce = entry.command.nonce;
  item.replaceChildren(head(viewer.user, entry.at), body([entry.command.body]), progress(entry, acts));
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

/** @param {(Node | string)[]} text */
function body(text) {
  return make("p", { class: "body", dir: "auto" }, ...text);
}

/**
 * A text with those whom it names set off; the text itself stays as it is.
 * @param {string} text @param {readonly Author[]} mentions @param {Author["id"] | undefined} me
 * @returns {(Node | string)[]}
 */
function withMentions(text, mentions, me) {
  if (mentions.length === 0) return [text];
  const names = mentions.map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const longestFirst = names.sort((one, other) => other.length - one.length).join("|");
  return text.split(new RegExp(`(@(?:${longestFirst})(?![\\p{L}\\p{N}_]))`, "u")).map((part, at) => {
    if (at % 2 === 0) return part;
    const who = mentions.find(({ name }) => part === `@${name}`);
    return make("b", { class: who?.id === me ? "mention me" : "mention" }, part);
  });
}

/** @param {Entry} entry @param {Acts} acts */
function progress({ state, detail, command, until }, acts) {
  if (state === "waiting" && until !== undefined) {
    const when = momentName(new Date(until).toISOString());
    return make("span", { class: "note" }, `Kept, and sent soon after ${when}: no more is taken before.`);
  }
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
  const about = `${label}: the message of ${message.author?.name ?? "someone"} at ${timeOfDay(message.created_at)}`;
  return button(label, does, { "aria-label": about, "data-act": label });
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
