// @ts-check
/** One row of the log as an element. */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { plain } from "../markup/texts.js";
import { mayDiscard } from "../outbox.js";
import { hasReacted } from "../reactions.js";
import { button, make } from "./elements.js";
import { filesIn, ownText } from "./filerows.js";
import { shownReactions } from "./models.js";
import { dateHere, dayName, exactTime, momentName, timeOfDay } from "./times.js";
import { reach } from "./roving.js";

/**
 * @typedef {import("./models.js").Row} Row
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../outbox.js").Entry} Entry
 *
 * @typedef {object} Acts what the buttons of a row do
 * @property {(message: Message) => void} reply
 * @property {(id: number) => void} go to another message
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
 * @property {import("../markup/texts.js").Texts} texts
 * @property {Parts} parts
 *
 * @typedef {object} Parts what some rows want, fetched with the first of them
 * @property {import("./filerows.js").Drawing} files
 * @property {import("../later.js").Later<typeof import("./words.js")>} words
 * @property {import("../later.js").Later<typeof import("./quote.js")>} quote
 * @property {import("../later.js").Later<typeof import("./refusals.js")>} refusals
 */

const HUES = 8;

/** Fill a row's element. @param {HTMLLIElement} item @param {Row} row @param {Viewer} viewer @param {Acts} acts */
export function fill(item, row, viewer, acts) {
  if (row.kind === "day") {
    item.className = "day";
    item.replaceChildren(make("time", { datetime: dateHere(row.at) }, dayName(row.at)));
  } else if (row.kind === "unread") {
    item.className = "unread";
    item.replaceChildren(make("span", {}, gettext("New")));
  } else if (row.kind === "notice") {
    fillNotice(item, row.message, viewer.parts);
  } else if (row.kind === "message") {
    fillMessage(item, row, viewer, acts);
  } else {
    fillEntry(item, row, viewer, acts);
  }
}

/** @param {HTMLLIElement} item @param {Message} message @param {Parts} parts */
function fillNotice(item, message, { words }) {
  words.want();
  const { created_at } = message;
  item.className = "notice";
  item.dataset.id = String(message.id);
  item.replaceChildren(
    make("bdi", {}, words.part?.noticeLine(message) ?? message.body ?? ""),
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
  /** @type {Element[]} */
  const parts = [head(message.author, message.created_at)];
  const text = ownText(shownChange(change) ?? message.body ?? "", message.files);
  if (message.reply_to !== undefined) parts.push(quoted(message.reply_to, row.answered, viewer, acts));
  if (removed) parts.push(plain(gettext("Message removed")));
  else if (text !== "") parts.push(viewer.texts.draw(text, message.mentions, shownText(item)));
  if (message.files) parts.push(filesIn(message.files, viewer.parts.files));
  if (removed && reason) parts.push(make("span", { class: "note", dir: "auto" }, reason));
  if (message.edited_at && !removed) {
    parts.push(make("span", { class: "note", title: exactTime(message.edited_at) }, gettext("edited")));
  }
  for (const entry of [change, ...reacting]) {
    if (entry && (entry === change || entry.state === "failed")) parts.push(progress(entry, viewer, acts));
  }
  const reactions = shownReactions(row, viewer.user);
  if (!removed && reactions.length > 0) parts.push(chips(message, reactions, viewer, acts));
  if (!removed && !change && viewer.user) parts.push(buttons(message, mine, viewer, acts));
  replace(item, parts, !removed);
}

/** @param {Message} message @param {boolean} mine @param {Viewer} viewer @param {Acts} acts */
function buttons(message, mine, viewer, acts) {
  /** @type {HTMLButtonElement[]} */
  const made = [];
  const about = { name: message.author?.name ?? gettext("someone"), time: timeOfDay(message.created_at) };
  /** @param {string} key @param {string} label @param {string} whole @param {() => void} does */
  const offer = (key, label, whole, does) =>
    made.push(button(label, does, { "aria-label": interpolate(whole, about), "data-act": key }));
  if (viewer.post()) {
    offer("react", gettext("React"), gettext("React: the message of %(name)s at %(time)s"), () => acts.react(message));
    offer("reply", gettext("Reply"), gettext("Reply: the message of %(name)s at %(time)s"), () => acts.reply(message));
  }
  if (mine && viewer.post()) {
    offer("edit", gettext("Edit"), gettext("Edit: the message of %(name)s at %(time)s"), () => acts.edit(message));
  }
  if (mine || viewer.moderate()) {
    offer("remove", gettext("Remove"), gettext("Remove: the message of %(name)s at %(time)s"), () => acts.redact(message));
  }
  offer("more", gettext("More"), gettext("More: the message of %(name)s at %(time)s"), () => acts.more(message));
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
    chip.append(make("bdi", {}, reaction.body), make("span", {}, interpolate("%(count)s", { count: reaction.count })));
    chip.disabled = !viewer.post();
    return chip;
  });
  return make("div", { class: "chips", "aria-live": "off" }, ...made);
}

/** @param {import("../protocol.js").Reaction} reaction @param {boolean} mine */
function reactionLabel({ body, count }, mine) {
  const label = mine
    ? ngettext("%(body)s: %(count)s reaction, yours", "%(body)s: %(count)s reactions, yours among them", count)
    : ngettext("%(body)s: %(count)s reaction", "%(body)s: %(count)s reactions", count);
  return interpolate(label, { body, count });
}

/**
 * Put new parts into a row. An editor that is open in it stays, with its text, its caret and the focus;
 * what looks the same stays as well, and is not announced again; a button that had the focus has it again.
 * @param {HTMLLIElement} item @param {Element[]} parts @param {boolean} editable
 */
function replace(item, parts, editable) {
  const { activeElement } = document;
  const used = activeElement instanceof HTMLElement && item.contains(activeElement) ? activeElement.dataset.act : undefined;
  const editor = editable ? item.querySelector(":scope > form") : null;
  if (!editor) item.classList.remove("editing");
  for (const part of parts) reach(part, item.tabIndex);
  const old = [...item.children].filter((child) => child !== editor);
  const now = parts.map((part) => old.find((child) => !child.querySelector("button") && child.isEqualNode(part)) ?? part);
  for (const child of old) if (!now.includes(child)) child.remove();
  now.forEach((part, at) => {
    if (item.children[at] !== part) item.insertBefore(part, item.children[at] ?? null);
  });
  if (used === undefined) return;
  const again = [.../** @type {NodeListOf<HTMLElement>} */ (item.querySelectorAll("[data-act]"))].find(({ dataset }) => dataset.act === used);
  (again ?? item).focus({ preventScroll: true });
}

/** @param {HTMLLIElement} item @param {import("./models.js").EntryRow} row @param {Viewer} viewer @param {Acts} acts */
function fillEntry(item, { entry, follows, answered }, viewer, acts) {
  const { nonce, body, reply_to } = entry.command;
  item.className = classes("message mine", { follows, pending: entry.state !== "failed", failed: entry.state === "failed" });
  item.dataset.nonce = nonce;
  const parts = [
    head(viewer.user, entry.at),
    ...(reply_to === undefined ? [] : [quoted(reply_to, answered, viewer, acts)]),
    ...(body === "" ? [] : [viewer.texts.draw(body, [], shownText(item))]),
    ...(entry.files ? [filesIn(entry.files, viewer.parts.files)] : []),
    progress(entry, viewer, acts),
  ];
  replace(item, parts, false);
}

/** @param {number} id @param {import("../quotes.js").Answered} answered @param {Viewer} viewer @param {Acts} acts */
function quoted(id, answered, { parts: { quote }, texts }, { go }) {
  quote.want();
  return quote.part?.quoteLine(id, answered, texts, go) ?? make("a", { class: "quoted", href: `#m${id}` }, gettext("In reply to"));
}

/** The text that a row shows, as an element. @param {HTMLElement} item */
function shownText(item) {
  return item.querySelector(":scope > .body");
}

/** @param {Author | null | undefined} author @param {string} at */
function head(author, at) {
  const name = author?.name ?? gettext("Someone no longer here");
  return make(
    "div",
    { class: "head" },
    make("span", { class: "mark", "aria-hidden": "true", "data-hue": hue(author) }, [...name][0]?.toUpperCase() ?? ""),
    make("bdi", { class: "author" }, name),
    make("time", { datetime: at, title: exactTime(at) }, timeOfDay(at)),
  );
}

/** @param {Entry} entry @param {Viewer} viewer @param {Acts} acts */
function progress(entry, { parts }, acts) {
  const { state, code, command: { nonce } } = entry;
  const act = (/** @type {string} */ label, /** @type {"retry" | "discard"} */ key) =>
    button(label, () => acts[key](nonce), { "data-act": `${key} ${nonce}` });
  if (state === "uploading") {
    const cancel = act(gettext("Cancel"), "discard");
    return make("div", { class: "note" }, gettext("Uploading…"), " ", cancel);
  }
  if (state !== "failed") {
    const note = make("span", { class: "note" }, onItsWay(entry));
    return mayDiscard(entry) ? make("div", {}, note, " ", act(gettext("Discard"), "discard")) : note;
  }
  return make(
    "div",
    { class: "failure" },
    make("span", { class: "note" }, whyFailed(entry, parts.refusals)),
    // What is lost cannot be sent as it was.
    ...(code === "lost" ? [] : [act(gettext("Try again"), "retry")]),
    act(gettext("Discard"), "discard"),
  );
}

/** @param {Entry} entry */
function onItsWay({ state, until }) {
  if (state === "sending") return gettext("Sending…");
  if (state === "stored") return gettext("Sent");
  if (until === undefined) return gettext("Waiting for a connection…");
  const time = momentName(new Date(until).toISOString());
  return interpolate(gettext("Kept, and sent soon after %(time)s: no more is taken before."), { time });
}

/** @param {Entry} entry @param {Parts["refusals"]} refusals */
function whyFailed({ command, code = "", detail = "" }, refusals) {
  refusals.want();
  const told = command.type === "send" ? gettext("Not sent: %(why)s") : gettext("Not changed: %(why)s");
  return interpolate(told, { why: refusals.part?.refusalLine(code, detail) ?? detail });
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
