// @ts-check
/** A message of one's own being changed, in its place. */

import { gettext } from "../i18n.js";
import { button, make } from "./elements.js";
import { fit, listen, objection, sendable } from "./textbox.js";

/**
 * Put a form over the text of a message until it is saved or left.
 * @param {HTMLElement} item the message's row
 * @param {string} shown its text so far
 * @param {{most: number, save: (text: string) => void, done: () => void}} how
 */
export function edit(item, shown, { most, save, done }) {
  if (item.querySelector("form")) return;
  const box = make("textarea", { "aria-label": gettext("New text"), dir: "auto", rows: 1 });
  const complaint = make("span", { class: "complaint", role: "alert" });
  const form = make(
    "form",
    { class: "editor" },
    box,
    complaint,
    make("button", { type: "submit", class: "primary" }, gettext("Save")),
    button(gettext("Cancel"), () => close()),
  );
  const close = () => {
    form.remove();
    item.classList.remove("editing");
    done();
  };
  const submit = () => {
    const text = sendable(box.value);
    complaint.textContent = objection(text, most);
    if (complaint.textContent !== "") return;
    close();
    if (text !== "" && text !== shown) save(text);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  listen(box, { submit, cancel: close });
  box.value = shown;
  item.classList.add("editing");
  item.append(form);
  fit(box);
  box.focus();
}
