// @ts-check
/** Points in time as the reader's own language and zone write them. */

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", year: "numeric", month: "long", day: "numeric" });

/** @param {string} at RFC 3339 */
export const timeOfDay = (at) => TIME.format(new Date(at));

/** @param {string} at RFC 3339 */
export const exactTime = (at) => EXACT.format(new Date(at));

/** @param {string} at RFC 3339 */
export const dayName = (at) => DAY.format(new Date(at));

/** A time that is near by its hour, any other with its date. @param {string} at RFC 3339 */
export const momentName = (at) => (dayKey(at) === new Date().toDateString() ? TIME : MOMENT).format(new Date(at));

/** The same for two times of one day here. @param {string} at RFC 3339 */
export const dayKey = (at) => new Date(at).toDateString();
