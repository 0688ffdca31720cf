// @ts-check
/** What can be done about a message beside reading it: its menu, and the questions that its items ask. */

import { gettext, interpolate } from "../i18n.js";
import { ask, choose, pickReaction } from "./dialogs.js";
import { inWords } from "./refusals.js";

/**
 * @typedef {import("../api.js").Api} Api
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../protocol.js").Room} Room
 */

export const REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀", "✅"];
const REASON = { name: "reason", more: { maxlength: 250 } };
const MINUTES = { name: "minutes", type: "number", more: { min: 1, max: 525_600, step: 1 } };
/** How far back "all of the author" goes: minutes, and in words. @returns {[string, string][]} */
const spans = () => [
  ["10", gettext("the last ten minutes")],
  ["60", gettext("the last hour")],
  ["1440", gettext("the last day")],
  ["10080", gettext("the last week")],
  ["", gettext("ever")],
];

export class MessageMenu {
  /**
   * @param {object} how
   * @param {string} how.room
   * @param {Api} how.api
   * @param {Author | null} how.user
   * @param {() => Room} how.state
   * @param {(type: "redact" | "react", message: Message, body: string) => void} how.submit
   * @param {(message: Message) => void} how.reply
   * @param {(message: Message) => void} how.edit
   * @param {(room: string) => void} how.goTo
   * @param {(text: string) => void} how.say what was done
   */
  constructor({ room, api, user, state, submit, reply, edit, goTo, say }) {
    this.room = room;
    this.api = api;
    this.user = user;
    this.state = state;
    this.submit = submit;
    this.reply = reply;
    this.edit = edit;
    this.goTo = goTo;
    this.say = say;
  }

  /** @param {Message} message */
  open(message) {
    const { author } = message;
    const mine = author !== undefined && author.id === this.user?.id;
    const { moderate, post, visibility } = this.state();
    /** @type {{label: string, act: () => unknown, danger?: boolean}[]} */
    const choices = [];
    if (post) choices.push({ label: gettext("React…"), act: () => this.react(message) });
    if (post) choices.push({ label: gettext("Reply"), act: () => this.reply(message) });
    if (mine && post) choices.push({ label: gettext("Edit"), act: () => this.edit(message) });
    choices.push({ label: gettext("Copy the link"), act: () => void this.#copyLink(message) });
    if (author && !mine && this.user && visibility !== "direct") {
      choices.push({ label: interpolate(gettext("Talk to %(name)s"), author), act: () => void this.#talk(author) });
    }
    if (!mine) choices.push({ label: gettext("Report to the moderators…"), act: () => this.#report(message) });
    if (mine || moderate) choices.push({ label: gettext("Remove…"), act: () => this.remove(message), danger: true });
    if (moderate && !mine && author) {
      const { name } = author;
      choices.push(
        { label: interpolate(gettext("Mute %(name)s…"), { name }), act: () => this.#mute(author), danger: true },
        { label: interpolate(gettext("Ban %(name)s…"), { name }), act: () => this.#ban(author), danger: true },
        { label: interpolate(gettext("Remove all that %(name)s said…"), { name }), act: () => this.#removeAll(author), danger: true },
      );
    }
    const title = author ? interpolate(gettext("Message of %(name)s"), { name: author.name }) : gettext("Message of someone no longer here");
    choose(title, choices);
  }

  /** @param {Message} message */
  react(message) {
    pickReaction(REACTIONS, (body) => this.submit("react", message, body));
  }

  /** @param {Message} message */
  remove(message) {
    const fields = this.state().moderate ? [{ label: gettext("Reason (everybody sees it)"), ...REASON }] : [];
    ask(
      {
        title: gettext("Remove this message?"),
        quote: message.body ?? "",
        text: gettext("It goes from everybody's page. This cannot be undone."),
        fields,
        yes: gettext("Remove"),
        no: gettext("Keep it"),
        danger: true,
      },
      ({ reason = "" }) => this.submit("redact", message, reason),
    );
  }

  /** Go to the room of the reader and somebody. @param {Author} author */
  async #talk(author) {
    try {
      this.goTo(await this.api.direct(author.id));
    } catch (error) {
      this.say(inWords(error));
    }
  }

  /** @param {Message} message */
  #report(message) {
    const about = {
      title: gettext("Report this message?"),
      quote: message.body ?? "",
      text: gettext("The moderators see it, and who reported it."),
      fields: [{ label: gettext("What is wrong with it?"), ...REASON }],
      yes: gettext("Report"),
    };
    ask(about, async ({ reason }) => {
      await this.api.report(this.room, message.id, reason);
      this.say(gettext("Thank you. The moderators are told."));
    });
  }

  /** @param {Author} author */
  #mute(author) {
    const { name } = author;
    const title = interpolate(gettext("Mute %(name)s?"), { name });
    const text = gettext("They can read here, and not write. Without a number: for good.");
    const done = interpolate(gettext("%(name)s is muted."), { name });
    this.#sanction("mutes", author, { title, text, minutes: "60", yes: gettext("Mute") }, done);
  }

  /** @param {Author} author */
  #ban(author) {
    const { name } = author;
    const title = interpolate(gettext("Ban %(name)s?"), { name });
    const text = gettext("They can neither read nor write here. Without a number: for good.");
    const done = interpolate(gettext("%(name)s is banned."), { name });
    this.#sanction("bans", author, { title, text, minutes: "", yes: gettext("Ban") }, done);
  }

  /**
   * @param {"mutes" | "bans"} what @param {Author} author
   * @param {{title: string, text: string, minutes: string, yes: string}} about @param {string} done
   */
  #sanction(what, author, { minutes: value, ...about }, done) {
    const fields = [{ label: gettext("Minutes"), ...MINUTES, value }, { label: gettext("Reason"), ...REASON }];
    ask({ ...about, fields, danger: true }, async ({ minutes, reason }) => {
      const long = minutes === "" ? {} : { minutes: Number(minutes) };
      await this.api.sanction(what, this.room, author.id, { ...long, reason });
      this.say(done);
    });
  }

  /** @param {Author} author */
  #removeAll(author) {
    const about = {
      title: interpolate(gettext("Remove all that %(name)s said here?"), { name: author.name }),
      text: gettext("It goes from everybody's page. This cannot be undone."),
      fields: [
        { name: "span", label: gettext("Said in"), options: spans(), value: "60" },
        { label: gettext("Reason (everybody sees it)"), ...REASON },
      ],
      yes: gettext("Remove all"),
      danger: true,
    };
    ask(about, async ({ span, reason }) => {
      const since = span === "" ? {} : { since: new Date(Date.now() - Number(span) * 60_000).toISOString() };
      await this.api.redactAllOf(this.room, author.id, { ...since, reason });
      this.say(gettext("They are removed."));
    });
  }

  /** @param {Message} message */
  async #copyLink({ id }) {
    const link = `${location.origin}${location.pathname}#m${id}`;
    try {
      await navigator.clipboard.writeText(link);
      this.say(gettext("The link is copied."));
    } catch {
      // A browser lends its clipboard to secure pages only.
      const fields = [{ name: "link", label: gettext("Copy it from here"), value: link, more: { readonly: true } }];
      ask({ title: gettext("Link to this message"), fields, yes: gettext("Done"), no: gettext("Close") }, () => {});
    }
  }
}
