// @ts-check
import { Banner } from "/static/rooms/js/view/banner.js";
import { equal, ok, test, TestClock } from "./check.js";

/** @typedef {import("/static/rooms/js/connection.js").Status} Status */

function fixture() {
  const clock = new TestClock();
  const [shown, mark] = [document.createElement("div"), document.createElement("span")];
  shown.hidden = true;
  let asked = 0;
  const banner = new Banner({ banner: shown, mark, clock, now: () => (asked += 1), links: { logIn: "/in", rooms: "/" } });
  /** @param {Status["state"]} state @param {number} [in_ms] */
  const status = (state, in_ms) => {
    const retryAt = in_ms === undefined ? {} : { retryAt: clock.now() + in_ms };
    banner.status({ state, transport: "websocket", session: "one", ...retryAt });
  };
  return { banner, shown, mark, clock, status, asked: () => asked };
}

test("trouble that is over within five seconds is not told", async () => {
  const { shown, mark, clock, status } = fixture();
  status("waiting", 3_000);
  await clock.advance(4_900);
  ok(shown.hidden, "it is quiet at first");
  equal([mark.dataset.state, mark.textContent], ["waiting", "not connected"]);
  status("open");
  await clock.advance(60_000);
  ok(shown.hidden, "nothing was wrong for long");
});

test("after five seconds it is told, with a countdown that is not announced, and can be cut short", async () => {
  const { shown, clock, status, asked } = fixture();
  status("waiting", 3_000);
  await clock.advance(3_000);
  status("connecting");
  status("waiting", 8_000); // it has been bad since the first attempt
  await clock.advance(2_000);
  ok(!shown.hidden, "five seconds are over");
  const count = () => shown.querySelector("[aria-hidden=true]")?.textContent;
  equal(count(), "Trying again in 6 seconds.");
  const told = shown.firstChild;
  await clock.advance(5_000);
  equal(count(), "Trying again in 1 second.");
  ok(shown.firstChild === told, "what is announced stays the same");
  shown.querySelector("button")?.click();
  equal(asked(), 1);
  status("connecting");
  equal(count(), "Trying…");
  status("open");
  ok(shown.hidden, "it is gone");
});

test("who may no longer read is told at once, whatever becomes of the connection", () => {
  const { banner, shown, status } = fixture();
  banner.left();
  status("open");
  equal([shown.hidden, shown.querySelector("a")?.getAttribute("href")], [false, "/"]);
});
