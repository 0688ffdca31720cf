// @ts-check
/** The ways by which files get beside a text: picked, pasted, dropped. What is done with them is loaded with the first. */

import { gettext } from "../i18n.js";
import { element } from "../page.js";
import { make } from "./elements.js";

/**
 * @typedef {import("../outbox.js").Attachment} Attachment
 * @typedef {import("./tray.js").Tray} Tray
 * @typedef {{maxBytes: number, most: number, types: string}} Limits `types` as in `<input accept>`
 */

/** Something is dragged no more once nothing was told of it for so long: browsers differ in how its end is told. */
const DRAGGED_MS = 600;

/**
 * Let files be attached in the page of a room; null where none are taken.
 * @param {object} how
 * @param {HTMLElement} how.box
 * @param {import("../page.js").RoomPage} how.page
 * @param {import("../api.js").Api} how.api
 * @param {() => boolean} how.open
 * @param {import("../clock.js").Clock} how.clock
 * @param {Storage} how.storage
 * @param {string} how.key where in it what is uploaded and not sent is kept
 * @param {(text: string) => void} how.say
 */
export function startAttaching({ box, page: { room, uploads: limits }, api, open, say, ...how }) {
  if (!limits) return null;
  const load = async () => {
    const [{ Tray }, { upload }] = await Promise.all([import("./tray.js"), import("../uploading.js")]);
    return new Tray({ place: element("tray"), box, limits, send: (file, watching) => upload(api, room, file, watching), ...how });
  };
  const [button, input] = [element("attach"), /** @type {HTMLInputElement} */ (element("files"))];
  input.accept = limits.types;
  button.disabled = false;
  const attach = new Attach({ place: element("room"), button, input, box, open, clock: how.clock, load, say });
  if (how.storage.getItem(how.key) !== null) attach.ready().catch(() => {}); // it stays where it is
  return attach;
}

export class Attach {
  /** Called when there is something else to send. */
  onchange = () => {};
  /** @type {Tray | undefined} */
  #tray;
  /** The tray, once it is there; undefined as long as nobody needs it. @type {Promise<Tray> | undefined} */
  #coming;
  #dragged = () => {};

  /**
   * @param {object} how
   * @param {HTMLElement} how.place where they are dropped
   * @param {HTMLElement} how.button
   * @param {HTMLInputElement} how.input
   * @param {HTMLElement} how.box where a text is typed
   * @param {() => boolean} how.open whether anything can be sent now
   * @param {import("../clock.js").Clock} how.clock
   * @param {() => Promise<Tray>} how.load
   * @param {(text: string) => void} how.say
   */
  constructor({ place, button, input, box, open, clock, load, say }) {
    this.say = say;
    this.place = place;
    this.box = box;
    this.open = open;
    this.clock = clock;
    this.load = load;
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#add([...(input.files ?? [])]);
      input.value = ""; // the same may be picked again
    });
    document.addEventListener("paste", (event) => this.#pasted(event));
    place.addEventListener("dragover", (event) => this.#over(event));
    place.addEventListener("drop", (event) => this.#dropped(event));
  }

  /** Whether files are being looked at that will stand beside the text: a promise of their being there. */
  get coming() {
    return this.#tray ? undefined : this.#coming;
  }

  get count() {
    return this.#tray?.count ?? 0;
  }

  /** Why what is there cannot be sent; "" where it can. */
  get objection() {
    return this.#tray?.objection ?? "";
  }

  /** @returns {Attachment[]} what was there: it is the caller's now */
  take() {
    return this.#tray?.take() ?? [];
  }

  /** @param {readonly Attachment[]} files to have again */
  async put(files) {
    if (files.length > 0) (await this.ready()).put(files);
  }

  /** @param {File[]} files @param {boolean} [folders] whether there were any beside */
  async #add(files, folders = false) {
    if (files.length === 0 && !folders) return;
    this.box.focus();
    try {
      (await this.ready()).add(files, folders);
    } catch (error) {
      console.warn(`Nothing can be attached: ${error}`);
      this.say(gettext("Files cannot be attached without a connection."));
    }
  }

  /** Have the tray, and in it what an earlier page left there. */
  ready() {
    this.#coming ??= this.load().then(
      (tray) => {
        tray.onchange = () => this.onchange();
        this.#tray = tray;
        this.onchange();
        return tray;
      },
      (error) => {
        this.#coming = undefined; // the next may be loaded
        throw error;
      },
    );
    return this.#coming;
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const { clipboardData: data, target } = event;
    if (!data || data.files.length === 0 || !this.open()) return;
    if (target !== this.box && target instanceof Element && target.closest("input, textarea, dialog")) return;
    // What an office program copies is text, of which it gives a picture as well.
    if (data.types.includes("text/plain") && data.types.includes("text/html")) return;
    event.preventDefault();
    void this.#add([...data.files]);
  }

  /** @param {DragEvent} event */
  #over(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the browser would leave the page for the file
    event.dataTransfer.dropEffect = this.open() ? "copy" : "none";
    if (!this.open()) return;
    this.#dragged();
    const target = this.place.querySelector(":scope > .drop") ?? make("p", { class: "drop" }, gettext("Drop files here to send them"));
    if (!target.isConnected) this.place.append(target);
    const cancel = this.clock.after(DRAGGED_MS, () => target.remove());
    this.#dragged = () => cancel();
  }

  /** @param {DragEvent} event */
  #dropped(event) {
    const data = event.dataTransfer;
    if (!data?.types.includes("Files")) return;
    event.preventDefault();
    this.#dragged();
    this.place.querySelector(":scope > .drop")?.remove();
    if (!this.open()) return;
    // After this turn nothing can be read from it any more.
    const items = [...data.items].filter(({ kind }) => kind === "file");
    const files = items.filter((item) => !item.webkitGetAsEntry()?.isDirectory).flatMap((item) => item.getAsFile() ?? []);
    void this.#add(files, files.length < items.length);
  }
}
