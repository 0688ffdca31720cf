"""Texts with Markdown in them, and answers that quote, as people see them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.audit import found_by_axe, small_targets
from tests.browser.site import Caller, RoomTab, Site

pytestmark = pytest.mark.browser

MARKED = """**bold** and _soft_, `code` and ~~gone~~, see https://example.org/a?b=1
a second line for @ben

> quoted

1. one
2. two

```python
print("a line that is wider than a phone is, and so is scrolled sideways in its own box", 1, 2, 3, 4, 5)
```"""


def answer(caller: Caller, body: str, target: int, room: str) -> int:
    """Send an answer and return its id."""
    sent = caller.request.post(f"/api/rooms/{room}/messages", data={"body": body, "reply_to": target})
    assert sent.status == 201, sent.text()
    return int(sent.json()["id"])


def row(tab: RoomTab, message: int) -> Locator:
    """Return the row of a message."""
    return tab.page.locator(f".message[data-id='{message}']")


def test_marked_up_text_is_shown_as_it_is_meant(site: Site) -> None:
    with (
        site.visitor("ben", viewport={"width": 320, "height": 700}, has_touch=True) as ben,
        site.caller("ana") as ana,
    ):
        ana.post("nothing but words", "den")
        asked: list[str] = []
        ben.context.on("request", lambda request: asked.append(request.url))
        tab = ben.room("den")
        tab.sees("nothing but words")
        assert not [url for url in asked if "/vendor/" in url], "plain rooms pay nothing"
        message = ana.post(MARKED, "den")
        body = row(tab, message).locator(".body")
        for tag, text in (("strong", "bold"), ("em", "soft"), ("del", "gone"), ("blockquote", "quoted")):
            expect(body.locator(tag)).to_have_text(text)
        expect(body.locator("p code")).to_have_text("code")
        expect(body.locator("li")).to_have_text(["one", "two"])
        expect(body.locator(".mention.me")).to_have_text("@ben")
        expect(body.get_by_role("link")).to_have_attribute("rel", re.compile("noopener"))
        expect(body.locator(".language")).to_have_text("python")
        expect(body.get_by_role("group", name="Code")).to_have_attribute("tabindex", "0")
        scroller = tab.page.locator("#scroller")
        assert scroller.evaluate("one => one.scrollWidth <= one.clientWidth"), "code widens the page"
        below = "one => one.scrollHeight - one.scrollTop - one.clientHeight"
        assert scroller.evaluate(below) <= 1, "not at the bottom any more"
        code = body.locator("pre").element_handle()
        code.evaluate("one => { one.scrollLeft = 40 }")
        react = ana.request.post(f"/api/rooms/den/messages/{message}/reactions", data={"body": "👍"})
        assert react.status == 201
        expect(row(tab, message).locator(".chip")).to_have_count(1)
        assert code.evaluate("one => one.isConnected && one.scrollLeft") == 40, "drawn again for nothing"
        answer(ana, "which of them?", message, "den")
        expect(tab.message("which of them?")).to_have_count(1)
        assert found_by_axe(tab.page) + small_targets(tab.page) == []
        ana.edit(message, "now *plain* @ben", "den")
        expect(body.locator("em")).to_have_text("plain")
        expect(body.locator(".mention.me")).to_have_text("@ben")
        expect(body.locator("pre")).to_have_count(0)


def test_an_answer_says_what_it_answers_and_leads_there(site: Site) -> None:
    with site.visitor("ana") as ana, site.visitor("ben") as ben, site.caller("ben") as caller:
        question = caller.post("who *brings*\nthe tea?", "attic")
        left, right = ana.room("attic"), ben.room("attic")
        row(left, question).hover()
        row(left, question).get_by_role("button", name="Reply: the message").click()
        strip = left.page.locator("#answering")
        expect(strip).to_contain_text("ben who brings the tea?")
        expect(left.page.locator("#text")).to_be_focused()
        left.page.fill("#text", "I do")
        left.page.reload()
        left.live()
        expect(strip).to_contain_text("ben who brings the tea?")
        left.page.press("#text", "Escape")
        expect(strip).to_contain_text("ben who brings the tea?")
        left.page.press("#text", "Enter")
        expect(strip).to_be_empty()
        for tab in (left, right):
            tab.sees("I do")
            expect(tab.message("I do").locator(".quoted")).to_contain_text("ben who brings the tea?")
        caller.edit(question, "who brings the **cake**?", "attic")
        quoted = right.message("I do").locator(".quoted")
        expect(quoted).to_contain_text("ben who brings the cake?")
        quoted.focus()
        right.page.keyboard.press("Enter")
        expect(row(right, question)).to_be_focused()
        caller.redact(question, "attic")
        for tab in (left, right):
            expect(tab.message("I do").locator(".quoted")).to_contain_text("Message removed")
            assert "cake" not in tab.page.content()


def test_an_answer_is_thought_better_of_by_keyboard_or_button(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as caller:
        question = caller.post("anybody?", "yard")
        tab = ana.room("yard")
        strip = tab.page.locator("#answering")
        more = row(tab, question).get_by_role("button", name="More: the message")
        for leave in ("Escape", "Enter"):
            more.focus()
            tab.page.keyboard.press("Enter")
            tab.page.get_by_role("dialog").get_by_role("button", name="Reply").focus()
            tab.page.keyboard.press("Enter")
            expect(strip).to_contain_text("ben anybody?")
            expect(tab.page.locator("#text")).to_be_focused()
            if leave == "Enter":
                strip.get_by_role("button", name="Do not reply").focus()
            tab.page.keyboard.press(leave)
            expect(strip).to_be_empty()
            expect(tab.page.locator("#text")).to_be_focused()
        tab.send("just so")
        tab.sees("just so")
        expect(tab.message("just so").locator(".quoted")).to_have_count(0)


def test_what_an_answer_far_from_its_question_answers_is_asked_for(site: Site) -> None:
    with site.visitor("ben") as ben, site.caller("ana") as ana:
        first = ana.post("where it *all* began", "long")
        for number in range(60):
            ana.post(f"line {number}", "long")
        answer(ana, "as said there", first, "long")
        tab = ben.room("long")
        quoted = tab.message("as said there").locator(".quoted")
        expect(quoted).to_contain_text("ana where it all began")
        expect(row(tab, first)).to_have_count(0)
        ana.edit(first, "where _nothing_ began", "long")
        expect(quoted).to_contain_text("ana where nothing began")
        quoted.click()
        expect(row(tab, first)).to_be_in_viewport()
        expect(row(tab, first)).to_be_focused()
