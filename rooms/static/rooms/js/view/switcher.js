// @ts-check
/**
 * Go to a room by a few letters of its name: a combobox with a list, as the ARIA Authoring Practices have it.
 * The focus stays where one types; what is chosen is told by `aria-activedescendant`.
 */

import { Api } from "../api.js";
import { found } from "../finding.js";
import { gettext, interpolate, ngettext } from "../i18n.js";
import { ofThisPage } from "../roomnews.js";
import { button, make } from "./elements.js";
import { inWords } from "./refusals.js";
import { counts } from "./roomlist.js";

/**
 * @typedef {import("../protocol.js").Listed} Listed
 * @typedef {{href: string, parts: (Node | string)[]}} Choice
 * @typedef {object} Ways addresses, as the page tells them
 * @property {string} api
 * @property {string} room of a room named ROOM
 * @property {string} direct
 * @property {string} search
 * @property {string} [new] absent where one may make none
 */

const MOST_SHOWN = 40;

/** @param {Ways} ways @param {string} [typed] before it could be shown */
export function openSwitcher(ways, typed = "") {
  const list = make("ul", { id: "switch-list", role: "listbox", "aria-label": gettext("Rooms and people") });
  const box = make("input", {
    type: "text", role: "combobox", "aria-label": gettext("Go to a room or a person"), placeholder: gettext("Go to a room or a person"),
    "aria-expanded": "true", "aria-controls": list.id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", dir: "auto",
    enterkeyhint: "go",
  });
  const status = make("p", { role: "status", class: "switch-status" });
  const close = button("×", () => dialog.close(), { class: "switch-close", "aria-label": gettext("Close") });
  const dialog = make("dialog", { class: "switcher", "aria-label": gettext("Go to") }, make("div", { class: "switch-head" }, box, close), list, status);
  /** @type {Choice[]} */
  let choices = [];
  let at = 0;
  box.value = typed;
  /** @type {Listed[] | null} */
  let rooms = ofThisPage()?.list.rooms ?? null;
  /** @type {unknown} */
  let trouble = null;

  const choose = (/** @type {number} */ next) => {
    list.children[at]?.setAttribute("aria-selected", "false");
    at = (next + choices.length) % choices.length;
    const chosen = list.children[at];
    chosen.setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  };
  const go = (/** @type {number} */ to) => {
    const choice = choices[to];
    if (!choice) return;
    dialog.close();
    location.assign(choice.href);
  };
  const show = () => {
    const query = box.value.trim();
    const here = ofThisPage() ? (rooms ?? []).find(({ room }) => ways.room.replace("ROOM", room) === location.pathname) : undefined;
    const fitting = found(query, rooms ?? [], here?.room);
    choices = [...fitting.slice(0, MOST_SHOWN).map((room) => ofRoom(room, ways)), ...ofOther(query, ways)];
    list.replaceChildren(...choices.map(({ parts }, index) => option(index, parts)));
    choose(0);
    if (rooms === null) status.textContent = trouble ? inWords(trouble) : gettext("Reading…");
    else status.textContent = query ? interpolate(ngettext("%(count)s room found", "%(count)s rooms found", fitting.length), { count: fitting.length }) : "";
  };

  box.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // the keys are the input method's
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Enter") go(at);
    else if (Object.hasOwn(moves, event.key)) choose(at + moves[/** @type {keyof typeof moves} */ (event.key)]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays where one types
  list.addEventListener("click", ({ target }) => {
    const index = [...list.children].findIndex((one) => one.contains(/** @type {Node} */ (target)));
    if (index >= 0) go(index);
  });
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show();
  dialog.showModal();
  box.focus();
  if (rooms !== null) return;
  new Api({ root: ways.api, csrfToken: () => "", user: null }).list().then(
    (answer) => {
      rooms = answer.rooms;
      show();
    },
    (/** @type {unknown} */ error) => {
      trouble = error;
      show();
    },
  );
}

/** @param {Listed} room @param {Ways} ways @returns {Choice} */
function ofRoom(room, ways) {
  const notes = [];
  if (room.visibility === "direct") notes.push(gettext("direct"));
  if (room.archived) notes.push(gettext("archived"));
  if (room.muted) notes.push(gettext("muted"));
  const tags = notes.map((text) => make("span", { class: "tag" }, text));
  const parts = [make("span", { class: "room-name" }, make("bdi", {}, room.name)), ...tags, ...counts(room)];
  return { href: ways.room.replace("ROOM", room.room), parts };
}

/** What leads elsewhere. @param {string} query @param {Ways} ways @returns {Choice[]} */
function ofOther(query, ways) {
  const search = { href: `${ways.search}?${new URLSearchParams({ q: query })}`, parts: [interpolate(gettext("Search for “%(text)s”"), { text: query })] };
  return [
    ...(query ? [search] : []),
    ...(ways.new ? [{ href: ways.new, parts: [gettext("New room")] }] : []),
    { href: ways.direct, parts: [gettext("Talk to somebody")] },
  ];
}

/** @param {number} index @param {(Node | string)[]} parts */
function option(index, parts) {
  const spaced = parts.flatMap((part) => [part, " "]);
  return make("li", { id: `switch-${index}`, role: "option", "aria-selected": "false" }, ...spaced);
}
