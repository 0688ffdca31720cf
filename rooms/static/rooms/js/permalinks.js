// @ts-check
/** The one way to a message, from the page's address, a search hit or a quoted reply; and the way back to the newest. */

import { gettext } from "./i18n.js";

/**
 * @typedef {import("./logwindow.js").LogWindow} LogWindow
 * @typedef {import("./view/log.js").LogView} LogView
 */

export class Permalinks {
  /** The page was opened at a message that is not there yet: nothing else is to be shown in its place. */
  arriving = named() !== 0;

  /**
   * @param {object} how
   * @param {LogWindow} how.log
   * @param {LogView} how.view
   * @param {(text: string) => void} how.say
   */
  constructor({ log, view, say }) {
    this.log = log;
    this.view = view;
    this.say = say;
    addEventListener("hashchange", () => {
      if (named() !== 0) void this.goTo(named());
    });
  }

  /** The log can be read. */
  opened() {
    if (this.arriving) void this.goTo(named());
  }

  /**
   * Have a message in sight and the reader at it, wherever in the log it is. What is shown is what the page's
   * address names, so that it can be copied.
   * @param {number} id
   */
  async goTo(id) {
    const found = await this.log.around(id);
    if (found === "here") {
      history.replaceState(history.state, "", `#m${id}`);
      this.view.show(id);
    } else if (found !== "overtaken") {
      this.say(found === "gone" ? gettext("That message is not here: it is gone, or was said elsewhere.") : gettext("That message could not be read."));
      if (this.arriving) this.view.stick();
    }
    this.arriving = false;
    this.view.draw();
  }

  /** Go to the newest message and stay there. */
  async down() {
    const found = await this.log.newest();
    if (found === "overtaken") return;
    if (found === "failed") this.say(gettext("The newest messages could not be read."));
    if (named() !== 0) history.replaceState(history.state, "", location.pathname + location.search);
    this.view.stick();
  }
}

/** The message that the page's address names, 0 where it names none. */
function named() {
  return Number(/^#m(\d{1,16})$/.exec(location.hash)?.[1] ?? 0);
}
