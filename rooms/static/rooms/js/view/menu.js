// @ts-check
/** What can be done about a message beside reading it: its menu, and the questions that its items ask. */

import { ask, choose, pickReaction } from "./dialogs.js";

/**
 * @typedef {import("../api.js").Api} Api
 * @typedef {import("../protocol.js").Author} Author
 * @typedef {import("../protocol.js").Message} Message
 * @typedef {import("../protocol.js").Room} Room
 */

export const REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀", "✅"];
const REASON = { name: "reason", more: { maxlength: 250 } };
const MINUTES = { name: "minutes", type: "number", more: { min: 1, max: 525_600, step: 1 } };
/** How far back "all of the author" goes: minutes, and in words. @type {[string, string][]} */
const SPANS = [["10", "the last ten minutes"], ["60", "the last hour"], ["1440", "the last day"], ["10080", "the last week"], ["", "ever"]];

export class MessageMenu {
  /**
   * @param {object} how
   * @param {string} how.room
   * @param {Api} how.api
   * @param {Author | null} how.user
   * @param {() => Room} how.state
   * @param {(type: "redact" | "react", message: Message, body: string) => void} how.submit
   * @param {(message: Message) => void} how.edit
   * @param {(text: string) => void} how.say what was done
   */
  constructor({ room, api, user, state, submit, edit, say }) {
    this.room = room;
    this.api = api;
    this.user = user;
    this.state = state;
    this.submit = submit;
    this.edit = edit;
    this.say = say;
  }

  /** @param {Message} message */
  open(message) {
    const { author } = message;
    const mine = author !== undefined && author.id === this.user?.id;
    const { moderate, post } = this.state();
    /** @type {{label: string, act: () => unknown, danger?: boolean}[]} */
    const choices = [];
    if (post) choices.push({ label: "React…", act: () => this.react(message) });
    if (mine && post) choices.push({ label: "Edit", act: () => this.edit(message) });
    choices.push({ label: "Copy the link", act: () => void this.#copyLink(message) });
    if (!mine) choices.push({ label: "Report to the moderators…", act: () => this.#report(message) });
    if (mine || moderate) choices.push({ label: "Remove…", act: () => this.remove(message), danger: true });
    if (moderate && !mine && author) {
      choices.push(
        { label: `Mute ${author.name}…`, act: () => this.#mute(author), danger: true },
        { label: `Ban ${author.name}…`, act: () => this.#ban(author), danger: true },
        { label: `Remove all that ${author.name} said…`, act: () => this.#removeAll(author), danger: true },
      );
    }
    choose(`Message of ${author?.name ?? "someone no longer here"}`, choices);
  }

  /** @param {Message} message */
  react(message) {
    pickReaction(REACTIONS, (body) => this.submit("react", message, body));
  }

  /** @param {Message} message */
  remove(message) {
    const fields = this.state().moderate ? [{ label: "Reason (everybody sees it)", ...REASON }] : [];
    ask(
      {
        title: "Remove this message?",
        quote: message.body ?? "",
        text: "It goes from everybody's page. This cannot be undone.",
        fields,
        yes: "Remove",
        no: "Keep it",
        danger: true,
      },
      ({ reason = "" }) => this.submit("redact", message, reason),
    );
  }

  /** @param {Message} message */
  #report(message) {
    const about = {
      title: "Report this message?",
      quote: message.body ?? "",
      text: "The moderators see it, and who reported it.",
      fields: [{ label: "What is wrong with it?", ...REASON }],
      yes: "Report",
    };
    ask(about, async ({ reason }) => {
      await this.api.report(this.room, message.id, reason);
      this.say("Thank you. The moderators are told.");
    });
  }

  /** @param {Author} author */
  #mute(author) {
    const text = "They can read here, and not write. Without a number: for good.";
    this.#sanction("mutes", author, { title: `Mute ${author.name}?`, text, minutes: "60", yes: "Mute" }, "muted");
  }

  /** @param {Author} author */
  #ban(author) {
    const text = "They can neither read nor write here. Without a number: for good.";
    this.#sanction("bans", author, { title: `Ban ${author.name}?`, text, minutes: "", yes: "Ban" }, "banned");
  }

  /**
   * @param {"mutes" | "bans"} what @param {Author} author
   * @param {{title: string, text: string, minutes: string, yes: string}} about @param {string} done
   */
  #sanction(what, author, { minutes: value, ...about }, done) {
    const fields = [{ label: "Minutes", ...MINUTES, value }, { label: "Reason", ...REASON }];
    ask({ ...about, fields, danger: true }, async ({ minutes, reason }) => {
      const long = minutes === "" ? {} : { minutes: Number(minutes) };
      await this.api.sanction(what, this.room, author.id, { ...long, reason });
      this.say(`${author.name} is ${done}.`);
    });
  }

  /** @param {Author} author */
  #removeAll(author) {
    const about = {
      title: `Remove all that ${author.name} said here?`,
      text: "It goes from everybody's page. This cannot be undone.",
      fields: [
        { name: "span", label: "Said in", options: SPANS, value: "60" },
        { label: "Reason (everybody sees it)", ...REASON },
      ],
      yes: "Remove all",
      danger: true,
    };
    ask(about, async ({ span, reason }) => {
      const since = span === "" ? {} : { since: new Date(Date.now() - Number(span) * 60_000).toISOString() };
      await this.api.redactAllOf(this.room, author.id, { ...since, reason });
      this.say("They are removed.");
    });
  }

  /** @param {Message} message */
  async #copyLink({ id }) {
    const link = `${location.origin}${location.pathname}#m${id}`;
    try {
      await navigator.clipboard.writeText(link);
      this.say("The link is copied.");
    } catch {
      // A browser lends its clipboard to secure pages only.
      const fields = [{ name: "link", label: "Copy it from here", value: link, more: { readonly: true } }];
      ask({ title: "Link to this message", fields, yes: "Done", no: "Close" }, () => {});
    }
  }
}
