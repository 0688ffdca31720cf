// @ts-check
/** The pictures of a message, each as large as the page allows. */

import { gettext, interpolate } from "../i18n.js";
import { button, make } from "./elements.js";
import { sizeName } from "./files.js";

/** @typedef {import("../outbox.js").Attachment} Attachment */

/** @param {readonly Attachment[]} pictures of one message @param {number} first which of them is shown first */
export function look(pictures, first) {
  let at = first;
  const image = make("img", { alt: "" });
  const title = make("h2", { id: "viewer-title" });
  const place = make("span", { class: "note", role: "status" });
  const original = make("a", { target: "_blank", rel: "noopener", class: "button" }, gettext("Open the original"));
  const before = button("‹", () => turn(-1), { class: "turn", "aria-label": gettext("The picture before") });
  const after = button("›", () => turn(1), { class: "turn", "aria-label": gettext("The next picture") });
  const closing = button("×", () => dialog.close(), { class: "close", "aria-label": gettext("Close") });
  const dialog = make(
    "dialog",
    { class: "viewer", "aria-labelledby": title.id },
    make("header", {}, title, place, original, closing),
    make("div", { class: "stage" }, before, image, after),
  );
  const show = () => {
    const { name, size, url = "", width, height } = pictures[at];
    image.src = url;
    image.alt = name;
    image.toggleAttribute("data-loading", true);
    if (width && height) Object.assign(image, { width, height });
    title.replaceChildren(make("bdi", {}, name));
    const many = pictures.length > 1 ? `${interpolate(gettext("%(number)s of %(all)s"), { number: at + 1, all: pictures.length })} · ` : "";
    place.textContent = many + sizeName(size);
    original.href = url;
    [before.hidden, after.hidden] = [pictures.length < 2, pictures.length < 2];
  };
  /** @param {number} by */
  const turn = (by) => {
    at = (at + by + pictures.length) % pictures.length;
    show();
  };
  const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
  dialog.addEventListener("keydown", ({ key }) => {
    if (pictures.length > 1 && (key === "ArrowLeft" || key === "ArrowRight")) turn(key === forward ? 1 : -1);
  });
  image.addEventListener("load", () => image.removeAttribute("data-loading"));
  image.addEventListener("click", (event) => event.stopPropagation());
  const { activeElement } = document;
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog || (target instanceof Element && target.classList.contains("stage"))) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // A row that was drawn anew has another link to the same picture.
    if (activeElement instanceof HTMLAnchorElement && !activeElement.isConnected) {
      /** @type {HTMLElement | null} */ (document.querySelector(`.picture a[href="${CSS.escape(pictures[first].url ?? "")}"]`))?.focus();
    }
  });
  show();
  document.body.append(dialog);
  dialog.showModal();
}
