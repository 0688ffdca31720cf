"""Files as people send them: pasted, dropped, picked; seen by whoever may see the room; gone when removed."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.browser import audit
from tests.browser.site import RoomTab, Site

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {
    "viewport": {"width": 320, "height": 640},
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
}
GIVE = """([name, type, bytes, how]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], name, { type }));
    const of = { bubbles: true, cancelable: true };
    const box = document.querySelector("#text");
    if (how === "paste") box.dispatchEvent(new ClipboardEvent("paste", { ...of, clipboardData: data }));
    else for (const what of ["dragover", "drop"]) {
        box.dispatchEvent(new DragEvent(what, { ...of, dataTransfer: data }));
    }
}"""

DROP_LARGE = """() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(10 * 1024 * 1024 + 1)], "large.bin"));
    document.querySelector("#text").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer }));
}"""


def picture(size: tuple[int, int], colour: str) -> bytes:
    """Return a picture as a PNG."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def give(page: Page, how: str, name: str, kind: str, content: bytes) -> None:
    """Paste or drop a file."""
    page.evaluate(GIVE, [name, kind, b64encode(content).decode(), how])


def picked(name: str, content: bytes, kind: str = "text/plain") -> FilePayload:
    """Return a file as a picker takes it."""
    return {"name": name, "mimeType": kind, "buffer": content}


def wrong_with(page: Page) -> list[str]:
    """Return what keeps somebody from using a page as it is now."""
    touched = page.evaluate("matchMedia('(pointer: coarse)').matches")
    return audit.found_by_axe(page) + audit.sideways(page) + (audit.small_targets(page) if touched else [])


def drawn(tab: RoomTab, row: int = -1) -> Any:
    """Return how large the browser found a row's first picture, and how large it shows it."""
    return (
        tab.settled.nth(row)
        .locator(".picture img")
        .first.evaluate("async one => (await one.decode(), [one.naturalWidth, one.width, one.height])")
    )


def test_what_is_pasted_and_dropped_is_seen_by_others_until_it_is_removed(site: Site) -> None:
    with site.visitor("ana") as ana, site.visitor("ben") as ben, site.visitor(None) as stranger:
        left, right = ana.room("den"), ben.room("den")
        give(left.page, "paste", "plan.png", "image/png", picture((1600, 1200), "teal"))
        give(left.page, "drop", "notes.txt", "text/plain", b"to be read")
        tray = left.page.get_by_role("list", name="Files to send")
        expect(tray.get_by_role("listitem")).to_have_count(2)
        left.page.fill("#text", "the plan")
        left.page.press("#text", "Enter")
        expect(tray.get_by_role("listitem")).to_have_count(0)
        for tab in (left, right):
            tab.sees("the plan")
            assert drawn(tab) == [1024, 400, 300]
        file = right.settled.last.get_by_role("link", name="Download notes.txt")
        with right.page.expect_download() as download:
            file.click()
        assert download.value.path().read_bytes() == b"to be read"
        links = right.settled.last.get_by_role("link")
        urls = [str(link.get_attribute("href")) for link in links.all()]
        assert len(urls) == 2
        for url in urls:
            assert ben.context.request.get(url).status == 200
            assert stranger.context.request.get(url).status == 404
        left.settled.last.hover()
        left.settled.last.get_by_role("button", name="Remove").click()
        left.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        for tab in (left, right):
            expect(tab.settled.last).to_have_text(re.compile("Message removed$"))
            expect(tab.page.locator(".files")).to_have_count(0)
        for url in urls:
            assert ana.context.request.get(url).status == 404


def test_the_pictures_of_a_message_are_looked_at_one_after_the_other(site: Site) -> None:
    with site.visitor("ana", **PHONE) as ana:
        tab = ana.room("yard")
        pictures = [picked(f"{name}.png", picture((64, 48), name), "image/png") for name in ("red", "blue")]
        tab.page.set_input_files("#files", pictures)
        expect(tab.page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(2)
        tab.page.get_by_role("button", name="Send").click()
        links = tab.settled.last.get_by_role("link")
        expect(links).to_have_count(2)
        expect(tab.settled.last.locator(".body")).to_have_count(
            0
        )  # nothing was typed, only their names are there
        links.first.press("Enter")
        viewer = tab.page.get_by_role("dialog", name="red.png")
        expect(viewer).to_be_visible()
        assert wrong_with(tab.page) == []
        expect(viewer.get_by_role("img")).to_have_attribute("alt", "red.png")
        tab.page.keyboard.press("ArrowRight")
        expect(tab.page.get_by_role("dialog", name="blue.png").get_by_role("status")).to_contain_text(
            "2 of 2"
        )
        tab.page.keyboard.press("ArrowRight")
        expect(viewer).to_be_visible()  # after the last comes the first
        tab.page.keyboard.press("Escape")
        expect(tab.page.get_by_role("dialog")).to_have_count(0)
        expect(links.first).to_be_focused()
        assert wrong_with(tab.page) == []


def test_what_is_attached_waits_for_its_upload_and_is_there_after_a_reload(site: Site) -> None:
    with site.visitor("ben") as ben:
        ben.bearable = ("ERR_FAILED",)
        tab = ben.room("attic")
        cut: list[Route] = []
        tab.page.route(
            "**/api/rooms/attic/files?*", lambda route: route.continue_() if cut else cut.append(route)
        )
        tab.page.set_input_files("#files", [picked("slow.txt", b"slow")])
        expect(tab.page.get_by_role("progressbar", name="Uploading slow.txt")).to_be_visible()
        tab.send("with a file")
        tab.send("without")
        tab.sees("without")
        expect(tab.message("with a file")).to_contain_text("Uploading…")
        assert wrong_with(tab.page) == []
        cut[0].abort()  # it goes on by itself
        tab.sees("with a file")
        expect(tab.message("with a file").get_by_role("link", name="Download slow.txt")).to_be_visible()
        tab.page.set_input_files("#files", [picked("kept.txt", b"kept")])
        expect(tab.page.get_by_text("kept.txt is uploaded.")).to_have_count(1)
        tab.page.reload()
        expect(tab.page.get_by_role("button", name="Remove kept.txt")).to_be_visible()
        tab.page.get_by_role("button", name="Send").click()
        expect(tab.settled.last.get_by_role("link", name="Download kept.txt")).to_be_visible()


def test_what_cannot_be_sent_is_told_at_once_and_what_is_refused_can_be_removed(site: Site) -> None:
    with site.visitor("ben", **PHONE) as ben:
        ben.bearable = ("415",)
        tab = ben.room("open")
        tab.page.evaluate(DROP_LARGE)
        expect(tab.page.get_by_role("alert").filter(has_text="large.bin is too large")).to_be_visible()
        tab.page.set_input_files("#files", [picked("no.png", b"\x89PNG\r\n\x1a\nno picture", "image/png")])
        expect(tab.page.get_by_text("or this one cannot be read.", exact=False).first).to_be_visible()
        tab.page.fill("#text", "no")
        tab.page.press("#text", "Enter")  # on a screen that is touched it breaks the line
        expect(tab.page.locator("#text")).to_have_value("no\n")
        tab.page.get_by_role("button", name="Send").click()
        expect(tab.page.locator("#complaint")).to_contain_text("no.png is not uploaded")
        assert wrong_with(tab.page) == []
        tab.page.get_by_role("button", name="Remove no.png").click()
        tab.page.get_by_role("button", name="Send").click()
        tab.sees("no")
