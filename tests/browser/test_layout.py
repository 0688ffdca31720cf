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
