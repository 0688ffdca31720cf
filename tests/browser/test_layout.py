"""Where things stand on a page: in its frame, on paper, without a script."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import audit
from tests.browser.site import Site

pytestmark = pytest.mark.browser

ROOM_PX = 8
PHONE: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
LINES = """(one) => {
  const words = new Range();
  words.selectNodeContents(one.firstChild);
  return words.getClientRects().length;
}"""


def place(of: Locator) -> dict[str, float]:
    """Return where something is in the window: its `left`, `right`, `top` and `bottom` in pixels."""
    found: dict[str, float] = of.evaluate("one => one.getBoundingClientRect().toJSON()")
    return found


def test_a_long_name_of_ones_own_widens_no_page(site: Site) -> None:
    name = "N" * 150
    site.tokens[name] = site.program("-m", "tests.browser.people", "add", name)
    with site.visitor(name, **PHONE) as long:
        page = long.open("/")
        expect(page.locator("#switch")).to_be_visible()
        assert audit.sideways(page) == []
        assert page.locator("#switch").evaluate(LINES) == 1


def test_without_a_script_the_page_says_so_inside_the_room(site: Site) -> None:
    with site.visitor("ana", java_script_enabled=False) as ana:
        page = ana.open("/rooms/lobby/")
        told = page.locator("noscript p")
        expect(told).to_be_visible()
        banner, room = place(told), place(page.locator("#room"))
        assert room["left"] <= banner["left"] < banner["right"] <= room["right"]


def test_on_paper_a_room_is_all_that_the_page_holds_of_the_conversation(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ana") as caller:
        for number in range(30):
            caller.post(f"for the record {number}", "attic")
        tab = ana.room("attic")
        tab.sees("for the record 0", "for the record 29")
        tab.page.emulate_media(media="print")
        for part in ("header.site", "#rooms-beside", "#composer", "#jump"):
            expect(tab.page.locator(part)).to_be_hidden()
        hidden = tab.page.locator("#scroller").evaluate("one => one.scrollHeight - one.clientHeight")
        assert hidden == 0
        first, last = (place(tab.message(f"for the record {number}")) for number in (0, 29))
        assert 0 <= first["top"] < last["top"]
        assert last["bottom"] <= tab.page.evaluate("document.documentElement.scrollHeight")


def test_what_went_well_does_not_look_like_what_was_refused(site: Site) -> None:
    with site.visitor("ana") as ana:
        page = ana.open("/rooms/yard/people/")
        page.get_by_role("button", name="Join the room").click()
        page.goto("/rooms/yard/people/")
        page.get_by_role("button", name="Leave the room").click()
        told = page.locator(".messages > li")
        expect(told).to_have_text("You have left the room.")
        colour = "one => getComputedStyle(one).backgroundColor"
        well = told.evaluate(colour)
        told.evaluate("one => { one.className = 'error' }")
        assert told.evaluate(colour) != well


def test_the_number_of_a_point_stands_beside_the_first_line_of_a_long_link(site: Site) -> None:
    link = "https://example.org/" + "a-very-long-address/" * 12
    with site.visitor("ana", **PHONE) as ana, site.caller("ana") as caller:
        caller.post(f"1. short\n2. {link}", "den")
        page = ana.room("den").page
        point = page.locator(".body li", has=page.get_by_role("link")).last
        expect(point).to_be_visible()
        # A number stands on the first line that its point has of its own, so a block is what it must be.
        assert point.get_by_role("link").evaluate("one => getComputedStyle(one).display") == "block"
        assert audit.small_targets(page) == []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_guest_sees_the_whole_mark_of_the_connection(site: Site, language: str) -> None:
    with site.visitor(None, **PHONE) as guest:
        guest.context.add_cookies([{"name": "django_language", "value": language, "url": site.chat.url}])
        page = guest.room("open").page
        mark, head = place(page.locator("#connection")), place(page.locator(".room-head"))
        assert min(mark["left"] - head["left"], head["right"] - mark["right"]) >= ROOM_PX


def test_where_one_types_does_not_move_when_the_script_comes(site: Site) -> None:
    box = "document.querySelector('#text').getBoundingClientRect().x"
    with site.visitor("ana") as ana:
        ana.bearable = ("Failed to load resource",)
        ana.context.route("**/rooms/js/room.js", lambda route: route.abort())
        before = ana.open("/rooms/den/").evaluate(box)
        ana.context.unroute("**/rooms/js/room.js")
        tab = ana.room("den")
        expect(tab.page.get_by_role("button", name="Attach files")).to_be_enabled()
        assert tab.page.evaluate(box) == before


def test_a_long_name_of_a_room_leaves_the_rest_in_sight_in_the_administration(site: Site) -> None:
    with site.caller("mod") as mod, site.visitor("mod", viewport={"width": 1440, "height": 900}) as visitor:
        room = mod.request.post("/api/rooms", data={"name": "R" * 120}).json()["room"]
        mod.post("still seen", room)
        page = visitor.open("/admin/rooms/message/")
        row = page.locator("#result_list tr", has_text="still seen")
        frame = place(page.locator("#changelist-form .results"))
        for part in (".field-who", ".field-text", ".field-created_at"):
            assert place(row.locator(part))["right"] <= frame["right"]
