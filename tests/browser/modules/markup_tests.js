// @ts-check
import { draw, words } from "/static/rooms/js/markup/drawing.js";
import { lex } from "/static/rooms/js/markup/lexer.js";
import { Texts } from "/static/rooms/js/markup/texts.js";
import { chance, equal, ok, settled, test, whole } from "./check.js";

/** @typedef {import("/static/rooms/js/protocol.js").Author} Author */

const markdown = { lex, draw, words };
/** Elements and the attributes that they may have. @type {Record<string, string[]>} */
const ALLOWED = {
  A: ["href", "rel", "target", "dir", "title", "class"], B: ["class", "dir"], BLOCKQUOTE: ["dir"], CODE: ["dir"], DEL: [],
  DIV: ["class", "dir"], EM: [], LI: ["dir"], OL: ["start"], P: ["class", "dir"], PRE: [], SPAN: ["class"], STRONG: [], UL: [],
};

/** Texts that have their Markdown. @param {Author["id"]} [me] */
async function ready(me) {
  const texts = new Texts(me, () => {}, async () => markdown);
  texts.draw("**");
  await settled();
  return texts;
}

/** @param {string} text @param {Author[]} [mentions] */
async function drawn(text, mentions = []) {
  return (await ready(7)).draw(text, mentions);
}

/** The elements inside, without attributes. @param {string} text */
const shape = async (text) => (await drawn(text)).innerHTML.replace(/ (?:dir|rel|target|title)="[^"]*"/g, "");

/** @param {Element} made @param {string} text */
function harmless(made, text) {
  for (const one of [made, ...made.querySelectorAll("*")]) {
    const allowed = ALLOWED[one.tagName];
    ok(allowed, `${one.tagName} came out of ${JSON.stringify(text)}`);
    for (const { name, value } of one.attributes) {
      ok(allowed.includes(name), `${one.tagName} has ${name}: ${JSON.stringify(text)}`);
      if (name === "href") {
        ok(/^(?:https?:\/\/|mailto:)/.test(value), `${value} came out of ${JSON.stringify(text)}`);
        ok(["http:", "https:", "mailto:"].includes(/** @type {HTMLAnchorElement} */ (one).protocol), value);
        equal(one.getAttribute("rel"), "noopener noreferrer nofollow ugc");
      }
    }
  }
  ok(!made.querySelector("a a"), `a link in a link: ${JSON.stringify(text)}`);
}

test("emphasis, code and what is struck out are elements", async () => {
  equal(await shape("**a** *b* _c_ ~~d~~ `e*f*` ***g***"),
    "<p><strong>a</strong> <em>b</em> <em>c</em> <del>d</del> <code>e*f*</code> <em><strong>g</strong></em></p>");
});

test("a link by itself is told from one in a sentence", async () => {
  const alone = async (/** @type {string} */ text) => (await drawn(text)).querySelectorAll("a.alone").length;
  equal(await alone("https://e.example/"), 1);
  equal(await alone("a\n\n[b](https://e.example/)\n\nc"), 1);
  equal(await alone("see https://e.example/"), 0);
  equal(await alone("https://e.example/\nis it"), 0);
});

test("a newline is a break, an empty line another paragraph", async () => {
  equal(await shape("<div>*a*"), "<p>&lt;div&gt;<em>a</em></p>");
  equal(await shape("*a*\nb  \nc\n\n\n    d"), "<p><em>a</em>\nb\nc</p><p>    d</p>");
});

test("quotes and lists, inside one another", async () => {
  equal(await shape("> a\nb\n\n- c\n  1. d\n  2. e\n- f"),
    "<blockquote><p>a\nb</p></blockquote><ul><li><p>c</p><ol><li><p>d</p></li><li><p>e</p></li></ol></li><li><p>f</p></li></ul>");
  equal(await shape("7. a\n8. b"), '<ol start="7"><li><p>a</p></li><li><p>b</p></li></ol>');
});

test("a block of code keeps its text and tells its language", async () => {
  equal(await shape("see\n```js\nif (a < b) **c**\n\n  d\n```\nthere"),
    '<p>see</p><div class="code"><span class="language">js</span><pre><code>if (a &lt; b) **c**\n\n  d</code></pre></div><p>there</p>');
});

test("what is not of the subset is shown as typed", async () => {
  for (const text of ["<b>a</b>", "a\n---\nb", "a\n===", "* * *", "|a|b|\n|-|-|\n|1|2|", "- [x] a", "[a]: b",
    "[a](/b)", "[a](#b)", "<!-- a -->", "&lt;b&gt; &amp;", "****", "2020. a *b*"]) {
    const typed = text.replace(/^- /, "");
    equal((await drawn(text)).textContent, typed, text);
  }
});

test("headings are strong, pictures are links", async () => {
  equal(await shape("## a *b*\nc"), "<p><strong>a <em>b</em></strong>\nc</p>");
  const picture = await drawn("![a **b**](https://example.org/c.png)");
  equal([picture.querySelector("img"), picture.querySelector("a")?.href, picture.textContent], [null, "https://example.org/c.png", "a b"]);
});

test("links lead to http, https and mail alone, and tell where", async () => {
  const made = await drawn("[a](https://example.org/x 'y') www.example.org b@example.org http://example.org/?a=1&b=2. <https://c.example>");
  const links = [...made.querySelectorAll("a")];
  equal(links.map(({ href }) => href), ["https://example.org/x", "http://www.example.org/", "mailto:b@example.org",
    "http://example.org/?a=1&b=2", "https://c.example/"]);
  equal(links.map(({ title }) => title), ["https://example.org/x · y", "", "", "", ""]);
  harmless(made, "links");
});

test("what says that it leads elsewhere than it does is shown as typed", async () => {
  for (const text of ["https://bank.example@evil.example/", "<https://bank.example:443@evil.example>", "[a](https://me:secret@evil.example)",
    "[https://bank.example](https://evil.example)", "[**www.bank.example** now](https://evil.example)", "[\u200bHTTP://bank.example/x y](https://evil.example)",
    "[Go to https://bank.example/login](https://evil.example)", "[bank.example](https://evil.example)", "[at bank.example/login](https://evil.example)",
    "[\u3164https://bank.example](https://evil.example)", "[\uff48ttps://bank.example](https://evil.example)", "[ba\u00adnk\u3002example](https://evil.example)",
    "[https://evil.example@bank.example](https://bank.example)", "[me@bank.example](mailto:you@evil.example)", "[...bank.example@](https://evil.example)", "[(bank.example)](https://evil.example \"https://bank.example\")"]) {
    const made = await drawn(text);
    equal([made.querySelector("a"), made.textContent?.includes("evil.example")], [null, true], text);
  }
  const same = await drawn("[https://bank.example/ at home](https://bank.example/x) www.bank.example http://B\u00fccher.example/ [me](mailto:a@b.example)");
  equal([...same.querySelectorAll("a")].map(({ href }) => href),
    ["https://bank.example/x", "http://www.bank.example/", "http://xn--bcher-kva.example/", "mailto:a@b.example"]);
});

test("words with a dot in them that are no host lead anywhere", async () => {
  for (const said of ["see e.g. the docs", "v1.2", "9 a.m.", "report.pdf", "Node.js 22.11", "end. And", "so...what", "https is safer", "b.mp3"]) {
    const made = await drawn(`[${said}](https://other.example/x)`);
    equal([made.querySelector("a")?.href, made.textContent], ["https://other.example/x", said]);
  }
  const there = ["bank.example", "Bank.example/login.", "www.bank.example", "(https://bank.example)", "b\u00fc.bank.example"];
  for (const said of there) ok((await drawn(`[${said}](https://${said.includes("\u00fc") ? said : "bank.example"}/x)`)).querySelector("a"), said);
  ok((await drawn("[ana.b@mail.example](mailto:ana.b@mail.example)")).querySelector("a"), "an address of mail");
});

test("a picture in a link and a link in a link are one link", async () => {
  const made = await drawn("[![a](https://b.example)](https://c.example) [d [e](https://f.example)](https://g.example)");
  harmless(made, "nested");
  equal([...made.querySelectorAll("a")].map(({ href }) => href), ["https://c.example/", "https://f.example/", "https://g.example/"]);
});

test("what others have attacked with comes out as text", async () => {
  const attacks = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<a href='javascript:alert(1)'>a</a>", "<iframe srcdoc='<script>alert(1)</script>'>", "<math><mi//xlink:href='data:x,<script>'>",
    "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](java\nscript:alert(1))", "[a](java&#10;script:alert(1))",
    "[a](&#106;avascript:alert(1))", "[a](javascript&colon;alert(1))", "[a](<javascript:alert(1)>)", "[a]( javascript:alert(1))",
    "[a](\u0001javascript:alert(1))", "[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](vbscript:msgbox(1))", "[a](file:///etc/passwd)",
    "[a](blob:https://example.org/x)", "<javascript:alert(1)>", "<data:text/html,x>", "![a](javascript:alert(1))", "![a](data:image/svg+xml,x)",
    "[![a](javascript:alert(1))](javascript:alert(2))", "[a](https://b.example\" onmouseover=\"alert(1))", "[a](https://b.example 'x\" onclick=\"alert(1)')",
    "https://b.example/\"onmouseover=\"alert(1)", "https://b.example/<script>alert(1)</script>", "[a]: javascript:alert(1)\n\n[a]",
    "`<img src=x onerror=alert(1)>`", "```html\" onload=\"alert(1)\n<script>alert(1)</script>\n```", "> <img src=x onerror=alert(1)>",
    "- <style>*{display:none}</style>", "# <a name=x>b</a>", "| <img src=x onerror=alert(1)> |\n|-|", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<https://b.example/?x=<script>>", "[<img src=x onerror=alert(1)>](https://b.example)", "[a](\\javascript:alert(1))", "[a](//b.example)",
    "[a](https:javascript:alert(1))", "\\<img src=x onerror=alert(1)>", "*<img src=x onerror=*alert(1)>*", "<<script>alert(1)//<</script>",
    "[a](tel:1) [b](sms:1) [c](intent://x) [d](ms-word:x)",
  ];
  for (const attack of attacks) {
    const made = await drawn(attack, [{ id: 1, name: "<b>" }]);
    harmless(made, attack);
    for (const word of attack.match(/alert|onerror|<script>|<img|<svg|<style>/g) ?? []) {
      ok(made.textContent?.includes(word) || made.querySelector("a"), `${word} of ${attack} is gone`);
    }
  }
});

test("whatever a text holds, only what is allowed comes out, and no word is lost", async () => {
  const texts = await ready();
  const random = chance(20_261_121);
  const signs = ["*", "**", "_", "__", "~~", "`", "```", "\n```\n", "```js\n", "[", "](", "](https://a.example/x", ")", "!", "<", ">", "\n> ", "\n- ", "\n  - ",
    "\n1. ", "\n    ", "\n\n", "\n", "\n# ", "\n---\n", "|", "\n|-|-|\n", "\\", "&amp;", "&#58;", "javascript:", "data:", "https://b.example/", "www.c.example",
    "d@e.example", "<img src=x>", "<a href=", "<script>", "</script>", "<!--", "-->", ":", "\"", "'", " ", "  ", "\t", "\u202e", "\u0000", "#", "=", "\n===\n", "@ana"];
  for (let round = 0; round < 1_500; round += 1) {
    const said = [];
    let text = "";
    for (let at = whole(random, 30); at >= 0; at -= 1) {
      if (random() < 0.3) {
        said.push(`wörd${said.length}`);
        text += said.at(-1);
      } else text += signs[whole(random, signs.length)];
    }
    const made = texts.draw(text, [{ id: 1, name: "ana" }]);
    harmless(made, text);
    // A word of an address shows where that leads.
    const shown = decodeURI(made.textContent + [...made.querySelectorAll("a")].map((link) => link.href + link.title).join(""));
    for (const word of said) ok(shown.includes(word), `${word} of ${JSON.stringify(text)} is gone from ${shown}`);
    ok(made.textContent?.trim() || !text.trim(), `nothing is shown of ${JSON.stringify(text)}`);
  }
});

test("texts made to take long are done soon", async () => {
  /** @param {string} unit */
  const full = (unit) => unit.repeat(Math.ceil(4_000 / unit.length)).slice(0, 4_000);
  const units = [">", "> ", "*", "*a", "**a", "*a_", "***a** ", "*a **b ", "_a", "__", "a*", "~", "~a", "~~a ", "[", "[a](", "![", "]", "[[]](", "[a](<", "[a](b 'c ", "`", "`a",
    "<", "<a ", "<!--", "<a@", "<http:", "- ", "-\n", "- a\n", "1. ", "> - ", "> 1. ", "a@", "a.", "a.b-", "a@b.", "http://a.", "www.", "\\", "&", "&a;", "#", "# ", "|", "a|b\n-|-\n",
    "a\n=\n", "```\n", "~~~a\n", "a\n\n", " \n", "\t", "*.", "**!", "**「", "*_~`[", "(", "http://a(", "[a]: b\n", "<div>\n", "\u0301*", "> a\n", "* a\n\n"];
  const nested = [...Array(88).keys()];
  const texts = [
    ...units.map(full), ...units.map((unit) => `${full(unit).slice(0, 3_990)}@a.b`), `http://a${full(")").slice(8)}`, full("[").slice(2_000) + full("]").slice(2_000),
    nested.map((at) => `${" ".repeat(at)}- a`).join("\n"), nested.map((at) => `${">".repeat(at + 1)}a`).join("\n"), nested.map((at) => "`".repeat(at + 1)).join(" "),
    `[${"a.".repeat(1_900)}1](https://b.example)`, `[${"aa.".repeat(1_300)}aa@](https://b.example)`, `[${"1@".repeat(1_900)}](https://b.example)`,
    `${"*a ".repeat(600)}${"b* ".repeat(600)}`, `${"**a ".repeat(500)}${"b** ".repeat(500)}`,
  ];
  /** @param {() => void} work */
  const taken_ms = (work) => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  };
  const ordinary = full("hello *world*, how are `you` https://example.org/x?y=z today, and _more_. ");
  /** On a machine that is busy all takes longer: then it is what a hundred ordinary texts take there. @param {number} time_ms */
  const soon = (time_ms) => time_ms < 60 || time_ms < 2 * taken_ms(() => { for (let at = 0; at < 100; at += 1) lex(ordinary); });
  const { warn } = console;
  console.warn = () => {};
  for (const text of texts) {
    /** @type {number[]} */
    const times = [];
    do {
      times.push(taken_ms(() => harmless((draw(lex(text) ?? [], (part) => [part])) ?? document.createElement("p"), text.slice(0, 20))));
    } while (!soon(times[times.length - 1]) && times.length < 10);
    ok(times.length < 10, `${JSON.stringify(text.slice(0, 20))}… takes ${times.map(Math.round)} ms`);
  }
  console.warn = warn;
});

test("what would take long is not begun", async () => {
  const { warn } = console;
  let warned = 0;
  console.warn = () => (warned += 1);
  equal([">".repeat(4_000), "> - ".repeat(9), "1. ".repeat(900), `${"a.".repeat(501)}@a.b`].map(lex), [null, null, null, null]);
  console.warn = warn;
  equal(warned, 0, "it was begun");
  equal((await drawn("*a* ".repeat(150))).querySelectorAll("em").length, 100);
  equal((await drawn("[a] ".repeat(150) + "*a*")).querySelectorAll("em").length, 1);
});

test("those whom a text names are set off, but not in code", async () => {
  const people = [{ id: 3, name: "ana" }, { id: 7, name: "ben" }, { id: 8, name: "ana.b" }];
  const made = await drawn("**@ana** @ben, x@ana @anabel @ana.b. `@ana`\n> @ben\n- [@ana](https://a.example)\n```\n@ben\n```", people);
  const named = [...made.querySelectorAll(".mention")].map((one) => [one.className, one.textContent, one.parentElement?.tagName]);
  equal(named, [["mention", "@ana", "STRONG"], ["mention me", "@ben", "P"], ["mention", "@ana.b", "P"], ["mention me", "@ben", "P"], ["mention", "@ana", "A"]]);
  equal((await drawn("plain @ben", people)).querySelector(".mention.me")?.textContent, "@ben");
});

test("each paragraph, item and quote has its own direction; code is written from left to right", async () => {
  const made = await drawn("שלום **a**\n\n- עברית\n- b\n  - مرحبا\n\n> سلام\n\n```\nשלום\n```");
  document.body.append(made);
  /** @param {string} selector */
  const directions = (selector) => [...made.querySelectorAll(selector)].map((one) => getComputedStyle(one).direction);
  equal(directions(":scope > p"), ["rtl"]);
  equal(directions("li"), ["rtl", "ltr", "rtl"]);
  equal([directions("blockquote"), directions("pre")], [["rtl"], ["ltr"]]);
  made.remove();
});

test("what knows Markdown is asked for by the first text that wants it, and once", async () => {
  let asked = 0;
  let told = 0;
  const texts = new Texts(7, () => (told += 1), async () => ((asked += 1), markdown));
  for (const text of ["hello", "two\nlines", "it's 5 o'clock (or so), 3.5 - 4!", "-1", "#1 of 2"]) texts.draw(text);
  equal(asked, 0);
  equal(texts.draw("*a*").textContent, "*a*", "as typed until then");
  texts.draw("*b*");
  await settled();
  equal([asked, told, texts.draw("*a*").textContent], [1, 1, "a"]);
});

test("where it cannot be had texts stay as typed, until the server is there again", async () => {
  let there = false;
  const texts = new Texts(7, () => {}, () => (there ? Promise.resolve(markdown) : Promise.reject(new Error("no"))));
  const warn = console.warn;
  console.warn = () => {};
  equal(texts.draw("*a*").textContent, "*a*");
  await settled();
  console.warn = warn;
  there = true;
  equal(texts.draw("*a*").textContent, "*a*");
  texts.again();
  await settled();
  equal(texts.draw("*a*").textContent, "a");
});

test("a text that looks the same keeps its element, and is taken apart once", async () => {
  let lexed = 0;
  const texts = new Texts(7, () => {}, async () => ({ ...markdown, lex: (text) => ((lexed += 1), lex(text)) }));
  texts.draw("*");
  await settled();
  const first = texts.draw("*a* @ben", []);
  ok(texts.draw("*a* @ben", [], first) === first, "another element");
  ok(texts.draw("*a* @ben", [{ id: 7, name: "ben" }], first) !== first, "the same element");
  ok(texts.draw("*b*", [], first) !== first, "the same element");
  equal(lexed, 2);
});

test("an excerpt is one line without what marks it up", async () => {
  const texts = await ready();
  equal(texts.excerpt("# a **b**\n\n- c\n- d `e`\n> f\n```js\ng\n```\n[h](https://i.example) \\*"), "a b c d e f g h *");
  equal(texts.excerpt("plain\n\n  text"), "plain text");
  equal([...texts.excerpt("🙂".repeat(500))].length, 161);
});
