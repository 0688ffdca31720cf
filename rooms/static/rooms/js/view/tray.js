// @ts-check
/** What will be sent with the next message: each file with its picture, its size, how far it is, and what can be done. */

import { gettext, interpolate, ngettext } from "../i18n.js";
import { Turns, Upload } from "../upload.js";
import { button, make } from "./elements.js";
import { isPicture, source } from "./filerows.js";
import { badge, bar, sizeName } from "./files.js";

/**
 * @typedef {import("../outbox.js").Attachment} Attachment
 * @typedef {import("./attach.js").Limits} Limits
 * @typedef {{file: Attachment, item: HTMLLIElement}} Laid
 */

/** An upload that is not sent is thrown away after a day. */
const KEPT_MS = 23 * 3_600_000;

const KNOWN = /^(image\/(jpeg|png|gif|webp)|video\/(mp4|webm)|audio\/(mpeg|mp4|ogg|wav|flac|webm)|application\/(pdf|zip)|text\/plain)$/;

export class Tray {
  /** Called when there is something else to send. */
  onchange = () => {};
  /** @type {Laid[]} */
  #laid = [];
  #list = make("ul", { class: "laid", "aria-label": gettext("Files to send") });
  #complaint = make("p", { class: "complaint", role: "alert" });
  #told = make("p", { class: "unseen", role: "status" });
  #turns = new Turns();

  /**
   * @param {object} how
   * @param {HTMLElement} how.place
   * @param {HTMLElement} how.box has the focus when the last button has gone
   * @param {Limits} how.limits
   * @param {import("../upload.js").Send} how.send
   * @param {import("../clock.js").Clock} how.clock
   * @param {Storage} how.storage
   * @param {string} how.key where in it what is uploaded is kept
   */
  constructor({ place, box, limits, send, clock, storage, key }) {
    this.box = box;
    this.limits = limits;
    this.clock = clock;
    this.storage = storage;
    this.key = key;
    this.send = send;
    place.replaceChildren(this.#list, this.#complaint, this.#told);
    place.hidden = false;
    this.#restore();
  }

  get count() {
    return this.#laid.length;
  }

  /** Why what is there cannot be sent; "" where it can. */
  get objection() {
    const failed = this.#laid.find(({ file }) => file.upload?.state === "failed")?.file;
    return failed ? interpolate(gettext("%(name)s is not uploaded: try again, or remove it."), { name: failed.name }) : "";
  }

  /** @param {readonly File[]} files @param {boolean} folders whether there were any beside */
  add(files, folders) {
    const room = this.limits.most - this.#laid.length;
    const good = files.filter((file) => unfit(file, this.limits) === "");
    const complaints = files.map((file) => unfit(file, this.limits));
    if (folders) complaints.push(gettext("A folder cannot be sent."));
    if (good.length > room) {
      const { most: count } = this.limits;
      complaints.push(interpolate(ngettext("No more than %(count)s file goes with a message.", "No more than %(count)s files go with a message.", count), { count }));
    }
    this.#complain([...new Set(complaints)].join(" ").trim());
    const how = { send: this.send, clock: this.clock, turns: this.#turns };
    this.put(good.slice(0, Math.max(0, room)).map((file) => new Upload(file, how).attachment));
  }

  /** Have files here, uploaded or on their way. @param {readonly Attachment[]} files */
  put(files) {
    for (const file of files) this.#lay(file);
    this.#changed();
  }

  /** @returns {Attachment[]} what was there: it is the caller's now */
  take() {
    const files = this.#laid.map(({ file }) => file.upload?.attachment ?? file);
    this.#laid = [];
    this.#list.replaceChildren();
    this.#complain("");
    this.#changed();
    return files;
  }

  /** @param {Attachment} file */
  #lay(file) {
    const { name, size, upload } = file;
    const item = make("li");
    const why = make("p", { class: "complaint" });
    const again = button(gettext("Try again"), () => upload?.again(), { "aria-label": interpolate(gettext("Try again: %(name)s"), { name }) });
    const remove = button("×", () => this.#remove(laid), { class: "remove", "aria-label": interpolate(gettext("Remove %(name)s"), { name }) });
    item.append(shown(file), make("span", { class: "file-about" }, make("bdi", {}, name), " ", make("span", { class: "note" }, sizeName(size))), remove);
    const laid = { file, item };
    this.#laid.push(laid);
    this.#list.append(item);
    if (!upload) return;
    item.append(bar(upload), why, again);
    const show = () => {
      why.textContent = upload.why;
      why.hidden = again.hidden = upload.state !== "failed";
      if (!this.#laid.includes(laid)) return;
      if (upload.state !== "going") this.#tell(upload);
      this.#changed();
    };
    let { state } = upload;
    upload.addEventListener("change", () => {
      if (state !== upload.state) show();
      state = upload.state;
    });
    show();
  }

  /** @param {Upload} upload */
  #tell({ state, why, file: { name } }) {
    if (state === "done") this.#told.textContent = interpolate(gettext("%(name)s is uploaded."), { name });
    else this.#told.textContent = interpolate(gettext("%(name)s is not uploaded. %(why)s"), { name, why });
  }

  /** @param {Laid} laid */
  #remove(laid) {
    const at = this.#laid.indexOf(laid);
    laid.file.upload?.drop();
    laid.item.remove();
    this.#laid.splice(at, 1);
    this.#complain("");
    this.#changed();
    const next = this.#laid[Math.min(at, this.#laid.length - 1)];
    /** @type {HTMLElement} */ (next?.item.querySelector(".remove") ?? this.box).focus();
  }

  /** @param {string} text */
  #complain(text) {
    this.#complaint.textContent = text;
  }

  #changed() {
    const uploaded = this.#laid.map(({ file }) => file.upload?.attachment ?? file).filter(({ id }) => id !== undefined);
    try {
      if (uploaded.length === 0) this.storage.removeItem(this.key);
      else this.storage.setItem(this.key, JSON.stringify({ at: this.clock.now(), files: uploaded }));
    } catch (error) {
      console.warn(`This browser keeps nothing for us; a reload would lose what is attached: ${error}`);
    }
    this.onchange();
  }

  /** What an earlier page had uploaded and not sent. */
  #restore() {
    const kept = JSON.parse(this.storage.getItem(this.key) ?? "null");
    if (kept && this.clock.now() - kept.at < KEPT_MS) this.put(kept.files);
    else this.storage.removeItem(this.key);
  }
}

/** @param {Attachment} file */
function shown(file) {
  const { name, type, upload } = file;
  if (!isPicture(type)) return badge(name);
  const image = make("img", { src: source(file), alt: "", width: 48, height: 48 });
  image.addEventListener("error", () => image.replaceWith(badge(name)));
  image.addEventListener("load", () => {
    if (upload) upload.dimensions = { width: image.naturalWidth, height: image.naturalHeight };
  });
  return image;
}

/** Why a file cannot be sent; "" where it can, as far as it can be told here. @param {File} file @param {Limits} limits */
export function unfit({ name, size, type }, { maxBytes, types }) {
  const most = sizeName(maxBytes);
  if (size === 0) return interpolate(gettext("%(name)s is empty."), { name });
  if (size > maxBytes) return interpolate(gettext("%(name)s is too large: %(size)s. No more than %(most)s are taken."), { name, size: sizeName(size), most });
  if (!taken(type, types)) return interpolate(gettext("%(name)s: files of this kind are not taken here."), { name });
  return "";
}

/**
 * Whether the site takes files of a type. What the server would find in one of any other than these, it alone can tell.
 * @param {string} type what the browser makes of it, perhaps "" @param {string} types as in `<input accept>`
 */
function taken(type, types) {
  if (types === "" || !KNOWN.test(type)) return true;
  return types.split(",").some((one) => type.startsWith(one.trim().replace("*", "")));
}
