"""What a visit costs and what comes of it: bytes of script, what a browser keeps, what phones install."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.system.server import ROOT

pytestmark = pytest.mark.browser

MOST_SCRIPT_BYTES = 60 * 1024
MARKED_UP = "plain\n\n> quoted **and** marked up\n\n- `code` and a [link](https://example.org/)\n"
IN_A_TEST = ["in-incognito"]
"""A test's browser keeps nothing, so it installs nothing either."""
TOKENS = ROOT / "rooms/static/rooms/css/tokens.css"


def test_all_script_of_a_room_weighs_less_than_60_kib_and_is_kept(site: Site) -> None:
    with site.visitor("mod") as mod, site.caller("ben") as ben:
        ben.post(MARKED_UP, "den")
        first = _loaded(mod.room("den").page)
        scripts = {one["name"]: one for one in first if _is_script(one)}
        assert len(scripts) >= 5
        weights = sorted(((one["encodedBodySize"], name) for name, one in scripts.items()), reverse=True)
        assert sum(weight for weight, _name in weights) < MOST_SCRIPT_BYTES, weights
        again = _loaded(mod.room("den").page)
        assert {one["name"] for one in again} >= scripts.keys()
        assert [one["name"] for one in again if one["transferSize"] and "/static/" in one["name"]] == []


def _loaded(page: Page) -> list[dict[str, Any]]:
    """Return what a room's page has loaded, once its message is there and nothing is under way."""
    expect(page.locator(".message .body").last).to_contain_text("marked up")
    page.wait_for_load_state("networkidle")
    found: list[dict[str, Any]] = page.evaluate(
        "performance.getEntriesByType('resource').map((one) => one.toJSON())"
    )
    return found


def _is_script(one: dict[str, Any]) -> bool:
    return bool(one["initiatorType"] == "script" or one["name"].endswith(".js"))


def test_the_chat_can_be_installed(site: Site) -> None:
    with site.visitor("ana") as ana:
        page = ana.open("/")
        devtools = ana.context.new_cdp_session(page)
        errors = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert [error["errorId"] for error in errors] == IN_A_TEST
        told = devtools.send("Page.getAppManifest")
        assert told["errors"] == []
        manifest = json.loads(told["data"])
        assert (manifest["name"], manifest["start_url"], manifest["display"]) == ("Chat", "/", "standalone")
        answer = page.request.get(told["url"])
        assert answer.headers["content-type"] == "application/manifest+json"
        shown = [_size(page, urljoin(told["url"], icon["src"])) for icon in manifest["icons"]]
        assert shown[:3] == [[192, 192], [512, 512], [512, 512]]
        assert [icon["purpose"] for icon in manifest["icons"]] == ["any", "any", "maskable", "any"]
        apple = page.locator("link[rel=apple-touch-icon]").get_attribute("href")
        assert _size(page, urljoin(site.chat.url, apple or "")) == [180, 180]


def _size(page: Page, url: str) -> Any:
    return page.evaluate(
        """async (url) => {
            const image = new Image();
            image.src = url;
            await image.decode();
            return [image.naturalWidth, image.naturalHeight];
        }""",
        url,
    )


def test_the_colours_around_a_page_are_its_own(site: Site) -> None:
    surfaces = re.findall(r"--surface: (#\w+);", Path(TOKENS).read_text(encoding="utf-8"))
    with site.visitor(None) as stranger:
        page = stranger.open("/accounts/login/")
        told = page.locator("meta[name=theme-color]")
        expect(told).to_have_count(2)
        for number, scheme in enumerate(("light", "dark")):
            assert told.nth(number).get_attribute("content") == surfaces[number]
            assert told.nth(number).get_attribute("media") == f"(prefers-color-scheme: {scheme})"
