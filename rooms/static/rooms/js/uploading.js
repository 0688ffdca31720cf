// @ts-check
/** The upload of a file as one call of the API. By XMLHttpRequest, which alone tells how much has gone. */

import { checked, refusal, Unreachable } from "./api.js";
import { parseFile, parseJSON } from "./protocol.js";
import { sendable } from "./view/textbox.js";

/**
 * @typedef {import("./protocol.js").SentFile} SentFile
 * @typedef {{signal: AbortSignal, progress: (bytes: number) => void}} Watching
 */

/** Nothing has moved for so long: the way is broken. */
const STILL_MS = 60_000;

/**
 * @param {import("./api.js").Api} api @param {string} room @param {File} file @param {Watching} how
 * @returns {Promise<SentFile>}
 * @throws {import("./api.js").Problem} refused
 * @throws {Unreachable} cut off, or given up by the signal
 */
export function upload(api, room, file, how) {
  const url = `${api.root}rooms/${encodeURIComponent(room)}/files?name=${encodeURIComponent(sendable(file.name))}`;
  return api.writing(async (token) => {
    const response = await post(url, file, token, how);
    if (!response.ok) throw await refusal(response);
    const answer = await response.text();
    return checked(() => parseFile(/** @type {{file?: unknown}} */ (parseJSON(answer))?.file));
  });
}

/** @param {string} url @param {File} file @param {string} token @param {Watching} how @returns {Promise<Response>} */
function post(url, file, token, { signal, progress }) {
  return new Promise((answered, failed) => {
    const request = new XMLHttpRequest();
    let timer = 0;
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STILL_MS);
    };
    const abort = () => request.abort();
    request.upload.onprogress = ({ loaded }) => {
      moved();
      progress(loaded);
    };
    request.onload = () => {
      const headers = new Headers();
      for (const name of ["Content-Type", "Retry-After"]) {
        const value = request.getResponseHeader(name);
        if (value !== null) headers.set(name, value);
      }
      answered(new Response(request.responseText, { status: request.status, headers }));
    };
    request.onerror = request.onabort = () => failed(new Unreachable("the upload was cut off"));
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort);
    request.open("POST", url);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Accept", "application/json");
    moved();
    if (signal.aborted) failed(new Unreachable("given up"));
    else request.send(file);
  });
}
