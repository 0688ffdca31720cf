// @ts-check
/** Asks of what one wants to be notified; only what is answered here makes the browser ask for its permission. */

import { Problem } from "../api.js";
import { gettext } from "../i18n.js";
import { asWish, Wishes } from "../wishes.js";
import { ask } from "./dialogs.js";

/**
 * @param {object} how
 * @param {string} how.room
 * @param {import("../protocol.js").Author} how.user
 * @param {Storage} how.storage
 * @param {boolean} how.muted
 * @param {(text: string) => void} how.say
 */
export function askWishes({ room, user, storage, muted, say }) {
  const wishes = new Wishes({ storage, user });
  const choices = /** @type {[string, string][]} */ ([
    ["all", gettext("Every message")],
    ["named", gettext("Mentions and direct messages")],
    ["none", gettext("Nothing")],
  ]);
  const hint = impediment() || (muted ? gettext("You have asked to be told of nothing here. That goes before.") : "");
  ask(
    {
      title: gettext("Notifications"),
      ...(hint === "" ? {} : { text: hint }),
      fields: [
        {
          name: "own",
          label: gettext("In this room"),
          value: wishes.own(room) ?? "",
          options: [["", gettext("As in all other rooms")], ...choices],
        },
        { name: "other", label: gettext("In all other rooms"), value: wishes.other, options: choices },
      ],
      yes: gettext("Save"),
    },
    async ({ own, other }) => {
      const granted = "Notification" in window && (await Notification.requestPermission()) === "granted";
      wishes.keep(room, asWish(own), asWish(other) ?? "named");
      // Whoever wants nothing needs no permission.
      if (!granted && (wishes.of(room) !== "none" || wishes.other !== "none")) {
        const why = impediment() || gettext("The browser was not allowed to notify you. What you chose is kept.");
        throw new Problem(0, "", why, undefined);
      }
      say(gettext("What you chose is kept in this browser."));
    },
  );
}

/** Why this browser cannot notify; "" where it can, or may be asked. */
function impediment() {
  if (!("Notification" in window)) return gettext("This browser cannot notify you here. It can where the address begins with https.");
  if (Notification.permission !== "denied") return "";
  return gettext("This browser does not let this site notify you. You can change that in its settings for this site.");
}
