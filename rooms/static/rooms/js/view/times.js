// @ts-check
/** Points in time in the page's language and the reader's zone. */

import { locale } from "../i18n.js";

/** In the digits and by the calendar of the pages that Django writes. @param {Intl.DateTimeFormatOptions} how */
const format = (how) => new Intl.DateTimeFormat(locale(), { numberingSystem: "latn", calendar: "gregory", ...how });

const TIME = format({ hour: "2-digit", minute: "2-digit" });
const EXACT = format({ dateStyle: "full", timeStyle: "medium" });
const MOMENT = format({ dateStyle: "medium", timeStyle: "short" });
const DAY = format({ weekday: "long", year: "numeric", month: "long", day: "numeric" });

/** @param {string} at RFC 3339 */
export const timeOfDay = (at) => TIME.format(new Date(at));

/** @param {string} at RFC 3339 */
export const exactTime = (at) => EXACT.format(new Date(at));

/** @param {string} at RFC 3339 */
export const dayName = (at) => DAY.format(new Date(at));

/** The day as programs read it. @param {string} at RFC 3339 */
export const dateHere = (at) => {
  const day = new Date(at);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
};

/** A time that is near by its hour, any other with its date. @param {string} at RFC 3339 */
export const momentName = (at) => (dayKey(at) === new Date().toDateString() ? TIME : MOMENT).format(new Date(at));

/** The same for two times of one day here. @param {string} at RFC 3339 */
export const dayKey = (at) => new Date(at).toDateString();
