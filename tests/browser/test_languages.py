"""The chat in Arabic: from right to left, with nothing left in English."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import NAMES, ROOMS
from tests.browser.site import Site, Visitor

pytestmark = pytest.mark.browser

ARABIC = re.compile("[\u0600-\u06ff]")
OWN_WORDS = """names => {
    const found = [];
    const look = (text, element) => {
        const own = names.reduce((left, name) => left.replaceAll(name, ""), text);
        const theirs = element.closest("script, style, kbd, code, bdi, [dir=auto], [lang=en]");
        if (/[A-Za-z]{3,}/.test(own) && !theirs && element.checkVisibility()) found.push(text.trim());
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) look(texts.currentNode.data, texts.currentNode.parentElement);
    for (const one of document.querySelectorAll("*"))
        for (const name of ["aria-label", "title", "alt", "placeholder"])
            if (one.hasAttribute(name)) look(one.getAttribute(name), one);
    look(document.title, document.body);
    return found;
}"""
"""Returns what a page says with Latin letters of its own accord: not names, not what people wrote."""


def in_arabic(visitor: Visitor) -> None:
    """Choose Arabic, as the menu does."""
    [here] = visitor.context.cookies()[:1]
    visitor.context.add_cookies(
        [{"name": "django_language", "value": "ar", "domain": str(here.get("domain")), "path": "/"}]
    )


def is_arabic(page: Page) -> None:
    """See that a page is in Arabic, from right to left, and says nothing in English."""
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    names = sorted([*ROOMS.values(), "Lobby", *NAMES, "test", "websocket"], key=len, reverse=True)
    assert page.evaluate(OWN_WORDS, names) == []


def test_a_guest_reads_in_the_language_of_their_browser_and_chooses_another(site: Site) -> None:
    with site.visitor(None, locale="ar-EG") as guest:
        page = guest.open("/rooms/open/")
        expect(page.locator("#connection")).to_have_attribute("data-state", "open")
        is_arabic(page)
        page.locator("header.site summary").click()
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page).to_have_url(re.compile("/rooms/open/$"))
        expect(page.get_by_role("link", name="Log in", exact=True)).to_be_visible()


def test_a_room_its_menus_and_its_dialogs_are_in_arabic(site: Site) -> None:
    with site.visitor("mod", own_session=True, locale="en-GB") as mod:
        tab = mod.room("den")
        tab.send("Said in English")
        tab.sees("Said in English")
        page = tab.page
        page.locator("header.site summary").click()
        page.get_by_role("button", name="العربيّة").click()
        tab.live()
        tab.sees("Said in English")
        is_arabic(page)
        expect(page.locator(".day").first).to_have_text(ARABIC)
        exact = page.locator(".message .head time").last
        expect(exact).to_have_attribute("title", ARABIC)
        expect(exact).not_to_have_attribute("title", re.compile("[\u0660-\u0669]"))
        for menu in page.locator("details.menu").all():
            menu.locator("summary").click()
            is_arabic(page)
            menu.locator("summary").click()
        tab.message("Said in English").hover()
        tab.message("Said in English").locator(".acts button").last.click()
        is_arabic(page)


def refusal(status: int, code: str, detail: str) -> dict[str, Any]:
    """Return what the API answers."""
    headers = {"Content-Type": "application/problem+json", "Retry-After": "3"}
    return {"status": status, "headers": headers, "body": json.dumps({"code": code, "detail": detail})}


def test_what_the_server_refuses_is_told_in_arabic(site: Site) -> None:
    refusals = [
        refusal(404, "not_found", "There is no such message."),  # is translated
        refusal(429, "rate_limited", "Something new."),  # is told by its code
    ]
    with site.visitor("ana", locale="en-GB") as ana, site.caller("ben") as ben:
        in_arabic(ana)
        ana.bearable = ("404", "429")
        ben.post("To be reported", "yard")
        tab = ana.room("yard")
        left = iter(refusals)
        tab.page.route("**/reports", lambda route: route.fulfill(**next(left)))
        for _refusal in refusals:
            tab.message("To be reported").hover()
            tab.message("To be reported").locator(".acts button").last.click()
            tab.page.get_by_role("button", name="إبلاغ المشرفين…").click()
            tab.page.locator("dialog button[type=submit]").click()
            expect(tab.page.locator("dialog .complaint")).to_have_text(ARABIC)
            is_arabic(tab.page)
            tab.page.keyboard.press("Escape")


def test_pages_are_in_arabic(site: Site) -> None:
    with site.visitor("ana", locale="en-GB") as ana:
        in_arabic(ana)
        for path in ("/", "/rooms/new/", "/rooms/den/people/", "/search/?q=%22", "/accounts/tokens/"):
            page = ana.open(path)
            is_arabic(page)
            page.close()
