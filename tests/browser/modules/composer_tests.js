// @ts-check
import { startSwitch } from "/static/rooms/js/enterkey.js";
import { Composer } from "/static/rooms/js/view/composer.js";
import { make } from "/static/rooms/js/view/elements.js";
import { equal, ok, storage, test } from "./check.js";

const ENTER = { key: "Enter", keyCode: 13 };

/** @param {Partial<{kept: Storage, most: number}>} [with_] */
function fixture({ kept = storage(), most = 100 } = {}) {
  document.body.replaceChildren();
  const box = make("textarea");
  const button = make("button", { type: "submit" });
  const [complaint, count] = [make("span"), make("span")];
  const form = make("form", {}, box, button, complaint, count);
  document.body.append(form);
  /** @type {string[]} */
  const sent = [];
  const editLast = () => sent.push("the last is edited") > 0;
  const composer = new Composer({
    form, box, button, complaint, count, most, storage: kept, key: "draft", send: (text) => void sent.push(text), editLast,
  });
  /** @param {string} text */
  const type = (text) => {
    box.value = text;
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  };
  /** @param {KeyboardEventInit} how @param {number} [later_ms] @returns {boolean} whether the box gets the key too */
  const press = (how, later_ms = 1000) => {
    const event = new KeyboardEvent("keydown", { ...how, bubbles: true, cancelable: true });
    Object.defineProperty(event, "timeStamp", { value: event.timeStamp + later_ms });
    return box.dispatchEvent(event);
  };
  /** @param {"start" | "end"} what */
  const compose = (what) => box.dispatchEvent(new CompositionEvent(`composition${what}`, { bubbles: true }));
  return { box, button, complaint, count, composer, sent, kept, type, press, compose };
}

test("Enter sends, and with Shift or Alt it is the box's own", () => {
  const { box, sent, type, press } = fixture();
  type("one");
  ok(press({ ...ENTER, shiftKey: true }) && press({ ...ENTER, altKey: true }), "the line is broken");
  equal(sent, []);
  ok(!press(ENTER), "no line is broken");
  equal([sent, box.value], [["one"], ""]);
});

test("where Enter is switched off, it breaks the line, and with Ctrl or Command it sends", () => {
  const { button, composer, sent, type, press } = fixture();
  const toggle = make("button");
  startSwitch(toggle, () => composer.tellKeys());
  toggle.click();
  try {
    equal([toggle.getAttribute("aria-pressed"), button.getAttribute("aria-keyshortcuts")], ["false", "Control+Enter Meta+Enter"]);
    type("one");
    ok(press(ENTER), "the line is broken");
    equal(sent, []);
    press({ ...ENTER, ctrlKey: true });
    type("two");
    press({ ...ENTER, metaKey: true });
    equal(sent, ["one", "two"]);
  } finally {
    toggle.click();
  }
  equal([toggle.getAttribute("aria-pressed"), button.getAttribute("aria-keyshortcuts")], ["true", "Enter"]);
  type("three");
  press(ENTER);
  equal(sent.at(-1), "three");
});

test("nothing is sent while an input method composes, nor by the key that ends it", () => {
  const { button, sent, type, press, compose } = fixture();
  compose("start");
  type("にほん");
  ok(press({ ...ENTER, isComposing: true }), "as Chrome and Firefox tell it");
  ok(press({ ...ENTER, keyCode: 229 }), "as Safari does, by its code");
  button.click();
  equal(sent, []);
  compose("end");
  ok(press(ENTER, 0), "in Safari's order, without its code");
  equal(sent, []);
  press(ENTER);
  equal(sent, ["にほん"]);
});

test("the arrow edits the last message from an empty box alone", () => {
  const { sent, type, press } = fixture();
  const up = { key: "ArrowUp", keyCode: 38 };
  type("one");
  press(up);
  type("");
  press({ ...up, shiftKey: true });
  equal(sent, []);
  ok(!press(up), "the caret stays");
  equal(sent, ["the last is edited"]);
});

test("what was typed is there after a reload, until it is sent", () => {
  const first = fixture();
  first.type("half a sen");
  const { box, press, kept } = fixture({ kept: first.kept });
  equal(box.value, "half a sen");
  press(ENTER);
  equal([kept.length, fixture({ kept }).box.value], [0, ""]);
});

test("what can still be typed is counted near the end, by code points; past it nothing goes", () => {
  const { button, complaint, count, sent, type, press } = fixture();
  ok(button.disabled, "nothing is there to send");
  type("🙂".repeat(89));
  equal([count.textContent, button.disabled], ["", false]);
  type("🙂".repeat(90));
  equal(count.textContent, "10 characters left");
  type("🙂".repeat(101));
  press(ENTER);
  equal([count.textContent, complaint.textContent, sent], ["", "Too long by 1 character.", []]);
  type("🙂".repeat(100));
  press(ENTER);
  equal([complaint.textContent, sent.length, button.disabled], ["", 1, true]);
});

test("what was not sent comes back into an empty box, and never over something else", () => {
  const { box, composer, type } = fixture();
  /** @param {string} body @param {"send" | "edit"} [of] */
  const giveBack = (body, of = "send") =>
    composer.giveBack({ command: { type: of, body, nonce: "n", room: "r" }, state: "failed", at: "t" });
  giveBack("an edit's text", "edit");
  giveBack("one");
  equal([box.value, document.activeElement === box], ["one", true]);
  type("two");
  giveBack("one");
  equal(box.value, "two");
});

test("what another tab sends or throws away takes nothing from what stands here", () => {
  const { kept, type } = fixture();
  /** @param {string} oldValue @param {string} [key] */
  const removed = (oldValue, key = "draft") => {
    kept.removeItem("draft");
    dispatchEvent(new StorageEvent("storage", { key, oldValue, newValue: null }));
  };
  type("long and careful");
  removed("ok");
  equal(kept.getItem("draft"), "long and careful");
  removed("ok", "another's");
  equal(kept.length, 0, "another room's is another's");
  type("the same in both");
  removed("the same in both");
  equal(kept.length, 0, "it was sent there");
  type("");
  removed("ok");
  equal(kept.length, 0, "nothing stands here");
});
