"""The pages as people use them, with the real service behind them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.site import RoomTab, Site

pytestmark = pytest.mark.browser

REMOVED = re.compile(r"Message removed$")
TRANSPORTS = ["websocket", "sse", "longpoll"]

STRANGE = [
    "<img src=x onerror=alert(1)>",
    "<script>document.title = 'taken'</script>",
    '&lt;b&gt; &amp; "quotes" \'<!--',
    "العربية ثم English ثم עברית",
    "👩‍👩‍👧‍👦 🏳️‍🌈 \U0001f468\u200d\U0001f4bb",
    "z̷̢̛a̸l̶g̵o̴ \u202eoverride\u202c \u2066isolate\u2069",
    "two\nlines\n\n    and an indent\tand a tab",
    "\U0001d518\U0001d52b\U0001d526 \ufdfa \u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "javascript:alert(1) http://example.com/?a=1&b=2",
]


def test_somebody_logs_in_finds_a_room_and_writes_there(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        page = ana.open("/")
        page.get_by_role("link", name="The den").click()
        expect(page.get_by_role("heading", name="The den")).to_be_visible()
        expect(page.get_by_text("This is where the conversation begins.")).to_be_visible()
        page.get_by_role("textbox", name="Message to The den").fill("good evening")
        page.get_by_role("button", name="Send").click()
        RoomTab(page).sees("good evening")
        row = page.get_by_role("log").locator(".message")
        expect(row.locator(".body")).to_have_text("good evening")
        expect(row.locator(".author")).to_have_text("ana")
        expect(row).to_have_attribute("data-id", str(ben.log("den")[-1]["id"]))
        expect(page.locator("#text")).to_have_value("")


def test_a_stranger_is_asked_to_log_in_and_comes_back_to_the_room(site: Site) -> None:
    with site.visitor(None) as stranger:
        page = stranger.open("/rooms/den/")
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        page.fill("[name=username]", "ben")
        page.fill("[name=password]", "a long passphrase")
        page.click("main button[type=submit]")
        expect(page.get_by_role("heading", name="The den")).to_be_visible()


def test_a_guest_reads_along_in_an_open_room_and_cannot_write(site: Site) -> None:
    with site.visitor(None) as guest, site.caller("ana") as ana:
        ana.post("for everybody", "open")
        tab = guest.room("open")
        tab.sees("for everybody")
        ana.post("live too", "open")
        tab.sees("for everybody", "live too")
        expect(tab.page.locator("#text")).to_have_count(0)
        expect(tab.page.get_by_role("button", name="Remove")).to_have_count(0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_people_talk(site: Site, transport: str) -> None:
    with site.visitor("ana") as ana, site.visitor("ben") as ben:
        left, right = ana.room("lobby", transport), ben.room("lobby", transport)
        left.live(transport)
        right.live(transport)
        said = [f"{transport} {number}" for number in range(6)]
        for number, text in enumerate(said):
            (left if number % 2 else right).send(text)
            left.sees(text)
            right.sees(text)
        assert left.texts()[-6:] == right.texts()[-6:] == said


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_edit_and_a_removal_show_on_the_other_page(site: Site, transport: str) -> None:
    first, second, gone = f"first {transport}", f"second {transport}", f"gone {transport}"
    with site.visitor("ana") as ana, site.visitor("ben") as ben:
        left, right = ana.room("den", transport), ben.room("den", transport)
        left.send(first)
        left.send(gone)
        right.sees(first, gone)
        for name in ("Edit", "Remove"):
            expect(right.message(first).get_by_role("button", name=name)).to_have_count(0)
        row = left.message(first)
        row.hover()
        row.get_by_role("button", name="Edit").click()
        left.page.get_by_role("textbox", name="New text").fill(second)
        left.page.keyboard.press("Enter")
        expect(right.message(second).locator(".note")).to_have_text("edited")
        expect(right.message(first)).to_have_count(0)
        row = left.message(gone)
        row.hover()
        row.get_by_role("button", name="Remove").click()
        left.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        for tab in (left, right):
            expect(tab.message(gone)).to_have_count(0)
            expect(tab.settled.last).to_have_text(REMOVED)
            assert gone not in tab.page.content()
        later = ben.room("den", transport)
        later.sees(second)
        assert gone not in later.page.content()


def test_removing_can_be_thought_better_of(site: Site) -> None:
    with site.visitor("ana") as ana:
        tab = ana.room("attic")
        tab.send("stays")
        tab.sees("stays")
        row = tab.message("stays")
        row.hover()
        row.get_by_role("button", name="Remove").click()
        expect(tab.page.get_by_role("dialog")).to_be_visible()
        tab.page.keyboard.press("Escape")
        expect(tab.page.get_by_role("dialog")).to_have_count(0)
        row.get_by_role("button", name="Remove").click()
        tab.page.get_by_role("button", name="Keep it").click()
        expect(tab.page.get_by_role("dialog")).to_have_count(0)
        expect(tab.message("stays")).to_have_count(1)


def test_a_moderator_removes_what_others_wrote_and_says_why(site: Site) -> None:
    with site.visitor("mod") as mod, site.visitor("ben") as ben, site.caller("ana") as ana:
        ana.post("unfriendly", "yard")
        left, right = mod.room("yard"), ben.room("yard")
        row = left.message("unfriendly")
        row.hover()
        expect(row.get_by_role("button", name="Edit")).to_have_count(0)
        row.get_by_role("button", name="Remove").click()
        left.page.get_by_label("Reason").fill("be kind")
        left.page.keyboard.press("Enter")
        expect(right.message("unfriendly")).to_have_count(0)
        expect(right.settled.last.locator(".note")).to_have_text("be kind")
        assert [row.get("body") for row in ana.log("yard") if row["kind"] == "redaction"] == ["be kind"]


def test_text_is_never_markup_and_never_changed(site: Site) -> None:
    with site.visitor("ana") as ana, site.visitor("ben") as ben, site.caller("ben") as caller:
        left, right = ana.room("attic"), ben.room("attic")
        before = len(caller.bodies("attic"))
        for text in STRANGE:
            left.send(text)
        expect(left.message(STRANGE[-1])).to_have_count(1)
        expect(right.message(STRANGE[-1])).to_have_count(1)
        assert caller.bodies("attic")[before:] == STRANGE
        for tab in (left, right):
            assert tab.texts()[-len(STRANGE) :] == STRANGE
            expect(tab.page.locator(".message img, .message script")).to_have_count(0)
            expect(tab.page.locator(".message a")).to_have_count(1)  # Markdown is fetched when it is wanted
            links = tab.page.locator(".message a").evaluate_all("all => all.map(one => one.href)")
            assert links == ["http://example.com/?a=1&b=2"]
            assert "taken" not in tab.page.title()


def test_history_loads_upwards_and_what_is_read_stays_in_its_place(site: Site) -> None:
    texts = [f"line {number}" for number in range(130)]
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        for text in texts:
            ben.post(text, "long")
        tab = ana.room("long")
        scroller = tab.page.locator("#scroller")
        expect(tab.message("line 129")).to_be_in_viewport()
        expect(tab.message("line 0")).to_have_count(0)
        shown = tab.settled.first.get_attribute("data-id")
        scroller.evaluate("one => { one.scrollTop = 300 }")
        seen = tab.page.locator(f".message[data-id='{shown}']")
        expect(tab.settled.first).not_to_have_attribute("data-id", shown or "")
        box = seen.bounding_box()
        ben.post("below, while reading above", "long")
        expect(tab.message("below, while reading above")).to_have_count(1)
        assert seen.bounding_box() == box
        expect(tab.page.get_by_role("button", name="1 new")).to_be_visible()
        while tab.page.locator("#beginning").is_hidden():
            scroller.evaluate("one => { one.scrollTop = 0 }")
        expect(tab.messages).to_have_count(len(texts) + 1)
        assert tab.texts() == [*texts, "below, while reading above"]
        tab.page.get_by_role("button", name="1 new").click()
        expect(tab.message("below, while reading above")).to_be_in_viewport()
        expect(tab.page.locator("#jump")).to_be_hidden()


def test_history_does_not_jump_when_it_is_put_in_above(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        for number in range(130 - len(ben.bodies("long"))):
            ben.post(f"more {number}", "long")
        tab = ana.room("long")
        tops = tab.page.locator("#scroller").evaluate(
            """async scroller => {
                const frame = () => new Promise(requestAnimationFrame);
                scroller.scrollTop = 200;
                await frame();
                const middle = [scroller.clientWidth / 2, scroller.getBoundingClientRect().top + 300];
                const row = document.elementFromPoint(...middle).closest("li");
                const before = document.querySelectorAll(".message").length;
                const tops = [row.getBoundingClientRect().top];
                while (document.querySelectorAll(".message").length === before) {
                    await frame();
                    tops.push(row.getBoundingClientRect().top);
                }
                await frame();
                tops.push(row.getBoundingClientRect().top);
                return tops;
            }"""
        )
        assert max(tops) - min(tops) < 1, tops


def test_a_page_that_stays_open_holds_a_bounded_piece_of_the_room(site: Site) -> None:
    with site.visitor("mod") as mod, site.caller("ben") as ben:
        ben.post("first of all", "open")
        tab = mod.room("open")
        tab.sees("first of all")
        page = mod.context.request.get("/api/rooms/open/messages").json()
        tab.page.route("**/messages?before=*", lambda route: route.fulfill(json=page))
        tab.page.evaluate(
            """([user, prev]) => {  // what the tab that holds the connection would tell
                const at = new Date().toISOString();
                const messages = Array.from({ length: 1100 }, (_, more) => ({
                    id: prev + 1 + more, room: "open", kind: "message", body: `live ${more}`, created_at: at,
                }));
                const told = { op: "messages", room: "open", prev, messages };
                new BroadcastChannel(`chat:1:${user}:auto`).postMessage(told);
            }""",
            [_page_of(tab)["user"]["id"], ben.log("open")[-1]["id"]],
        )
        expect(tab.settled).to_have_count(600)
        expect(tab.message("live 1099")).to_be_in_viewport()
        tab.page.locator("#scroller").evaluate("one => { one.scrollTop = 0 }")
        expect(tab.message("first of all")).to_have_count(1)


def test_arrow_up_edits_the_last_own_message(site: Site) -> None:
    with site.visitor("ben") as ben:
        tab = ben.room("yard")
        tab.send("almost right")
        tab.sees("almost right")
        tab.page.press("#text", "ArrowUp")
        box = tab.page.get_by_role("textbox", name="New text")
        expect(box).to_be_focused()
        box.fill("right")
        box.press("Enter")
        expect(tab.message("right")).to_have_count(1)
        expect(tab.page.locator("#text")).to_be_focused()


def test_an_edit_on_its_way_is_what_the_next_one_begins_with(site: Site) -> None:
    with site.visitor("ben") as ben, site.caller("ana") as ana:
        ben.bearable = ("Failed to load resource",)
        tab = ben.room("yard", "longpoll")
        tab.send("first wording")
        tab.sees("first wording")
        tab.page.route("**/messages/*", lambda route: route.abort())
        box = tab.page.get_by_role("textbox", name="New text")
        tab.page.press("#text", "ArrowUp")
        box.fill("second wording")
        box.press("Enter")
        expect(tab.message("second wording")).to_have_count(1)
        tab.page.press("#text", "ArrowUp")
        expect(box).to_have_value("second wording")
        box.fill("first wording")
        box.press("Enter")
        expect(tab.message("first wording")).to_have_count(1)
        tab.page.unroute_all()
        expect(tab.message("first wording").locator(".note")).to_have_text(["edited"], timeout=30_000)
        assert [row["body"] for row in ana.log("yard") if row["kind"] == "edit"][-2:] == [
            "second wording",
            "first wording",
        ]


def test_which_keys_send_is_switched_in_the_menu_and_stays_so(site: Site) -> None:
    with site.visitor("ben") as ben:
        tab = ben.room("yard")
        tab.page.get_by_label("About this room").click()
        tab.page.get_by_role("button", name="Enter sends").click()
        tab.page.keyboard.press("Escape")
        tab.page.reload()
        tab.live()
        expect(tab.page.locator("#enter-sends")).to_have_attribute("aria-pressed", "false")
        tab.send("one")
        expect(tab.page.locator("#text")).to_have_value("one\n")
        tab.page.locator("#text").press_sequentially("two")
        tab.page.press("#text", "Control+Enter")
        tab.sees("one\ntwo")


def test_a_text_that_is_too_long_stays_where_it_was_typed(site: Site) -> None:
    with site.visitor("ana") as ana:
        tab = ana.room("yard")
        tab.page.fill("#text", "🙂" * 4_001)
        tab.page.press("#text", "Enter")
        expect(tab.page.get_by_role("alert")).to_have_text("Too long by 1 character.")
        tab.send("🙂" * 4_000)
        tab.sees("🙂" * 4_000)


def test_somebody_banned_is_told_and_gets_nothing_more(site: Site) -> None:
    with site.visitor("ben") as ben, site.caller("ana") as ana:
        ana.post("before", "attic")
        tab = ben.room("attic")
        tab.sees("before")
        site.program("-m", "tests.browser.people", "ban", "attic", "ben")
        expect(tab.page.get_by_text("You can no longer read this room.")).to_be_visible()
        ana.post("after", "attic")
        expect(tab.page.get_by_role("button", name="Send")).to_be_disabled()
        page = ben.open("/")
        expect(page.get_by_role("link", name="The attic")).to_have_count(0)
        assert "after" not in tab.texts()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_logging_out_is_told_in_other_tabs_and_leaves_nothing_behind(site: Site, transport: str) -> None:
    with site.visitor("ana", own_session=True) as ana, site.caller("ben") as ben:
        tab = ana.room("den", transport)
        tab.page.fill("#text", "half a sentence")
        page = ana.open("/")
        page.get_by_role("navigation", name="Your account").locator("summary").click()
        ana.bearable = ("401", "403")  # the second: the page's CSRF token, renewed by the next login
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('chat:'))") == []
        expect(tab.page.get_by_text("You are logged out.", exact=True)).to_be_visible(timeout=30_000)
        expect(tab.page.locator("#text")).to_have_value("half a sentence")
        tab.page.fill("#text", "half a sentence and more")
        tab.send(f"past the end of {transport}")
        expect(tab.message(f"past the end of {transport}")).to_have_count(1)
        assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('chat:'))") == []
        ben.post(f"while away from {transport}", "den")
        ana.log_in()
        another = ana.room("den", transport)
        another.sees(f"while away from {transport}")
        tab.live(transport)
        tab.sees(f"while away from {transport}")
        tab.send(f"back by {transport}")
        another.sees(f"back by {transport}")


def test_logging_out_asks_before_it_throws_away_what_is_not_sent(site: Site) -> None:
    with site.visitor("ana", own_session=True) as ana:
        ana.bearable = ("Failed to load resource", "401", "403")
        tab = ana.room("den", "longpoll")
        tab.page.route("**/messages", lambda route: route.abort())
        tab.send("not there yet")
        expect(tab.message("not there yet")).to_have_count(1)
        page = ana.open("/search/")
        asked: list[str] = []

        def stay(dialog: Dialog) -> None:
            asked.append(dialog.message)
            dialog.dismiss()

        page.once("dialog", stay)
        page.get_by_role("navigation", name="Your account").locator("summary").click()
        page.get_by_role("button", name="Log out").click()
        expect(tab.message("not there yet")).to_have_count(1)
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        assert asked == ["Not all that you wrote is sent yet. Log out and lose it?"]
        assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('chat:'))") == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_page_of_one_user_does_not_write_as_the_next(site: Site, transport: str) -> None:
    with site.visitor("ana", own_session=True) as ana, site.caller("mod") as mod:
        ana.bearable = ("401", "403")
        tab = ana.room("den", transport)
        page = ana.open("/")
        page.get_by_role("navigation", name="Your account").locator("summary").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        ana.name = "ben"
        ana.log_in()
        tab.send(f"ana's own words by {transport}")
        expect(tab.page.locator("#banner")).to_contain_text("logged", timeout=30_000)
        expect(tab.message(f"ana's own words by {transport}")).to_have_count(1)
        said = [row for row in mod.log("den") if row.get("body") == f"ana's own words by {transport}"]
        assert not [row for row in said if row["author"]["name"] != "ana"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_day_is_told_to_programs_as_to_the_reader(site: Site, zone: str) -> None:
    with site.visitor("ana", timezone_id=zone) as ana, site.caller("ben") as ben:
        ben.post("today", "yard")
        tab = ana.room("yard")
        today = tab.page.evaluate("""() => {
          const now = new Date();
          const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
          return parts.map((part) => String(part).padStart(2, "0")).join("-");
        }""")
        expect(tab.page.locator(".day time").last).to_have_attribute("datetime", today)


def test_the_newest_message_stays_in_sight_while_a_long_one_is_typed(site: Site) -> None:
    with site.visitor("ana", viewport={"width": 320, "height": 600}) as ana, site.caller("ben") as ben:
        for number in range(20):
            ben.post(f"above {number}", "yard")
        tab = ana.room("yard")
        expect(tab.message("above 19")).to_be_in_viewport(ratio=1)
        tab.page.fill("#text", "one\ntwo\nthree\nfour")
        expect(tab.message("above 19")).to_be_in_viewport(ratio=1)
        gap = tab.page.locator("#scroller").evaluate(
            "one => one.scrollHeight - one.clientHeight - one.scrollTop"
        )
        assert abs(gap) <= 1
        assert tab.page.evaluate("document.documentElement.scrollWidth") == 320


def test_no_script_is_fetched_twice_nor_from_elsewhere(site: Site) -> None:
    with site.visitor("ana") as ana:
        tab = ana.room("den")
        names = tab.page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
        modules = [name for name in names if name.endswith(".js")]
        assert len(modules) == len(set(modules))
        assert any(name.endswith("/room.all.js") for name in modules), (
            "all that the page imports, in one file"
        )
        hosts = {name.split("/")[2] for name in names}
        assert hosts == {site.chat.url.split("/")[2]}


def _page_of(tab: RoomTab) -> dict[str, Any]:
    """Return what the server wrote into a page for its script."""
    return dict(json.loads(tab.page.locator("#room-page").text_content() or ""))
