// @ts-check
/** Messages whose files are still being uploaded: each goes out once all of them are there. */

import { gettext, interpolate } from "./i18n.js";
import { withFiles } from "./outbox.js";

/**
 * @typedef {import("./outbox.js").Attachment} Attachment
 * @typedef {import("./outbox.js").Outbox} Outbox
 */

/**
 * See to a message's files here, or, where an earlier page or another tab began it, once that has come to an end.
 * @param {Outbox} outbox @param {string} nonce @param {LockManager | undefined} locks none: no other tab is thought of
 * @returns {Promise<void>} once it is on its way, or has failed
 */
export async function seeTo(outbox, nonce, locks) {
  const run = () => (outbox.get(nonce)?.files?.some(({ upload }) => upload) ? upload(outbox, nonce) : inherit(outbox, nonce));
  await (locks ? locks.request(`chat:uploads:${nonce}`, run) : run());
}

/** @param {Outbox} outbox @param {string} nonce */
async function upload(outbox, nonce) {
  const files = outbox.get(nonce)?.files ?? [];
  const outcomes = await Promise.allSettled(files.map((file, at) => reach(outbox, nonce, file, at)));
  const entry = outbox.get(nonce);
  if (!entry) return;
  const failed = files[outcomes.findIndex(({ status }) => status === "rejected")];
  if (failed) {
    const detail = interpolate(gettext("%(name)s: %(why)s"), { name: failed.name, why: failed.upload?.why ?? "" });
    outbox.change({ ...entry, state: "failed", code: "upload", detail });
  } else {
    outbox.change({ ...entry, state: "waiting", command: withFiles(entry.command, entry.files ?? []) });
  }
}

/** What is uploaded is kept as such: a page that is left loses the rest alone. @param {Outbox} outbox @param {string} nonce @param {Attachment} file @param {number} at */
async function reach(outbox, nonce, { id, upload }, at) {
  if (id !== undefined || !upload) return;
  upload.again();
  await upload.outcome();
  const entry = outbox.get(nonce);
  if (entry) outbox.change({ ...entry, files: entry.files?.with(at, upload.attachment) ?? [] });
}

/** What was not uploaded when its page was left is lost; the text is not. @param {Outbox} outbox @param {string} nonce */
async function inherit(outbox, nonce) {
  const entry = outbox.get(nonce);
  if (!entry || outbox.entries().includes(entry)) return;
  const lost = entry.state === "uploading";
  const detail = gettext("The page was left before its files were uploaded. Attach them again.");
  outbox.change(lost ? { ...entry, state: "failed", code: "lost", detail } : entry);
}
