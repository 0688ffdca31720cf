"""Draws the icons that phones install, from icon.svg: `python -m tests.browser.icons`.

One with nothing around it in two sizes; one whose colour goes to the edge, for systems that cut a shape of
their own out of it (what counts lies in the middle four fifths); and Apple's, which is cut too.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests import chromium
from tests.system.server import ROOT

STATIC = ROOT / "rooms" / "static" / "rooms"
COLOUR = "#3355cc"
PAGE = "<body style='margin:0;display:grid;place-items:center;width:100vw;height:100vh;background:{}'>{}"
DRAWN = (("192", 192, None), ("512", 512, None), ("maskable", 512, 0.62), ("apple", 180, 0.7))
"""The name of each, its size in pixels, and how much of it is drawn on where it has a colour to the edge."""


def draw(page: Page, folder: Path) -> None:
    """Draw all icons into a folder."""
    drawing = (STATIC / "icon.svg").read_text(encoding="utf-8")
    inverted = drawing.replace("#fff", "?").replace(COLOUR, "#fff").replace("?", COLOUR)
    for name, size, part in DRAWN:
        page.set_viewport_size({"width": size, "height": size})
        shown, width = (inverted, part) if part else (drawing, 1)
        svg = shown.replace("<svg ", f"<svg style='display:block;width:{width:.0%};height:{width:.0%}' ", 1)
        page.set_content(PAGE.format(COLOUR if part else "transparent", svg))
        page.screenshot(path=folder / f"icon-{name}.png", omit_background=True)


def main() -> None:
    """Draw them where pages find them."""
    with chromium.running() as browser:
        page = browser.new_page()
        draw(page, STATIC)
        page.close()


if __name__ == "__main__":
    main()
