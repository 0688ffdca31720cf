// @ts-check
/** Dialogs: the focus goes in and comes back, Escape and a click beside them close them, errors are said in words. */

import { gettext, interpolate } from "../i18n.js";
import { button, make } from "./elements.js";
import { inWords } from "./refusals.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [type] of the input; "text" if left out
 * @property {string} [value]
 * @property {Record<string, string | number | boolean>} [more] attributes
 * @property {[string, string][]} [options] value and label of each: then it is a choice
 *
 * @typedef {Record<string, string>} Values by the fields' names, trimmed
 */

let made = 0;

/**
 * @param {string} title @param {...(Node | string)} children
 * @returns {HTMLDialogElement} shown, and gone from the page once it is closed
 */
function open(title, ...children) {
  const id = `dialog-${(made += 1)}`;
  const dialog = make("dialog", { class: "dialog", "aria-labelledby": id }, make("h2", { id }, title), ...children);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close(); // what lies around the box is the dialog itself
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Ask, and act on the answer. While it fails, the dialog stays and says why.
 * @param {object} about
 * @param {string} about.title
 * @param {string} [about.quote]
 * @param {string} [about.text]
 * @param {Field[]} [about.fields]
 * @param {string} about.yes
 * @param {string} [about.no]
 * @param {boolean} [about.danger]
 * @param {(values: Values) => unknown} act may be a promise
 */
export function ask({ title, quote, text, fields = [], yes, no = gettext("Cancel"), danger = false }, act) {
  const complaint = make("p", { class: "complaint", role: "alert" });
  const submit = make("button", { type: "submit", class: danger ? "danger" : "primary" }, yes);
  const form = make(
    "form",
    {},
    ...(quote === undefined ? [] : [make("blockquote", { dir: "auto" }, quote)]),
    ...(text === undefined ? [] : [make("p", {}, text)]),
    ...fields.map(labelled),
    complaint,
    make("p", { class: "choices" }, button(no, () => dialog.close()), submit),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    complaint.textContent = "";
    try {
      await act(valuesOf(form));
      dialog.close();
    } catch (error) {
      complaint.textContent = inWords(error);
    } finally {
      submit.disabled = false;
    }
  });
  const dialog = open(title, form);
}

/**
 * Offer things to do.
 * @param {string} title
 * @param {{label: string, act: () => unknown, danger?: boolean}[]} choices
 */
export function choose(title, choices) {
  const offered = choices.map(({ label, act, danger }) => {
    const does = () => {
      dialog.close();
      act();
    };
    return make("li", {}, button(label, does, danger ? { class: "risky" } : {}));
  });
  const dialog = open(title, make("ul", { class: "offers" }, ...offered), make("p", { class: "choices" }, button(gettext("Close"), () => dialog.close())));
}

/**
 * Offer a few things to react with, and a place for any other.
 * @param {readonly string[]} few @param {(body: string) => void} act
 */
export function pickReaction(few, act) {
  /** @param {string} body */
  const pick = (body) => {
    dialog.close();
    act(body);
  };
  const box = make("input", { name: "other", autocomplete: "off", maxlength: 64, "aria-describedby": "other-complaint" });
  const complaint = make("p", { class: "complaint", role: "alert", id: "other-complaint" });
  const form = make(
    "form",
    {},
    make("label", {}, gettext("Something else"), " ", box),
    complaint,
    make("p", { class: "choices" }, button(gettext("Cancel"), () => dialog.close()), make("button", { type: "submit", class: "primary" }, gettext("React"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = box.value.trim();
    if (body !== "" && [...body].length <= 32 && !/\s/u.test(body)) pick(body);
    else complaint.textContent = gettext("One emoji, or up to 32 characters without a space.");
  });
  const offered = few.map((body) => button(body, () => pick(body), { "aria-label": interpolate(gettext("React with %(body)s"), { body }) }));
  const dialog = open(gettext("React"), make("div", { class: "few" }, ...offered), form);
}

/** @param {Field} field */
function labelled({ name, label, type = "text", value = "", more = {}, options }) {
  const input = options
    ? make("select", { name }, ...options.map(([key, text]) => make("option", { value: key, selected: key === value }, text)))
    : make("input", { name, type, value, autocomplete: "off", ...more });
  return make("label", {}, `${label} `, input);
}

/** @param {HTMLFormElement} form @returns {Values} */
function valuesOf(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
}
