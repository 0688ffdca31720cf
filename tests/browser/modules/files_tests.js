// @ts-check
import { Problem, Unreachable } from "/static/rooms/js/api.js";
import { Outbox } from "/static/rooms/js/outbox.js";
import { parseMessage } from "/static/rooms/js/protocol.js";
import { Later } from "/static/rooms/js/later.js";
import { seeTo } from "/static/rooms/js/sendfiles.js";
import { MessageStore } from "/static/rooms/js/store.js";
import { Turns, Upload } from "/static/rooms/js/upload.js";
import { Attach } from "/static/rooms/js/view/attach.js";
import { make } from "/static/rooms/js/view/elements.js";
import { filesIn, ownText } from "/static/rooms/js/view/filerows.js";
import { filesOf, sizeName } from "/static/rooms/js/view/files.js";
import { Tray } from "/static/rooms/js/view/tray.js";
import { equal, ok, settled, storage, test, TestClock, throws } from "./check.js";

/** @typedef {import("/static/rooms/js/protocol.js").SentFile} SentFile */

const user = { id: 3, name: "ana" };
const LIMITS = { maxBytes: 1000, most: 3, types: "image/*,text/plain" };
/** @param {string} id @returns {SentFile} */
const sentFile = (id) => ({ id, name: `${id}.txt`, type: "text/plain", size: 4, url: `/files/${id}/${id}.txt` });
/** @param {string} [name] @param {string} [type] @param {string} [text] */
const file = (name = "a.txt", type = "text/plain", text = "text") => new File([text], name, { type });

/** Uploads that a test answers. */
function server() {
  /** @type {{file: File, signal: AbortSignal, progress: (bytes: number) => void, stored: (it: SentFile) => void, failed: (why: Error) => void}[]} */
  const calls = [];
  /** @type {import("/static/rooms/js/upload.js").Send} */
  const send = (one, how) =>
    new Promise((stored, failed) => {
      calls.push({ file: one, ...how, stored, failed });
      how.signal.addEventListener("abort", () => failed(new Unreachable("given up")));
    });
  return { calls, send };
}

/** @param {Partial<{kept: Storage, clock: TestClock}>} [with_] */
function fixture({ kept = storage(), clock = new TestClock() } = {}) {
  document.body.replaceChildren();
  const [place, box] = [make("div"), make("textarea")];
  document.body.append(place, box);
  const { calls, send } = server();
  const tray = new Tray({ place, box, limits: LIMITS, send, clock, storage: kept, key: "draft:files" });
  const names = () => [...place.querySelectorAll("li bdi")].map(({ textContent }) => textContent);
  const said = () => place.querySelector(":scope > .complaint")?.textContent;
  return { place, box, calls, tray, kept, clock, names, said };
}

test("files are uploaded two at a time, each with what it is and how far", async () => {
  const { tray, calls, names, place } = fixture();
  tray.add([file("a.txt"), file("b.txt"), file("c.txt")], false);
  await settled();
  equal([names(), calls.length], [["a.txt", "b.txt", "c.txt"], 2]);
  calls[0].progress(2);
  equal([...place.querySelectorAll("progress")].map(({ value }) => value), [0.5, 0, 0]);
  calls[0].stored(sentFile("A"));
  await settled();
  equal([calls.length, place.querySelector("[role=status]")?.textContent], [3, "a.txt is uploaded."]);
  ok(place.querySelector("progress")?.hidden, "what is done moves no more");
});

test("what cannot be sent is told before anything is uploaded", async () => {
  const { tray, calls, names, said } = fixture();
  tray.add([file("a.zip", "application/zip"), file("big.txt", "text/plain", "x".repeat(1001)), file("none.txt", "text/plain", "")], true);
  await settled();
  equal([names(), calls.length], [[], 0]);
  equal(said(), "a.zip: files of this kind are not taken here. big.txt is too large: 1 kB. No more than 1 kB are taken. none.txt is empty. A folder cannot be sent.");
  tray.add([file("odd.txt", "text/x-odd"), ...["b", "c", "d"].map((name) => file(name))], false);
  equal([names(), said()], [["odd.txt", "b", "c"], "No more than 3 files go with a message."]);
});

test("an upload that is cut off goes on by itself, later and later; at once when the network is back", async () => {
  const { tray, calls, clock } = fixture();
  tray.add([file()], false);
  await settled();
  calls[0].failed(new Unreachable("cut off"));
  await settled();
  equal(calls.length, 1);
  await clock.advance(1_000);
  equal(calls.length, 2);
  calls[1].failed(new Unreachable("cut off"));
  await settled();
  dispatchEvent(new Event("online"));
  await settled();
  equal([calls.length, tray.objection], [3, ""]);
  for (let at = 2; at < 8; at += 1) {
    calls[at].failed(new Unreachable("cut off"));
    await clock.advance(60_000);
  }
  equal([calls.length, tray.objection], [8, "a.txt is not uploaded: try again, or remove it."]);
});

test("a refusal says why, and can be tried again", async () => {
  const { tray, calls, place } = fixture();
  tray.add([file()], false);
  await settled();
  calls[0].failed(new Problem(415, "unsupported_type", "no", undefined));
  await settled();
  equal(place.querySelector("li .complaint")?.textContent, "Files of this kind are not taken here, or this one cannot be read.");
  const again = [...place.querySelectorAll("button")].find(({ textContent }) => textContent === "Try again");
  again?.click();
  await settled();
  calls[1].stored(sentFile("A"));
  await settled();
  equal([tray.objection, again?.hidden, tray.take()[0].id], ["", true, "A"]);
});

test("what passes soon is waited for, what passes in hours is told", async () => {
  const { tray, calls, clock } = fixture();
  tray.add([file()], false);
  await settled();
  calls[0].failed(new Problem(503, "unavailable", "busy", 5));
  await clock.advance(4_900);
  equal(calls.length, 1);
  await clock.advance(1_100);
  equal(calls.length, 2);
  calls[1].failed(new Problem(429, "rate_limited", "too much", 40_000));
  await clock.advance(60_000);
  equal([calls.length, tray.objection === ""], [2, false]);
});

test("removing a file ends its upload, and the focus goes on", async () => {
  const { tray, calls, place, box, names } = fixture();
  tray.add([file("a"), file("b")], false);
  await settled();
  const remove = () => /** @type {HTMLButtonElement} */ (place.querySelector("[aria-label='Remove a'], [aria-label='Remove b']")).click();
  remove();
  ok(calls[0].signal.aborted, "it goes on no more");
  equal([names(), document.activeElement?.getAttribute("aria-label")], [["b"], "Remove b"]);
  remove();
  equal([tray.count, document.activeElement === box], [0, true]);
});

test("what is uploaded is there after a reload, for as long as the server keeps it", async () => {
  const first = fixture();
  first.tray.add([file("a"), file("b")], false);
  await settled();
  first.calls[1].stored(sentFile("B"));
  await settled();
  const second = fixture({ kept: first.kept });
  equal([second.names(), second.tray.take().map(({ id, url }) => [id, url])], [["B.txt"], [["B", sentFile("B").url]]]);
  equal(second.kept.length, 0);
  const third = fixture();
  third.kept.setItem("draft:files", JSON.stringify({ at: third.clock.now() - 86_400_000, files: [sentFile("B")] }));
  equal([fixture({ kept: third.kept, clock: third.clock }).names(), third.kept.length], [[], 0]);
});

/** An outbox that sends by a socket, and uploads for it. @param {Storage} [kept] @param {LockManager} [locks] */
function sending(kept = storage(), locks) {
  const clock = new TestClock();
  const { calls, send } = server();
  /** @type {any[]} */
  const frames = [];
  const outbox = new Outbox({
    room: "lobby", user, storage: kept, clock, onchange: () => {},
    ways: {
      socket: (frame) => (frames.push(frame), true),
      post: () => new Promise(() => {}),
      doubt: () => {},
      files: (nonce) => void Promise.resolve().then(() => seeTo(outbox, nonce, locks)),
    },
  });
  outbox.status({ state: "open", transport: "websocket", session: "s" });
  const turns = new Turns();
  const upload = (/** @type {File} */ one) => new Upload(one, { send, clock, turns }).attachment;
  const states = () => outbox.entries().map(({ command, state }) => [command.body, state]);
  return { outbox, frames, calls, upload, states, kept };
}

test("a message waits for its uploads, and others do not wait for it", async () => {
  const { outbox, frames, calls, upload, states } = sending();
  outbox.submit({ type: "send", body: "look" }, [upload(file("a")), upload(file("b"))]);
  outbox.submit({ type: "send", body: "meanwhile" });
  await settled();
  equal([states(), frames.map(({ body }) => body)], [[["look", "uploading"], ["meanwhile", "sending"]], ["meanwhile"]]);
  calls[1].stored(sentFile("B"));
  await settled();
  equal(frames.length, 1);
  calls[0].stored(sentFile("A"));
  await settled();
  equal([frames[1].body, frames[1].files], ["look", ["A", "B"]]);
});

test("a message whose upload fails says so, and goes out when trying again succeeds", async () => {
  const { outbox, frames, calls, upload } = sending();
  const nonce = outbox.submit({ type: "send", body: "look" }, [upload(file("a"))]);
  await settled();
  calls[0].failed(new Problem(413, "too_large", "", undefined));
  await settled();
  equal([outbox.entries()[0].state, outbox.entries()[0].detail], ["failed", "a: This file is too large."]);
  outbox.retry(nonce);
  await settled();
  calls[1].stored(sentFile("A"));
  await settled();
  equal(frames.map(({ files }) => files), [["A"]]);
});

test("of a page that was left while it uploaded the text stays, and what was uploaded", async () => {
  const first = sending();
  first.outbox.submit({ type: "send", body: "look" }, [first.upload(file("a")), first.upload(file("b"))]);
  await settled();
  first.calls[0].stored(sentFile("A"));
  await settled();
  const { outbox, frames } = sending(first.kept);
  await settled();
  const [{ command, state, code }] = outbox.entries();
  equal([command.body, state, code, frames], ["look", "failed", "lost", []]);
  outbox.retry(command.nonce);
  equal(outbox.entries()[0].state, "failed");
  equal(outbox.discard(command.nonce)?.files?.map(({ id }) => id), ["A", undefined]);
});

test("another tab leaves a message alone while the one that uploads lives", async () => {
  const until = async (/** @type {() => boolean} */ so) => {
    while (!so()) await new Promise((on) => setTimeout(on));
  };
  const first = sending(storage(), navigator.locks);
  first.outbox.submit({ type: "send", body: "look" }, [first.upload(file("a"))]);
  await until(() => first.calls.length === 1);
  await until(() => first.outbox.entries().length === 1);
  const second = sending(first.kept, navigator.locks);
  const { pending } = await navigator.locks.query();
  await until(() => pending !== undefined);
  equal(second.states(), []);
  first.calls[0].stored(sentFile("A"));
  await until(() => second.states().length === 1);
  equal(second.frames.map(({ nonce, files }) => [nonce, files]), [[first.frames[0].nonce, ["A"]]]);
});

test("files that the server keeps no longer are told, and the text is not lost", async () => {
  const { outbox } = sending();
  const nonce = outbox.submit({ type: "send", body: "look" }, [sentFile("A")]);
  outbox.refused({ nonce, code: "bad_request", detail: "files: no such upload" });
  const [{ state, code, files }] = outbox.entries();
  equal([state, code, files], ["failed", "lost", undefined]);
});

test("what files are on the wire, and that only this site's paths are taken", () => {
  const bare = { id: 5, room: "r", kind: "message", created_at: "t", body: "b" };
  const full = { ...sentFile("A"), width: 4, height: 3, preview: "/files/A/preview/a.webp" };
  equal(parseMessage({ ...bare, files: [{ ...full, more: 1 }] }).files, [full]);
  for (const url of ["https://example.com/a", "//example.com/a", "javascript:alert(1)", "/\\example.com"]) {
    throws(() => parseMessage({ ...bare, files: [{ ...full, url }] }), url);
  }
});

test("a message that is removed keeps no files, an edited one does", () => {
  const store = new MessageStore();
  const row = { id: 5, room: "r", kind: "message", created_at: "t", body: "b", files: [sentFile("A")] };
  store.add([row, { ...row, id: 6, kind: "edit", target: 5, body: "c", files: undefined }]);
  equal([store.get(5)?.body, store.get(5)?.files?.length], ["c", 1]);
  store.add([{ ...row, id: 7, kind: "redaction", target: 5, body: "why", files: undefined }]);
  equal([store.get(5)?.redacted, store.get(5)?.files], [true, undefined]);
});

test("how files look: pictures with their place kept, sound and film to play, all else to download", () => {
  const picture = { ...sentFile("P"), name: "p.png", type: "image/png", width: 1600, height: 1200, preview: "/files/P/preview/p" };
  const list = filesOf([picture, { ...sentFile("S"), type: "audio/ogg" }, { ...sentFile("D"), name: "<b>.pdf", type: "application/pdf" }]);
  const image = list.querySelector("img");
  equal([image?.getAttribute("src"), image?.alt, image?.width, image?.height, image?.loading], ["/files/P/preview/p", "p.png", 400, 300, "lazy"]);
  equal(list.querySelector(".picture a")?.getAttribute("href"), picture.url);
  equal([list.querySelector("audio")?.preload, list.querySelector("audio")?.controls], ["none", true]);
  equal([list.children[2].querySelector("bdi")?.textContent, list.children[2].querySelector("a")?.download], ["<b>.pdf", "<b>.pdf"]);
  ok(list.isEqualNode(filesOf([picture, { ...sentFile("S"), type: "audio/ogg" }, { ...sentFile("D"), name: "<b>.pdf", type: "application/pdf" }])), "drawn anew it looks the same");
});

test("until what draws files is here, and where it cannot be had, pictures have their place and files their link", async () => {
  const picture = { ...sentFile("P"), name: "p.png", type: "image/png", width: 1600, height: 1200, preview: "/files/P/preview/p" };
  let [there, told] = [false, 0];
  const drawing = new Later(() => (there ? import("/static/rooms/js/view/files.js") : Promise.reject(new Error("no"))), () => (told += 1));
  const warn = console.warn;
  console.warn = () => {};
  const list = filesIn([picture, sentFile("D")], drawing);
  await settled();
  console.warn = warn;
  const [image, link] = [list.querySelector("img"), list.children[1].querySelector("a")];
  equal([image?.getAttribute("src"), image?.alt, image?.width, image?.height], ["/files/P/preview/p", "p.png", 400, 300]);
  equal([link?.textContent, link?.getAttribute("href")], ["D.txt", "/files/D/D.txt"]);
  there = true;
  filesIn([picture], drawing);
  await settled();
  equal(told, 0, "it waits for the server");
  drawing.again();
  await drawing.get();
  equal([told, filesIn([picture], drawing).isEqualNode(filesOf([picture]))], [1, true]);
});

test("names that the server made a text of are not shown twice", () => {
  const files = [sentFile("A"), sentFile("B")];
  equal([ownText("A.txt, B.txt", files), ownText("A.txt", files), ownText("", undefined), ownText("a")], ["", "A.txt", "", "a"]);
});

test("sizes as people read them", () => {
  equal([1, 999, 1000, 1234, 56_789, 10_485_760, 2e13].map(sizeName), ["1 byte", "999 bytes", "1 kB", "1.2 kB", "57 kB", "10 MB", "20,000 GB"]);
});

/** A page on which files can be pasted and dropped. @param {() => boolean} [open] */
function attaching(open = () => true) {
  document.body.replaceChildren();
  const [place, box, other] = [make("div"), make("textarea"), make("input")];
  const input = make("input", { type: "file", multiple: true });
  place.append(box);
  document.body.append(place, other, input);
  /** @type {string[]} */
  const added = [];
  const tray = /** @type {any} */ ({ add: (/** @type {File[]} */ files) => added.push(...files.map(({ name }) => name)), count: 0 });
  const clock = new TestClock();
  new Attach({ place, button: make("button"), input, box, open, clock, load: async () => tray, say: () => {} });
  /** @param {Record<string, string>} texts @param {Element} target */
  const paste = (texts, target = box) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(file("pasted.png", "image/png"));
    for (const [type, text] of Object.entries(texts)) clipboardData.setData(type, text);
    return target.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  };
  /** @param {string} what */
  const drag = (what) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(file("dropped.txt"));
    return place.dispatchEvent(new DragEvent(what, { dataTransfer, bubbles: true, cancelable: true }));
  };
  return { place, other, added, clock, paste, drag };
}

test("a picture is pasted as a file; what an office program copies is pasted as text, and other fields keep theirs", async () => {
  const { added, other, paste } = attaching();
  ok(!paste({}), "the browser does nothing more");
  ok(paste({ "text/plain": "a\tb", "text/html": "<table>" }), "the browser pastes");
  ok(paste({}, other), "the browser pastes elsewhere");
  await settled();
  equal(added, ["pasted.png"]);
});

test("a file is dropped on a place that shows itself while one is dragged", async () => {
  const { place, added, clock, drag } = attaching();
  ok(!drag("dragover") && place.querySelector(".drop"), "shown");
  await clock.advance(500);
  drag("dragover");
  await clock.advance(500);
  ok(place.querySelector(".drop"), "it stays");
  await clock.advance(200);
  ok(!place.querySelector(".drop"), "and goes, where nothing is dragged any more");
  drag("dragover");
  ok(!drag("drop") && !place.querySelector(".drop"), "the page stays where it is");
  await settled();
  equal(added, ["dropped.txt"]);
});

test("where nothing can be sent nothing is attached, and no file takes the page's place", async () => {
  const { place, added, paste, drag } = attaching(() => false);
  ok(paste({}), "nothing is pasted");
  ok(!drag("dragover") && !drag("drop") && !place.querySelector(".drop"), "nothing is dropped");
  await settled();
  equal(added, []);
});
