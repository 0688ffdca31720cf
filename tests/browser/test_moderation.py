"""What is redacted in the admin is gone from every page, those that are open and those that come later."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site

pytestmark = pytest.mark.browser

TRANSPORTS = ["websocket", "sse", "longpoll"]
ONE_SECOND_MS = 1000


def test_a_redaction_in_the_admin_vanishes_from_every_open_page_within_a_second(site: Site) -> None:
    with site.visitor("mod") as mod, site.visitor("ben") as ben, site.caller("ana") as ana:
        message = ana.post("a slip of the pen", "yard")
        tabs = [ben.room("yard", transport) for transport in TRANSPORTS]
        for tab in tabs:
            tab.sees("a slip of the pen")
        form = mod.open(f"/admin/rooms/message/{message}/redact/")
        form.fill("[name=reason]", "a wrong window")
        with form.expect_response(lambda answer: answer.request.method == "POST") as answered:
            form.click("main [type=submit]")
        assert answered.value.status == 302
        until_s = time.monotonic() + ONE_SECOND_MS / 1000
        for tab in tabs:
            left_ms = max(1.0, (until_s - time.monotonic()) * 1000)
            expect(tab.message("a slip of the pen")).to_have_count(0, timeout=left_ms)
        for transport in TRANSPORTS:
            later = ben.room("yard", transport)
            expect(later.settled.last.locator(".note")).to_have_text("a wrong window")
            assert "a slip of the pen" not in later.page.content()
