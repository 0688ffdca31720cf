// @ts-check
/** What a tab that nobody looks at has to tell by its title and its icon, and the installed application by its badge. */

/** @typedef {import("./protocol.js").Listed} Listed */

export class Badge {
  #prefix = "";
  /** It has the address of another, for news, in its data. @type {HTMLLinkElement | null} */
  #icon = document.querySelector("link[rel=icon]");
  #plain = this.#icon?.getAttribute("href") ?? "";
  #told = "";

  /** @param {Pick<Listed, "muted" | "unread" | "mentions" | "visibility">[]} rooms with what is unread there */
  show(rooms) {
    const heard = rooms.filter(({ muted }) => !muted);
    const count = heard.reduce((sum, { visibility, unread, mentions }) => sum + (visibility === "direct" ? unread : mentions), 0);
    const some = heard.some(({ unread, mentions }) => unread + mentions > 0);
    const mark = count > 0 ? `(${count}) ` : some ? "• " : "";
    this.#showApp(mark, count);
    this.#showTab(document.visibilityState === "hidden" ? mark : "");
  }

  /** @param {string} prefix */
  #showTab(prefix) {
    const { title } = document;
    const bare = title.startsWith(this.#prefix) ? title.slice(this.#prefix.length) : title;
    this.#prefix = prefix;
    if (title !== prefix + bare) document.title = prefix + bare;
    const href = (prefix && this.#icon?.dataset.news) || this.#plain;
    if (this.#icon && this.#icon.getAttribute("href") !== href) this.#icon.setAttribute("href", href);
  }

  /** @param {string} mark @param {number} count */
  #showApp(mark, count) {
    if (mark === this.#told || !("setAppBadge" in navigator)) return;
    this.#told = mark;
    const done = mark === "" ? navigator.clearAppBadge() : navigator.setAppBadge(...(count > 0 ? [count] : []));
    done.catch(() => {}); // where the page is not installed there is none
  }
}
