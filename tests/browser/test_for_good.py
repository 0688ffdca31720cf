"""What is for good is asked about first; what is shown once can be copied."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.site import Site
from tests.browser.test_room_lists import made

pytestmark = pytest.mark.browser


def answering(page: Page, *, yes: bool) -> list[str]:
    """Answer the next question so, and return what was asked, once it is."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if yes:
            dialog.accept()
        else:
            dialog.dismiss()

    page.once("dialog", answer)
    return asked


def test_a_private_room_is_not_left_by_a_slip(site: Site) -> None:
    with site.caller("ana") as ana, site.visitor("ben") as ben:
        room = made(ana, "Our cellar", private=True)
        page = ben.open(f"/rooms/{room}/people/")
        leave = page.get_by_role("button", name="Leave the room")
        asked = answering(page, yes=False)
        leave.click()
        assert asked == ["Leave this room? Only an invitation leads back in."]
        page.reload()
        answering(page, yes=True)
        leave.click()
        expect(page.get_by_text("You have left the room.")).to_be_visible()


def test_a_public_one_is_left_at_once(site: Site) -> None:
    with site.caller("ana") as ana, site.visitor("ben") as ben:
        page = ben.open(f"/rooms/{made(ana, 'Our porch')}/people/")
        page.get_by_role("button", name="Leave the room").click()
        expect(page.get_by_text("You have left the room.")).to_be_visible()


def test_a_token_is_copied_by_a_button_and_not_revoked_by_a_slip(site: Site) -> None:
    with site.visitor("ana") as ana:
        ana.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = ana.open("/accounts/tokens/")
        page.fill("[name=name]", "a script")
        page.get_by_role("button", name="Make the token").click()
        page.get_by_role("button", name="Copy", exact=True).click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        token = page.locator(".account-token code").first.inner_text()
        assert page.evaluate("navigator.clipboard.readText()") == token
        revoke = page.get_by_role("button", name="Revoke a script")
        asked = answering(page, yes=False)
        revoke.click()
        assert len(asked) == 1
        answering(page, yes=True)
        revoke.click()
        expect(revoke).to_have_count(0)
