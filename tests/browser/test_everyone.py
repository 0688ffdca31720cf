"""Every page can be used by everybody: axe finds nothing, nothing is too small, too wide or too pale."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import audit
from tests.browser.site import RoomTab, Site, Visitor

pytestmark = pytest.mark.browser

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 320, "height": 640},
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
}
NOT_THERE = ("Failed to load resource",)
"""What the console says of a page that is not there."""
ASKED = ("React…", "Report", "Remove…", "Mute ben", "Ban ben", "Remove all that ben said")
"""What a moderator may choose about a message, and is asked more about."""
MOST = 4_000
UNFOLD = "document.querySelectorAll('details:not(.menu)').forEach((one) => { one.open = true; })"


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, list[str]]:
    """Furnish the site and return the addresses of its pages by who looks at them."""
    found: dict[str, list[str]] = json.loads(site.program("-m", "tests.browser.furnished"))
    [link] = [path for line in site.chat.log for path in re.findall(r"/first-admin/\S+", line)]
    found[""].append(link)
    return found


def open_whole(visitor: Visitor, path: str) -> Page:
    """Open a page and wait until it has all that it shows, with what is folded unfolded."""
    page = visitor.open(path)
    if page.locator("#connection").count():
        expect(page.locator("#connection")).to_have_attribute("data-state", "open")
        expect(page.locator("#log")).not_to_have_attribute("aria-busy", "true")
    page.evaluate(UNFOLD)
    return page


@pytest.mark.parametrize("look", [DESK, PHONE], ids=["desk, light", "phone, dark"])
def test_nothing_is_found_on_any_page(site: Site, pages: dict[str, list[str]], look: dict[str, Any]) -> None:
    found: dict[str, list[str]] = {}
    for name, paths in pages.items():
        with site.visitor(name or None, **look) as visitor:
            visitor.bearable = NOT_THERE
            for path in paths:
                if look is PHONE and path.startswith("/admin/"):
                    continue  # Django's own, whose sizes are not ours
                page = open_whole(visitor, path)
                wrong = audit.found_by_axe(page) + audit.sideways(page) + audit.zoom_is_forbidden(page)
                if look is PHONE:
                    wrong += audit.small_targets(page)
                if wrong:
                    found[f"{name} {path}"] = wrong
                page.close()
    assert found == {}


@pytest.fixture(scope="module")
def at_length(site: Site) -> list[str]:
    """Let all that people may call things be long words and return the addresses of pages that show them."""
    name = "W" * 150
    site.tokens[name] = site.program("-m", "tests.browser.people", "add", name)
    with site.caller("mod") as mod, site.caller(name) as long:
        made = mod.request.post("/api/rooms", data={"name": "R" * 120, "topic": "T" * 250})
        room = made.json()["room"]
        user = long.request.get("/api/rooms").json()["user"]["id"]
        mod.request.put(f"/api/rooms/{room}/members/{user}", data={"role": "moderator"})
        said = long.post("unbroken", room)
        mod.request.post(f"/api/rooms/{room}/messages/{said}/reports", data={"reason": "Z" * 250})
        mod.request.put(f"/api/rooms/{room}/mutes/{user}", data={"minutes": 5, "reason": "Y" * 250})
        mod.request.post(f"/api/rooms/{room}/invitations", data={})
    pages = (f"/rooms/{room}/{part}" for part in ("", "people/", "settings/", "invitations/"))
    return ["/", *pages, "/search/?q=unbroken", "/reports/"]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_no_word_is_so_long_that_it_widens_a_page(site: Site, at_length: list[str], language: str) -> None:
    found: dict[str, list[str]] = {}
    with site.visitor("mod", **PHONE) as mod:
        mod.context.add_cookies([{"name": "django_language", "value": language, "url": site.chat.url}])
        for path in at_length:
            page = open_whole(mod, path)
            for told in page.locator("#told").all():
                told.evaluate("one => { one.textContent = 'W'.repeat(150) }")
            found[path] = audit.sideways(page)
            page.close()
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def refuse(route: Route) -> None:
    """Refuse a send for good."""
    problem = {"title": "Forbidden", "status": 403, "code": "forbidden", "detail": "This room is read-only."}
    route.fulfill(status=403, content_type="application/problem+json", body=json.dumps(problem))


def found_in_both_looks(page: Page, within: str | None = None) -> list[str]:
    """Return what is wrong with a page as it is, wide and light, then narrow and dark."""
    found: list[str] = []
    for look in (DESK, PHONE):
        page.emulate_media(color_scheme=look["color_scheme"])
        page.set_viewport_size(look["viewport"])
        found += audit.found_by_axe(page, within) + audit.sideways(page)
    return found


def chosen(tab: RoomTab, row: Locator, name: str | None = None) -> Locator:
    """Open a message's menu, choose from it where something is named, and return the dialog that is there."""
    row.focus()
    tab.page.keyboard.press("Enter")
    if name is not None:
        tab.page.get_by_role("dialog").get_by_role("button", name=name).click()
    return tab.page.get_by_role("dialog")


def test_nothing_is_found_in_a_room_with_its_dialogs_and_menus_open(
    site: Site, pages: dict[str, list[str]]
) -> None:
    found: dict[str, list[str]] = {}
    with site.visitor("mod", **DESK) as mod:
        tab = RoomTab(open_whole(mod, "/rooms/talk/"))
        row = tab.message("It is not so.")
        for name in (None, *ASKED):
            dialog = chosen(tab, row, name)
            expect(dialog).to_be_visible()
            found[name or "menu"] = found_in_both_looks(tab.page, "dialog")
            tab.page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
            expect(row).to_be_focused()
        tab.page.keyboard.press("Control+k")
        tab.page.keyboard.type("a")
        expect(tab.page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
        found["switcher"] = found_in_both_looks(tab.page, "dialog")
        tab.page.keyboard.press("Escape")
        for menu in tab.page.locator("details.menu:visible > summary").all():
            menu.press("Enter")
            found[menu.inner_text()] = found_in_both_looks(tab.page, ".menu[open]")
            tab.page.keyboard.press("Escape")
            tab.page.set_viewport_size(DESK["viewport"])
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_nothing_is_found_in_a_room_where_much_goes_wrong(site: Site, pages: dict[str, list[str]]) -> None:
    with site.visitor("ben", **DESK) as ben:
        ben.bearable = (*NOT_THERE, "ERR_", "could not be read")
        tab = RoomTab(open_whole(ben, "/rooms/talk/?transport=longpoll"))
        tab.page.route("**/messages", refuse)
        tab.send("refused")
        expect(tab.message("refused").locator(".failure")).to_be_visible()
        chosen(tab, tab.message("the end"), "Reply")
        ben.context.set_offline(True)
        tab.send("kept for later")
        tab.page.fill("#text", "x" * (MOST + 1))
        tab.page.keyboard.press("Enter")
        tab.message("the end").get_by_role("button", name="Edit").dispatch_event("click")
        expect(tab.page.get_by_role("textbox", name="New text")).to_be_focused()
        expect(tab.page.locator("#banner")).to_be_visible()
        assert found_in_both_looks(tab.page) == []


def test_the_keyboard_of_a_phone_covers_neither_what_is_typed_nor_the_newest(
    site: Site, pages: dict[str, list[str]]
) -> None:
    with site.visitor("ana", **PHONE) as ana:
        page = open_whole(ana, "/rooms/talk/")
        newest, box = page.locator("#messages > li").last, page.locator("#text")
        box.tap()
        page.set_viewport_size({"width": 320, "height": 340})  # as interactive-widget=resizes-content does
        for shown in (box, page.locator("#send"), newest):
            expect(shown).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.scrollingElement.scrollHeight") <= 340
        told = page.locator("meta[name=viewport]").get_attribute("content") or ""
        assert "interactive-widget=resizes-content" in told


def test_a_tap_on_a_message_offers_what_can_be_done_and_does_none_of_it(
    site: Site, pages: dict[str, list[str]]
) -> None:
    with site.visitor("ana", **PHONE) as ana:
        tab = RoomTab(open_whole(ana, "/rooms/talk/"))
        row, dialog = tab.message("It is not so."), tab.page.get_by_role("dialog")
        for from_the_left in (150, 200, 250, 300):  # all along where the buttons come to stand
            row.tap(position={"x": from_the_left, "y": 6})
            expect(row.locator(".acts")).to_have_css("opacity", "1")
            expect(dialog).to_have_count(0)
            tab.page.locator("#text").tap()
        row.tap(position={"x": 60, "y": 6})
        row.get_by_role("button", name="React").tap()
        expect(dialog).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/", "/rooms/talk/", "/rooms/talk/settings/", "/rooms/talk/people/", "/search/"]
)
def test_text_of_twice_the_size_fits(site: Site, pages: dict[str, list[str]], path: str) -> None:
    with site.visitor("ana", **DESK) as ana:
        page = open_whole(ana, path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert audit.sideways(page) == []
        if path == "/rooms/talk/":
            expect(page.locator("#text")).to_be_in_viewport(ratio=1)
            expect(page.locator("#messages > li").last).to_be_in_viewport()


def test_what_is_pressed_with_a_finger_on_a_wide_screen_is_large_enough(
    site: Site, pages: dict[str, list[str]]
) -> None:
    tablet = {**PHONE, "viewport": {"width": 1180, "height": 820}}
    with site.visitor("ana", **tablet) as ana:
        assert audit.small_targets(open_whole(ana, "/rooms/talk/")) == []
