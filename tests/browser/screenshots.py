"""Writes the pictures of the README: `python -m tests.browser.screenshots`.

They are of a site of their own with a made-up conversation, light and dark, on a desk and on a phone, English
and Arabic.
"""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests import chromium
from tests.browser.site import Caller, RoomTab, Site, Visitor, running_site
from tests.system.server import ROOT

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 120_000
LAST = "Lunch at twelve?"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

COLOURS = 160
"""As many as a picture keeps: it is that much smaller, and nobody sees it."""

PLAN = """Then I'll tell the others, @ben. **On the new server:**

1. `make run`
2. open http://127.0.0.1:8000

```sh
manage.py runchat --workers 2
```"""
TALK = (
    ("ana", "Good morning! Did the move to the new server go well?"),
    ("ben", "It did. I restarted it *twice in the middle of a sentence*, and nobody noticed."),
    ("ben", "Whoever was away got everything they had missed, once and in order."),
    ("mod", "Even on a train, in and out of tunnels: what one types there arrives a minute later."),
    ("ana", "مرحبا! كيف يبدو النص من اليمين إلى اليسار؟"),
    ("mod", "off topic"),
    ("ana", PLAN),
)
ELSEWHERE = (
    ("ben", "den", "Who has the key to the *yard*?"),
    ("ben", "den", "@ana, is it you?"),
    ("mod", "yard", "It is open again."),
)


def chart() -> bytes:
    """Return a picture that somebody sends: lines that fall."""
    image = Image.new("RGB", (640, 360), "#f4f5f8")
    pen = ImageDraw.Draw(image)
    for number in range(1, 6):
        pen.line((40, 60 * number, 610, 60 * number), "#d9dce5", 2)
    for colour, start, end in (("#3355cc", 60, 290), ("#1f7a3d", 140, 310)):
        steps = [(40 + 57 * at, start + (end - start) * (1 - 0.55**at)) for at in range(11)]
        pen.line(steps, colour, 6, "curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def talk(site: Site) -> None:
    """Have the conversation: with an answer, reactions, a picture, a word put right and a message removed."""
    with site.caller("ana") as ana, site.caller("ben") as ben, site.caller("mod") as mod:
        callers = {"ana": ana, "ben": ben, "mod": mod}
        ids = {body: callers[name].post(body) for name, body in TALK}
        mod.redact(ids["off topic"])
        for caller in (ben, mod):
            _tell(caller, f"messages/{ids[PLAN]}/reactions", {"body": "🎉"})
        _tell(mod, f"messages/{ids[PLAN]}/reactions", {"body": "👀"})
        sent = ben.request.post(
            "/api/rooms/lobby/files?name=latency.png", data=chart(), headers={"Content-Type": "image/png"}
        )
        _tell(ben, "messages", {"body": "It answers sooner, too:", "files": [sent.json()["file"]["id"]]})
        ids["last"] = _tell(mod, "messages", {"body": "Lunch at twelfe?", "reply_to": ids[TALK[0][1]]})["id"]
        mod.edit(ids["last"], LAST)
        for name, room, body in ELSEWHERE:
            callers[name].post(body, room)


def _tell(caller: Caller, path: str, data: dict[str, Any]) -> dict[str, Any]:
    answer = caller.request.post(f"/api/rooms/lobby/{path}", data=data)
    if not answer.ok:
        raise ValueError(answer.text())
    told: dict[str, Any] = answer.json()
    return told


def write(page: Page, name: str) -> None:
    """Write one picture.

    Raises:
        ValueError: it is too large for a README.
    """
    path = IMAGES / f"{name}.png"
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is larger than {MOST_BYTES} bytes")


def take(site: Site) -> None:
    """Write all pictures of a site."""
    for scheme in ("light", "dark"):
        for device, size in (("desk", DESK), ("phone", PHONE)):
            with _ana(site, size, scheme) as ana:
                write(_seen(ana), f"room-{device}-{scheme}")
    with _ana(site, PHONE, "light", locale="ar") as ana:
        write(_seen(ana), "room-phone-arabic")
    with _ana(site, DESK, "dark") as ana:
        page = _seen(ana)
        page.keyboard.press("Control+k")
        page.get_by_role("dialog").get_by_role("combobox").fill("y")
        expect(page.get_by_role("option").first).to_be_visible()
        write(page, "switcher")
    with _ana(site, DESK, "light") as ana:
        write(ana.open("/"), "rooms")
    with site.visitor("mod", viewport=DESK, color_scheme="light") as mod:
        write(_moderating(mod.room()), "moderating")


def _ana(
    site: Site, size: dict[str, int], scheme: str, locale: str = "en-GB"
) -> AbstractContextManager[Visitor]:
    touch: dict[str, Any] = {"has_touch": True, "is_mobile": True} if size is PHONE else {}
    return site.visitor(
        "ana", viewport=size, color_scheme=scheme, locale=locale, timezone_id="Europe/Paris", **touch
    )


def _seen(visitor: Visitor) -> Page:
    """Return the room's page with everything in it."""
    tab = visitor.room()
    tab.sees(LAST)
    tab.page.locator(".picture img").evaluate("(one) => one.decode()")
    expect(tab.page.locator(".body pre")).to_have_count(1)
    tab.page.mouse.move(0, 0)
    return tab.page


def _moderating(tab: RoomTab) -> Page:
    row = tab.message(LAST)
    row.hover()
    row.get_by_role("button", name="Remove").click()
    expect(tab.page.get_by_role("dialog")).to_be_visible()
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
