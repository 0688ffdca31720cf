"""Lists of rooms, and the switcher: they change while one looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import audit
from tests.browser.site import Caller, Site, Visitor

pytestmark = pytest.mark.browser

WIDE: Any = {"viewport": {"width": 1280, "height": 800}}
BESIDE = "#rooms-beside"


@pytest.fixture
def ana(site: Site) -> Iterator[Caller]:
    """Call the API as Ana, who owns the rooms of these tests."""
    with site.caller("ana") as caller:
        yield caller


@pytest.fixture
def ben(site: Site) -> Iterator[Visitor]:
    """Open Ben's browser, as wide as a desk."""
    with site.visitor("ben", **WIDE) as visitor:
        yield visitor


def made(owner: Caller, name: str, **more: object) -> str:
    """Make a room of Ana's and Ben's, and return its address."""
    answer = owner.request.post("/api/rooms", data={"name": name, **more})
    assert answer.status == 201, answer.text()
    room = str(answer.json()["room"])
    answer = owner.request.put(f"/api/rooms/{room}/members/{user(owner, 'ben')}", data={})
    assert answer.status == 200, answer.text()
    return room


def user(caller: Caller, name: str) -> int:
    """Return somebody's id."""
    return {"ana": 1, "ben": 2, "mod": 3}[name]


def row(page: Page, room: str) -> Locator:
    """Return a room's row in the list of a page."""
    return page.locator(f"li[data-room='{room}'] a")


def names(page: Page, group: str = "rooms") -> list[str]:
    """Return the rooms of a group in their order."""
    found: list[str] = page.locator(f"[data-rooms='{group}'] .room-name").all_inner_texts()
    return found


def unread(page: Page, room: str) -> Locator:
    """Return how much is unread in a room."""
    return row(page, room).locator(".count:not(.named) [aria-hidden]")


def named(page: Page, room: str) -> Locator:
    """Return how often one is named in a room."""
    return row(page, room).locator(".count.named [aria-hidden]")


def heard(page: Page, room: str, caller: Caller) -> None:
    """Wait until the page hears what is said in a room: what is said before may be found a moment later."""
    caller.post("are you there?", room)
    expect(unread(page, room)).to_have_text(re.compile(r"\d"))


def test_what_is_said_elsewhere_is_counted_and_moves_the_room_up(
    site: Site, ana: Caller, ben: Visitor
) -> None:
    here, talk = made(ana, "Aa here"), made(ana, "Zz talk")
    tab, listed = ben.room(here).page, ben.open("/")
    expect(row(tab, here)).to_have_attribute("aria-current", "page")
    for page in (tab, listed):
        expect(unread(page, talk)).to_have_count(0)
    heard(tab, talk, ana)
    ana.post("hello @ben", talk)
    for page in (tab, listed):
        expect(named(page, talk)).to_have_text("@1")
        expect(unread(page, talk)).to_have_text("2")
        assert names(page)[0] == "Zz talk"
    other = ben.room(talk)
    other.sees("hello @ben")
    for page in (tab, listed, other.page):
        expect(unread(page, talk)).to_have_count(0)
        expect(named(page, talk)).to_have_count(0)
    expect(other.page.locator("#text")).not_to_be_focused()
    expect(row(other.page, talk)).to_have_attribute("aria-current", "page")


def test_what_becomes_of_rooms_shows_in_open_lists(site: Site, ana: Caller, ben: Visitor) -> None:
    first = made(ana, "The first")
    listed = ben.open("/")
    expect(row(listed, first)).to_contain_text("The first")
    secret = made(ana, "The secret", private=True)
    expect(row(listed, secret)).to_contain_text("private")
    ana.request.patch(f"/api/rooms/{secret}", data={"name": "The open secret"})
    expect(row(listed, secret)).to_contain_text("The open secret")
    ana.request.patch(f"/api/rooms/{first}", data={"archived": True})
    expect(listed.locator("[data-rooms='archived']").locator(f"[data-room='{first}']")).to_have_count(1)
    ana.request.delete(f"/api/rooms/{secret}/members/{user(ana, 'ben')}", data={})
    expect(row(listed, secret)).to_have_count(0)


def test_a_room_that_one_makes_elsewhere_shows_at_once(site: Site, ben: Visitor) -> None:
    tab = ben.room("lobby")
    tab.live("websocket")
    with site.caller("ben") as elsewhere:
        answer = elsewhere.request.post("/api/rooms", data={"name": "From my phone", "private": True})
        assert answer.status == 201, answer.text()
        expect(row(tab.page, str(answer.json()["room"]))).to_be_visible()


def test_a_room_that_is_muted_stays_quiet(site: Site, ana: Caller, ben: Visitor) -> None:
    loud, hushed = made(ana, "Loud"), made(ana, "Hushed")
    with site.caller("ben") as caller:
        caller.request.put(f"/api/rooms/{hushed}/muted", data={"muted": True})
    listed = ben.open("/")
    ana.post("hello @ben", hushed)
    heard(listed, loud, ana)
    expect(row(listed, hushed)).to_have_class("hushed")
    assert names(listed).index("Loud") < names(listed).index("Hushed")


def test_the_switcher_is_used_by_keyboard_alone(site: Site, ana: Caller, ben: Visitor) -> None:
    here, there = made(ana, "Switching from"), made(ana, "Größe und Gewicht")
    ana.post("hello @ben", there)
    tab = ben.room(here).page
    tab.locator("#text").focus()
    dialog, box = tab.get_by_role("dialog"), tab.get_by_role("combobox")
    fetched: list[Route] = []
    tab.route("**/view/switcher*.js", lambda route: fetched.append(route))  # noqa: PLW0108 (Playwright marks what it calls)
    with tab.expect_request("**/view/switcher*.js"):
        tab.keyboard.press("Control+k")
    tab.keyboard.type("gros")
    tab.keyboard.press("Enter")
    expect(tab.locator("#text")).to_have_value("")  # what is meant for the switcher is not said in the room
    for route in fetched:
        route.continue_()
    expect(box).to_have_value("gros")
    box.clear()
    expect(box).to_be_focused()
    chosen = dialog.get_by_role("option", selected=True)
    expect(chosen).to_contain_text("You are named")
    assert audit.found_by_axe(tab) == []
    tab.keyboard.type("gros")
    expect(chosen).to_contain_text("Größe und Gewicht")
    expect(box).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    tab.keyboard.press("ArrowDown")
    expect(chosen).to_have_text("Search for “gros”")
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tab.locator("#text")).to_be_focused()
    tab.dispatch_event("#text", "keydown", {"key": "k", "ctrlKey": True, "isComposing": True})
    expect(dialog).to_have_count(0)
    tab.keyboard.press("Control+k")
    expect(box).to_be_focused()
    tab.keyboard.type("gewicht")
    tab.dispatch_event("[role=combobox]", "keydown", {"key": "Enter", "isComposing": True})
    expect(dialog).to_have_count(1)
    tab.keyboard.press("Enter")
    expect(tab.locator("#room-name")).to_have_text("Größe und Gewicht")


def test_the_keyboard_is_soon_given_back_by_a_switcher_that_does_not_come(ana: Caller, ben: Visitor) -> None:
    tab = ben.room(made(ana, "Slow lane")).page
    held: list[Route] = []
    tab.route("**/view/switcher*.js", lambda route: held.append(route))  # noqa: PLW0108 (Playwright marks what it calls)
    tab.locator("#text").focus()
    with tab.expect_request("**/view/switcher*.js"):
        tab.keyboard.press("Control+k")
    tab.keyboard.press("Shift+Tab")
    expect(tab.locator("#text")).not_to_be_focused()
    tab.locator("#text").focus()
    tab.wait_for_timeout(700)
    tab.keyboard.type("said here")
    expect(tab.locator("#text")).to_have_value("said here")
    tab.fill("#text", "")
    ben.bearable = ("ERR_FAILED", "The switcher did not come")
    for route in held:
        route.abort()
    expect(tab.get_by_role("heading", name="Search")).to_be_visible()


def test_the_switcher_is_on_pages_without_a_list_too_and_on_phones(site: Site, ana: Caller) -> None:
    room = made(ana, "Reached from afar")
    phone: Any = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "color_scheme": "dark"}
    with site.visitor("ben", **phone) as ben:
        page = ben.open(f"/rooms/{room}/people/")
        page.get_by_role("button", name="Go to").tap()
        expect(page.get_by_role("option", name="New room")).to_be_visible()
        assert audit.found_by_axe(page) + audit.sideways(page) + audit.small_targets(page) == []
        page.get_by_role("combobox").fill("afar")
        page.get_by_role("option", name="Reached from afar").tap()
        expect(page.locator("#room-name")).to_have_text("Reached from afar")
        expect(page.locator("#rooms-beside")).to_be_hidden()


def test_whoever_said_something_can_be_talked_to(site: Site, ana: Caller, ben: Visitor) -> None:
    room = made(ana, "Among many")
    ana.post("a word?", room)
    tab = ben.room(room)
    tab.message("a word?").hover()
    tab.message("a word?").get_by_role("button", name="More").click()
    tab.page.get_by_role("button", name="Talk to ana").click()
    expect(tab.page.locator("#room-name")).to_have_text("ana")
    expect(tab.page.locator("[data-rooms='people'] [aria-current]")).to_have_text("ana")


def test_a_room_that_is_looked_at_is_read_though_a_reaction_came_last(ben: Visitor, ana: Caller) -> None:
    room = made(ana, "Liked")
    said = ana.post("have a look", room)
    answer = ana.request.post(f"/api/rooms/{room}/messages/{said}/reactions", data={"body": "👍"})
    assert answer.status == 201, answer.text()
    page = ben.open("/")
    expect(unread(page, room)).to_have_text("1")
    ben.room(room).sees("have a look")
    expect(unread(page, room)).to_have_count(0)
