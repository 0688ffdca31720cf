"""A room without a mouse: every stop of the Tab key is seen, all messages are one of them, arrows go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import RoomTab, Site
from tests.browser.test_network import forbid

pytestmark = pytest.mark.browser

MOST_STOPS = 40
HERE = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  const { top, bottom, width } = document.activeElement.getBoundingClientRect();
  return {
    name: document.activeElement.id || document.activeElement.localName,
    row: document.activeElement.closest("#messages > li")?.querySelector(".body")?.textContent ?? null,
    outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    inSight: width > 1 && bottom > 0 && top < innerHeight,
  };
}"""


@pytest.fixture(scope="module")
def tab(site: Site) -> Iterator[RoomTab]:
    """Open a room with some messages, as one whose system shows colours of its own and moves nothing."""
    with site.caller("ben") as ben:
        for number in range(40):
            ben.post(f"line {number}", "long")
        ben.post("see https://example.org/ and `this`", "long")
    wishes: dict[str, Any] = {"forced_colors": "active", "reduced_motion": "reduce"}
    with site.visitor("ana", **wishes) as ana:
        room = ana.room("long")
        # Until the parser is there, a text stands as it was typed, and nothing in it can be pressed.
        expect(room.messages.locator("code")).to_have_text("this")
        yield room


def here(page: Page) -> dict[str, Any]:
    """Return what has the focus, and whether that can be seen."""
    found: dict[str, Any] = page.evaluate(HERE)
    return found


def stops(page: Page, key: str, last: str) -> list[dict[str, Any]]:
    """Press a key until something has the focus, and return all that had it."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["name"] != last:
        assert len(found) < MOST_STOPS, found
        page.keyboard.press(key)
        found.append(here(page))
    return found


def test_each_stop_is_seen_and_all_messages_are_one(tab: RoomTab) -> None:
    tab.page.evaluate("document.activeElement.blur()")
    found = stops(tab.page, "Tab", "text")
    assert [one for one in found if not one["outlined"] or not one["inSight"]] == []
    names = [one["name"] for one in found]
    assert names[:2] == ["a", "a"]
    assert names.count("li") == 1
    assert [one["row"] for one in found if one["row"]] == ["see https://example.org/ and this"] * 2
    assert names[names.index("li") + 1] == "a", "what is in the message follows it"
    back = stops(tab.page, "Shift+Tab", "li")
    assert [one["row"] for one in back if one["row"]] == ["see https://example.org/ and this"] * 2


def test_arrows_go_from_message_to_message(tab: RoomTab) -> None:
    tab.page.locator("#text").focus()
    stops(tab.page, "Shift+Tab", "li")
    for key, row in (
        ("ArrowUp", "line 39"),
        ("ArrowUp", "line 38"),
        ("ArrowDown", "line 39"),
        ("Home", "line 0"),
        ("ArrowUp", "line 0"),
        ("ArrowDown", "line 1"),
    ):
        tab.page.keyboard.press(key)
        assert here(tab.page)["row"] == row, key
        expect(tab.message(row)).to_be_in_viewport(ratio=1)
    tab.page.keyboard.press("Tab")
    assert here(tab.page)["row"] is None, "a message without anything to press in it is one stop"
    tab.page.keyboard.press("Shift+Tab")
    assert here(tab.page)["row"] == "line 1", "and is where one comes back to"
    tab.page.keyboard.press("End")
    assert here(tab.page)["row"] == "see https://example.org/ and this"
    tab.page.keyboard.press("Escape")
    assert here(tab.page)["name"] == "text"


def test_what_is_typed_where_nothing_takes_it_is_a_message(tab: RoomTab) -> None:
    tab.page.evaluate("document.activeElement.blur()")
    for key in ("Control+c", "Space", "PageUp"):
        tab.page.keyboard.press(key)
        assert here(tab.page)["name"] == "body", key
    tab.page.keyboard.type("hello")
    assert here(tab.page)["name"] == "text"
    expect(tab.page.locator("#text")).to_have_value("hello")
    tab.page.fill("#text", "")


@pytest.mark.parametrize("key", ["Enter", "ContextMenu", "Shift+F10"])
def test_what_can_be_done_about_a_message_is_done_from_there(tab: RoomTab, key: str) -> None:
    tab.message("line 39").focus()
    tab.page.keyboard.press(key)
    dialog = tab.page.get_by_role("dialog", name="Message of ben")
    expect(dialog.get_by_role("button").first).to_be_focused()
    assert here(tab.page)["outlined"]
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tab.message("line 39")).to_be_focused()


def test_who_scrolled_up_comes_in_where_they_read(tab: RoomTab) -> None:
    tab.page.locator("#text").focus()
    tab.page.locator("#scroller").evaluate("one => { one.scrollTop = 0 }")
    found = stops(tab.page, "Shift+Tab", "li")
    expect(tab.message(found[-1]["row"])).to_be_in_viewport()
    assert tab.page.locator("#scroller").evaluate("one => one.scrollTop") < 300


def test_the_way_past_all_that_is_on_every_page_leads_into_the_room(tab: RoomTab) -> None:
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.locator(".skip").focus()
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.querySelector('#main').contains(document.activeElement)")


def test_what_is_done_about_a_refused_message_leaves_one_in_its_place(site: Site) -> None:
    with site.visitor("ben") as ben:
        ben.bearable = ("403",)
        room = ben.room("den", "longpoll")
        room.page.route("**/messages", forbid)
        for text in ("first", "second"):
            room.send(text)
            expect(room.message(text).locator(".failure")).to_be_visible()
        again = room.message("second").get_by_role("button", name="Try again")
        again.focus()
        room.page.keyboard.press("Enter")
        expect(room.message("second")).to_have_class(re.compile("failed"))
        assert here(room.page)["row"] == "second"
        room.page.fill("#text", "something else begun")
        room.message("second").get_by_role("button", name="Discard").focus()
        room.page.keyboard.press("Enter")
        expect(room.message("second")).to_have_count(0)
        assert here(room.page)["row"] == "first"
        room.page.unroute_all()
        room.message("first").get_by_role("button", name="Try again").focus()
        room.page.keyboard.press("Enter")
        room.sees("first")
        assert here(room.page)["row"] == "first"
        room.page.fill("#text", "")


def test_nothing_moves_for_who_does_not_want_it(tab: RoomTab) -> None:
    tab.page.locator("#text").fill("moving?")
    tab.page.keyboard.press("Enter")
    tab.sees("moving?")
    lasting = (
        "document.getAnimations().filter((one) => one.effect.getComputedTiming().activeDuration > 1).length"
    )
    assert tab.page.evaluate(lasting) == 0
    assert tab.page.evaluate("getComputedStyle(document.querySelector('#scroller')).scrollBehavior") == "auto"
