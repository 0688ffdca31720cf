// @ts-check
import { gettext, interpolate, ngettext } from "/static/rooms/js/i18n.js";
import { equal, ok, test } from "./check.js";

/** @typedef {typeof import("/static/rooms/js/i18n.js")} Module */

/** The module as it is on a page in some language. @param {string} lang @param {string} dir @param {object} catalog @param {(module: Module) => void | Promise<void>} run */
async function on(lang, dir, catalog, run) {
  const carried = document.createElement("script");
  Object.assign(carried, { type: "application/json", id: "catalog", textContent: JSON.stringify(catalog) });
  document.body.append(carried);
  Object.assign(document.documentElement, { lang, dir });
  try {
    await run(await import(`/static/rooms/js/i18n.js?${lang}`));
  } finally {
    carried.remove();
    Object.assign(document.documentElement, { lang: "en", dir: "" });
  }
}

const SIX = {
  plural: `01233333333${"4".repeat(89)}`.concat(`555${"3".repeat(8)}${"4".repeat(89)}`),
  words: { Send: "إرسال", "refusal\u0004No": "لا", "%(count)s day": ["zero", "one", "two", "few %(count)s", "many %(count)s", "other %(count)s"] },
};

test("a page without translations speaks as it was written", () => {
  equal(gettext("Send"), "Send");
  equal(ngettext("%(count)s day", "%(count)s days", 1), "%(count)s day");
  equal(ngettext("%(count)s day", "%(count)s days", 0), "%(count)s days");
});

test("a page's translations are used, and what they lack is said in English", () =>
  on("ar", "rtl", SIX, (ar) => {
    equal(ar.gettext("Send"), "إرسال");
    equal(ar.gettext("Stop"), "Stop");
    equal(ar.gettext("constructor"), "constructor");
    equal([ar.pgettext("refusal", "No"), ar.gettext("No"), ar.pgettext("refusal", "Send")], ["لا", "No", "Send"]);
  }));

test("a plural has the form that its number takes", () =>
  on("ar", "rtl", SIX, (ar) => {
    const form = (/** @type {number} */ count) => ar.ngettext("%(count)s day", "%(count)s days", count).split(" ")[0];
    equal([0, 1, 2, 3, 10, 11, 99, 100, 102, 103, 111, 200, 203, 1_011, 5_000].map(form).join(), 
      "zero,one,two,few,few,many,many,other,other,few,many,other,few,many,other");
    equal(ar.ngettext("one other", "%(count)s others", 7), "%(count)s others");
  }));

test("values are put where their names stand, once each", () => {
  equal(interpolate("%(who)s added %(whom)s", { who: "%(whom)s", whom: "Ann" }), "%(whom)s added Ann");
  equal(interpolate("100% of %(count)s", { count: 12_345 }), "100% of 12,345");
});

test("dates are in the page's language, and their digits and calendar those of the server's pages", () =>
  on("ar", "rtl", SIX, async () => {
    const { dayName, exactTime } = await import(`/static/rooms/js/view/times.js?${document.documentElement.lang}`);
    for (const text of [dayName("2026-11-21T12:00:00Z"), exactTime("2026-11-21T12:00:00Z")]) {
      ok(/نوفمبر/.test(text) && /2026/.test(text) && /21/.test(text), text);
    }
  }));

test("a name of the other direction leaves its sentence alone", async () => {
  equal(interpolate("%(who)s left", { who: "ليلى" }), "\u2068ليلى\u2069 left");
  await on("ar", "rtl", SIX, (ar) => {
    equal(ar.interpolate("غادر %(who)s", { who: "Ann" }), "غادر \u2068Ann\u2069");
    equal(ar.interpolate("%(count)s", { count: 12 }), "12");
  });
});
