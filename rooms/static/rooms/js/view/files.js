// @ts-check
/** The files of a message in its row: pictures to look at, sound and film to play, all else to download. */

import { gettext, interpolate, locale, ngettext } from "../i18n.js";
import { make } from "./elements.js";
import { isPicture, looking, small, source } from "./filerows.js";

/** @typedef {import("../outbox.js").Attachment} Attachment */

const STEPS = ["kilobyte", "megabyte", "gigabyte"];

/** @param {number} bytes */
export function sizeName(bytes) {
  if (bytes < 1000) return interpolate(ngettext("%(count)s byte", "%(count)s bytes", bytes), { count: bytes });
  const step = Math.min(STEPS.length, Math.floor(Math.log10(bytes) / 3));
  const count = bytes / 1000 ** step;
  const how = { style: "unit", unit: STEPS[step - 1], unitDisplay: "short", maximumFractionDigits: count < 10 ? 1 : 0, numberingSystem: "latn" };
  return new Intl.NumberFormat(locale(), /** @type {Intl.NumberFormatOptions} */ (how)).format(count);
}

/** @param {readonly Attachment[]} files sent, or on their way @returns {HTMLUListElement} */
export function filesOf(files) {
  const pictures = files.filter(({ type, url }) => url !== undefined && isPicture(type));
  const items = files.map((file) => {
    if (isPicture(file.type) && source(file)) return picture(file, pictures);
    const media = /^(audio|video)\//.exec(file.type)?.[1];
    const item = make("li", { class: "file" }, badge(file.name), described(file));
    if (media && file.url) item.append(make(media === "audio" ? "audio" : "video", { controls: true, preload: "none", src: file.url, "aria-label": file.name }));
    if (file.upload) item.append(bar(file.upload));
    return item;
  });
  return make("ul", { class: "files" }, ...items);
}

/** @param {Attachment} file @param {readonly Attachment[]} among the pictures of its message */
function picture(file, among) {
  const { url, upload } = file;
  if (url === undefined || upload) return make("li", { class: "picture" }, small(file), ...(upload ? [bar(upload)] : []));
  return make("li", { class: "picture" }, looking(file, url, among));
}

/** What a file is, by the end of its name. @param {string} name */
export function badge(name) {
  const [, ending = ""] = /\.([a-z0-9]{1,4})$/i.exec(name) ?? [];
  return make("span", { class: "file-ending", "aria-hidden": "true" }, ending.toUpperCase() || "…");
}

/** @param {Attachment} file */
function described({ name, size, url }) {
  const text = make("span", { class: "file-about" }, make("bdi", {}, name), " ", make("span", { class: "note" }, sizeName(size)));
  if (url === undefined) return text;
  const label = interpolate(gettext("Download %(name)s"), { name });
  return make("a", { href: url, download: name, "aria-label": `${label}, ${sizeName(size)}`, class: "download" }, text);
}

/** How far an upload is. @param {import("../upload.js").Upload} upload */
export function bar(upload) {
  const made = make("progress", { max: 1, value: upload.share, "aria-label": interpolate(gettext("Uploading %(name)s"), { name: upload.file.name }) });
  const show = () => {
    made.value = upload.share;
    made.hidden = upload.state !== "going";
  };
  upload.addEventListener("change", show);
  show();
  return made;
}
