"""Writes the pictures of the README: `python -m tests.browser.screenshots`.

They are of a site of their own with a made-up conversation, light and dark, on a desk and on a phone.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests import chromium
from tests.browser.site import RoomTab, Site, running_site
from tests.system.server import ROOT

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 200_000
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

TALK = (
    ("ana", "Good morning! Did the move to the new server go well?"),
    ("ben", "It did. I restarted it twice in the middle of a sentence, and nobody noticed."),
    ("ben", "Whoever was away got everything they had missed, once and in order."),
    ("ana", "Even the page on my phone? That was on the train, in and out of tunnels."),
    ("mod", "Even that one. What you typed in the tunnel arrived a minute later."),
    ("ana", "مرحبا! كيف يبدو النص من اليمين إلى اليسار؟"),
    ("ben", "Reads well. And <b>markup</b> is just text, as it should be."),
    ("mod", "off topic"),
    ("ana", "Then I'll tell the others:\n\n    make run\n\nand open http://127.0.0.1:8000"),
    ("ben", "Lunch at twelfe?"),
)


def talk(site: Site) -> None:
    """Have the conversation, with a word put right and a message removed."""
    with site.caller("ana") as ana, site.caller("ben") as ben, site.caller("mod") as mod:
        callers = {"ana": ana, "ben": ben, "mod": mod}
        ids = {body: callers[name].post(body) for name, body in TALK}
        ben.edit(ids["Lunch at twelfe?"], "Lunch at twelve?")
        mod.redact(ids["off topic"])


def write(page: Page, name: str) -> None:
    """Write one picture.

    Raises:
        ValueError: it is too large for a README.
    """
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is larger than {MOST_BYTES} bytes")


def take(site: Site) -> None:
    """Write all pictures of a site."""
    for scheme in ("light", "dark"):
        for device, size in (("desk", DESK), ("phone", PHONE)):
            options: dict[str, Any] = {
                "viewport": size,
                "color_scheme": scheme,
                "has_touch": device == "phone",
            }
            with site.visitor("ana", locale="en-GB", timezone_id="Europe/Paris", **options) as ana:
                tab = ana.room()
                tab.sees("Lunch at twelve?")
                write(tab.page, f"room-{device}-{scheme}")
    with site.visitor("ana", viewport=DESK, color_scheme="light") as ana:
        write(ana.open("/"), "rooms")
    with site.visitor("mod", viewport=DESK, color_scheme="light") as mod:
        write(_moderating(mod.room()), "moderating")


def _moderating(tab: RoomTab) -> Page:
    row = tab.message("Lunch at twelve?")
    row.hover()
    row.get_by_role("button", name="Remove").click()
    return tab.page


def main() -> None:
    """Make a site, have a conversation there, and take its pictures."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "SECRET_KEY": "only-of-the-pictures-" * 3}
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium.running() as browser,
        running_site(browser, Path(folder)) as site,
    ):
        talk(site)
        take(site)


if __name__ == "__main__":
    main()
