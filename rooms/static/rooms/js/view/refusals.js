// @ts-check
/** What the server refuses, in words. Its own are English, and more exact than what every language has for the code. */

import { Problem } from "../api.js";
import { gettext, interpolate, ngettext, pgettext } from "../i18n.js";

/** @type {Record<string, () => string>} by the codes of docs/protocol.md */
const BY_CODE = {
  bad_request: () => gettext("The server cannot take it as it is."),
  not_authenticated: () => gettext("You are not logged in."),
  forbidden: () => gettext("You may not do this."),
  not_found: () => gettext("It is not here any more."),
  redacted: () => gettext("This message was removed."),
  settled: () => gettext("Somebody has taken care of it already."),
  taken: () => gettext("This address is in use, or was."),
  too_large: () => gettext("This is too large."),
  rate_limited: () => gettext("That was too often."),
  internal_error: () => gettext("Something broke on the server."),
  unavailable: () => gettext("The server cannot do this just now."),
};

/** @param {string} code @param {string} detail English */
export function refusalLine(code, detail) {
  const said = detail ? pgettext("refusal", detail) : gettext("That was refused.");
  if (said !== detail || document.documentElement.lang.startsWith("en")) return said;
  return Object.hasOwn(BY_CODE, code) ? BY_CODE[code]() : said;
}

/** @param {unknown} error */
export function inWords(error) {
  if (!(error instanceof Problem)) return gettext("The server did not answer. Try again.");
  const line = refusalLine(error.code, error.detail);
  const count = error.retryAfter_s;
  if (!count) return line;
  const again = ngettext("Try again in %(count)s second.", "Try again in %(count)s seconds.", count);
  return `${line} ${interpolate(again, { count })}`;
}
