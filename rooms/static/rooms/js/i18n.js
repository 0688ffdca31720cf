// @ts-check
/**
 * What people read, in the page's language. The names are Django's, by which the calls are found for translation.
 * The page carries the translations (`rooms/catalog.py`); what has none is said in English.
 */

/** @typedef {{plural: string, words: Record<string, string | string[]>}} Catalog the forms of a plural by index */

/** @type {Catalog | undefined} */
let catalog;

function read() {
  catalog ??= /** @type {Catalog} */ (JSON.parse(document.getElementById("catalog")?.textContent || '{"plural": "", "words": {}}'));
  return catalog;
}

/** @param {string} text */
export function gettext(text) {
  const found = read().words[text];
  return typeof found === "string" ? found : text;
}

/** @param {string} context what the text is, where the same says different things @param {string} text */
export function pgettext(context, text) {
  const found = read().words[`${context}\u0004${text}`];
  return typeof found === "string" ? found : text;
}

/** @param {string} one @param {string} many @param {number} count */
export function ngettext(one, many, count) {
  const { plural, words } = read();
  const forms = words[one];
  if (!Array.isArray(forms)) return count === 1 ? one : many;
  // The forms of the first two hundred numbers; after that they repeat.
  return forms[Number(plural[count < 200 ? count : 100 + (count % 100)])];
}

/** The language of numbers and dates: the page's, as the reader's own region writes it. */
export function locale() {
  const { lang } = document.documentElement;
  const [wanted] = lang.split("-");
  return navigator.languages.find((one) => one.split("-")[0] === wanted) ?? (lang || undefined);
}

/** Letters that are written from right to left, and marks that turn the direction. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** @type {Intl.NumberFormat | undefined} */
let numbers;

/**
 * Put values in the place of `%(name)s`: numbers as the language writes them, texts so that the direction
 * of their letters and that of the sentence leave each other alone.
 * @param {string} sentence @param {Record<string, string | number>} values
 */
export function interpolate(sentence, values) {
  // The pages that Django writes have these digits in every language.
  numbers ??= new Intl.NumberFormat(locale(), { numberingSystem: "latn" });
  const turned = document.documentElement.dir === "rtl";
  return sentence.replace(/%\((\w+)\)s/g, (_whole, name) => {
    const value = values[name];
    if (typeof value === "number") return /** @type {Intl.NumberFormat} */ (numbers).format(value);
    return turned || TURNS.test(value) ? `\u2068${value}\u2069` : value;
  });
}
