// @ts-check
/** The files of a message as its row has them before what draws them is here: pictures in their place, names of all else. */

import { make } from "./elements.js";

/**
 * @typedef {import("../outbox.js").Attachment} Attachment
 * @typedef {import("../later.js").Later<typeof import("./files.js")>} Drawing
 */

/** A picture in a row is no larger, so that what is said around it stays in sight. */
const WIDEST_PX = 400;
const HIGHEST_PX = 300;
const PICTURES = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/** Whether a browser shows it. @param {string} type */
export function isPicture(type) {
  return PICTURES.includes(type);
}

/** Where a small one of a picture is; "" where an earlier page had it. @param {Attachment} file */
export function source({ upload, preview, url }) {
  return upload?.local ?? preview ?? url ?? "";
}

/**
 * What was typed beside files: where that was nothing, the server made a text of their names.
 * @param {string} text @param {readonly Attachment[]} [files]
 */
export function ownText(text, files = []) {
  return text === files.map(({ name }) => name).join(", ") ? "" : text;
}

/** A picture with its place kept until it is there. @param {Attachment} file */
export function small({ width = 0, height = 0, ...file }) {
  const scale = Math.min(1, WIDEST_PX / width, HIGHEST_PX / height);
  const size = width && height ? { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) } : {};
  return make("img", { src: source(file), alt: file.name, loading: "lazy", decoding: "async", ...size });
}

/**
 * A picture that is looked at in the page, or as any link where that cannot be.
 * @param {Attachment} file @param {string} url its own @param {readonly Attachment[]} among the pictures of its message
 */
export function looking(file, url, among) {
  const link = make("a", { href: url, target: "_blank", rel: "noopener" }, small(file));
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const { look } = await import("./viewer.js");
      look(among, among.indexOf(file));
    } catch {
      open(url, "_blank", "noopener");
    }
  });
  return link;
}

/** @param {readonly Attachment[]} files sent, or on their way @param {Drawing} drawing @returns {HTMLUListElement} */
export function filesIn(files, drawing) {
  drawing.want();
  if (drawing.part) return drawing.part.filesOf(files);
  const pictures = files.filter(({ type, url }) => url !== undefined && isPicture(type));
  const items = files.map((file) => {
    const { type, name, url } = file;
    if (!isPicture(type) || !source(file)) {
      return make("li", { class: "file" }, make("a", url ? { href: url, target: "_blank", rel: "noopener" } : {}, make("bdi", {}, name)));
    }
    return make("li", { class: "picture" }, url === undefined ? small(file) : looking(file, url, pictures));
  });
  return make("ul", { class: "files" }, ...items);
}
