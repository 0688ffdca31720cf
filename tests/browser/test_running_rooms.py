"""Rooms that people run, in the browser: what one does there, the others see at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.site import A_NUMBER, Caller, RoomTab, Site

pytestmark = pytest.mark.browser

TRANSPORTS = ["websocket", "sse", "longpoll"]
CLOSED = ("Failed to load resource",)
"""What a browser says on the console where a poll is answered with a refusal."""


@pytest.fixture
def ana(site: Site) -> Iterator[Caller]:
    """Call the API as Ana, who owns the rooms of these tests."""
    with site.caller("ana") as caller:
        yield caller


def made(owner: Caller, name: str, **more: object) -> str:
    """Make a room and return its address."""
    answer = owner.request.post("/api/rooms", data={"name": name, **more})
    assert answer.status == 201, answer.text()
    return str(answer.json()["room"])


def change(owner: Caller, room: str, **fields: object) -> None:
    """Change what a room is."""
    answer = owner.request.patch(f"/api/rooms/{room}", data=fields)
    assert answer.status == 200, answer.text()


def press(row: Locator, name: str) -> None:
    """Press a button of a message."""
    row.hover()
    row.get_by_role("button", name=f"{name}: the message").click()


def choose(tab: RoomTab, row: Locator, name: str) -> Locator:
    """Choose from a message's menu and return the dialog that opens."""
    press(row, "More")
    tab.page.get_by_role("dialog").get_by_role("button", name=name).click()
    return tab.page.get_by_role("dialog")


def chip(tab: RoomTab, text: str, body: str) -> Locator:
    """Return the button that shows a reaction."""
    return tab.message(text).locator(".chip").filter(has_text=body)


def test_people_react_and_are_named(site: Site, ana: Caller) -> None:
    room = made(ana, "Reactions")
    with site.visitor("ana") as left_visitor, site.visitor("ben") as right_visitor:
        left, right = left_visitor.room(room), right_visitor.room(room, "longpoll")
        left.send("hello @ben, and (@ana)")
        right.sees("hello @ben, and (@ana)")
        text = "hello @ben, and (@ana)"
        expect(right.message(text)).to_have_class(re.compile(r"\bnamed\b"))
        expect(right.message(text).locator(".mention.me")).to_have_text("@ben")
        expect(right.message(text).locator(".mention:not(.me)")).to_have_text("@ana")
        press(right.message(text), "React")
        right.page.get_by_role("button", name="React with 🎉").click()
        for tab, pressed in ((left, "false"), (right, "true")):
            expect(chip(tab, text, "🎉")).to_have_attribute("aria-pressed", pressed)
            expect(chip(tab, text, "🎉")).to_have_accessible_name(re.compile("🎉: 1 reaction"))
        chip(left, text, "🎉").focus()
        left.page.keyboard.press("Enter")
        expect(chip(right, text, "🎉")).to_contain_text("2")
        expect(chip(left, text, "🎉")).to_have_attribute("aria-pressed", "true")
        expect(chip(left, text, "🎉")).to_be_focused()
        left.page.keyboard.press("Enter")
        expect(chip(right, text, "🎉")).to_contain_text("1")
        press(left.message(text), "React")
        left.page.get_by_label("Something else").fill("two words")
        left.page.keyboard.press("Enter")
        expect(left.page.get_by_role("alert").filter(has_text="without a space")).to_be_visible()
        left.page.get_by_label("Something else").fill("superb")
        left.page.keyboard.press("Enter")
        expect(chip(right, text, "superb")).to_contain_text("1")
        later = right_visitor.room(room)
        expect(later.message(text).locator(".chip")).to_have_text(["🎉1", "superb1"])


def test_a_menu_is_used_by_keyboard_and_gives_the_focus_back(site: Site, ana: Caller) -> None:
    room = made(ana, "Menus")
    ana.post("by keyboard", room)
    with site.visitor("ben") as ben:
        tab = ben.room(room)
        more = tab.message("by keyboard").get_by_role("button", name="More")
        more.focus()
        tab.page.keyboard.press("Enter")
        expect(tab.page.get_by_role("dialog").get_by_role("button").first).to_be_focused()
        expect(tab.page.get_by_role("dialog").get_by_role("button", name="Ban")).to_have_count(0)
        tab.page.keyboard.press("Escape")
        expect(tab.page.get_by_role("dialog")).to_have_count(0)
        expect(more).to_be_focused()


def test_what_becomes_of_a_room_shows_on_every_open_page(site: Site, ana: Caller) -> None:
    room = made(ana, "Before")
    with site.visitor("ben") as ben:
        tabs = [ben.room(room, transport) for transport in TRANSPORTS]
        change(ana, room, name="After", topic="of today")
        for tab in tabs:
            expect(tab.page.locator("#room-name")).to_have_text("After")
            expect(tab.page.locator("#topic")).to_have_text("of today")
            expect(tab.page).to_have_title(re.compile("^After · "))
            expect(tab.page.locator(".notice").last).to_contain_text("ana set the topic: of today")
        change(ana, room, read_only=True)
        for tab in tabs:
            expect(tab.page.get_by_text("Only moderators write here.")).to_be_visible()
            expect(tab.page.locator("#text")).to_be_hidden()
        change(ana, room, read_only=False, archived=True)
        for tab in tabs:
            expect(tab.page.get_by_text("This room is archived")).to_be_visible()
        change(ana, room, archived=False)
        for tab in tabs:
            expect(tab.page.locator("#text")).to_be_visible()
        tabs[0].send("open again")
        tabs[2].sees("open again")


def test_a_moderator_mutes_and_lets_write_again(site: Site, ana: Caller) -> None:
    room = made(ana, "Mutes")
    with site.visitor("ana") as owner, site.visitor("ben") as ben:
        left, right = owner.room(room), ben.room(room)
        right.send("very loud")
        left.sees("very loud")
        right.page.fill("#text", "half a sentence")
        dialog = choose(left, left.message("very loud"), "Mute ben")
        dialog.get_by_label("Minutes").fill("30")
        dialog.get_by_role("button", name="Mute").click()
        expect(left.page.get_by_text("ben is muted.")).to_be_visible()
        expect(right.page.get_by_text("A moderator has muted you until")).to_be_visible()
        expect(right.page.locator("#text")).to_be_hidden()
        expect(right.page.locator(".notice").last).to_contain_text("ana muted ben until")
        expect(right.message("very loud").get_by_role("button", name="React: ")).to_have_count(0)
        people = owner.open(f"/rooms/{room}/people/")
        people.get_by_role("button", name="Lift the mute: ben").click()
        expect(people.get_by_text("The mute is lifted.")).to_be_visible()
        expect(right.page.locator("#text")).to_have_value("half a sentence")
        expect(right.page.locator("#text")).to_be_visible()


def test_somebody_banned_sees_it_at_once_and_nothing_after(site: Site, ana: Caller) -> None:
    room = made(ana, "Bans")
    with site.visitor("ana") as owner, site.visitor("ben") as ben:
        ben.bearable = CLOSED
        left, tabs = owner.room(room), [ben.room(room, transport) for transport in TRANSPORTS]
        tabs[0].send("unbearable")
        left.sees("unbearable")
        dialog = choose(left, left.message("unbearable"), "Ban ben")
        dialog.get_by_label("Reason").fill("enough")
        dialog.get_by_role("button", name="Ban").click()
        expect(left.page.locator(".notice").last).to_contain_text("ana banned ben")
        ana.post("said after", room)
        for tab in tabs:
            expect(tab.page.get_by_text("You can no longer read this room.")).to_be_visible()
            expect(tab.page.locator("#composer button:enabled")).to_have_count(0)
        left.sees("said after")
        for tab in tabs:
            assert "said after" not in tab.page.content()
        expect(ben.open(f"/rooms/{room}/").get_by_text("You are banned from it.")).to_be_visible()


def test_slow_mode_keeps_what_is_too_soon_and_sends_it_in_turn(site: Site, ana: Caller) -> None:
    room = made(ana, "Slowly")
    change(ana, room, slow_mode=2)
    with site.visitor("ben") as ben:
        tab = ben.room(room)
        expect(tab.page.locator("#slow-mode")).to_contain_text("one message every 2 seconds")
        tab.send("first")
        tab.send("second")
        expect(tab.message("second").locator(".note")).to_contain_text("Kept, and sent soon after")
        tab.sees("first", "second")
        assert ana.bodies(room) == ["first", "second"]


def test_a_report_is_settled_by_who_moderates_the_room(site: Site, ana: Caller) -> None:
    room = made(ana, "Reports")
    with site.visitor("ana") as owner, site.visitor("ben") as ben, site.caller("mod") as mod:
        mod.post("a bad joke", room)
        tab = ben.room(room)
        dialog = choose(tab, tab.message("a bad joke"), "Report")
        dialog.get_by_label("What is wrong with it?").fill("not funny")
        dialog.get_by_role("button", name="Report").click()
        expect(tab.page.get_by_text("The moderators are told.")).to_be_visible()
        page = owner.open("/")
        page.get_by_role("link", name="Reports wait").click()
        report = page.get_by_role("article").filter(has_text="not funny")
        expect(report).to_contain_text("a bad joke")
        report.get_by_label("Reason").fill("agreed")
        report.get_by_role("button", name="Remove the message").click()
        expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
        expect(tab.message("a bad joke")).to_have_count(0)
        expect(tab.settled.last.locator(".note")).to_have_text("agreed")


def test_all_of_one_author_goes_at_once(site: Site, ana: Caller) -> None:
    room = made(ana, "Spam")
    with site.visitor("ana") as owner, site.caller("ben") as ben:
        for number in range(3):
            ben.post(f"buy {number}", room)
        ana.post("stays", room)
        tab = owner.room(room)
        tab.sees("buy 2")
        dialog = choose(tab, tab.message("buy 1"), "Remove all that ben said")
        dialog.get_by_role("button", name="Remove all").click()
        expect(tab.page.locator(".message.removed")).to_have_count(3)
        tab.sees("stays")


def test_an_invitation_makes_an_account_although_sign_up_is_closed(site: Site, ana: Caller) -> None:
    room = made(ana, "Invited", private=True)
    with site.visitor("ana") as owner, site.visitor(None) as stranger, site.visitor(None) as late:
        page = owner.open(f"/rooms/{room}/invitations/")
        page.get_by_role("button", name="Make the link").click()
        link = page.locator(".account-token code").inner_text()
        tab = owner.room(room)
        guest = stranger.open(link)
        expect(guest.get_by_role("heading", name="You are invited to Invited")).to_be_visible()
        guest.get_by_role("link", name="Make an account").click()
        guest.fill("[name=username]", "newcomer")
        guest.fill("[name=password1]", "a long passphrase")
        guest.fill("[name=password2]", "a long passphrase")
        guest.get_by_role("button", name="Make the account and come in").click()
        expect(guest.get_by_role("heading", name="Invited")).to_be_visible()
        RoomTab(guest).live()
        RoomTab(guest).send("glad to be here")
        tab.sees("glad to be here")
        expect(tab.page.locator(".notice").last).to_contain_text("newcomer joined")
        late.bearable = CLOSED
        expect(late.open(link).get_by_text("This invitation is not good any more")).to_be_visible()


def test_the_list_counts_what_is_unread_until_it_is_seen(site: Site, ana: Caller) -> None:
    room = made(ana, "Unread")
    with site.visitor("ben") as ben:
        ben.room(room).page.close()  # a first visit: from here on it counts
        ana.post("one", room)
        first = ben.room(room)
        first.sees("one")
        expect(first.page.locator(".unread")).to_have_count(0)
        item = ben.open("/").get_by_role("link", name="Unread")
        first.page.close()
        ana.post("two", room)
        ana.post("three, @ben", room)
        item.page.reload()
        expect(item).to_contain_text("2 unread.")
        expect(item).to_contain_text("You are named once.")
        tab = ben.room(room)
        expect(tab.page.locator(".unread + .message .body")).to_have_text("two")
        for _again in range(30):  # told at most once a second
            item.page.reload()
            if "unread" not in item.inner_text():
                break
        expect(item).not_to_contain_text("2 unread.")
        tab.page.get_by_label("About this room").click()
        tab.page.get_by_role("button", name="Tell me of nothing here").click()
        expect(tab.page.get_by_text("You are told of nothing here.")).to_be_visible()
        item.page.reload()
        expect(item).to_contain_text("muted")


def test_a_link_leads_to_a_message_that_is_far_up(site: Site, ana: Caller) -> None:
    room = made(ana, "Links")
    sought = ana.post("here it is", room)
    for number in range(70):
        ana.post(f"below {number}", room)
    with site.visitor("ben") as ben:
        tab = RoomTab(ben.open(f"/rooms/{room}/#m{sought}"))
        expect(tab.message("here it is")).to_be_in_viewport()
        expect(tab.message("here it is")).to_have_attribute("data-id", A_NUMBER)
        expect(tab.message("here it is")).to_be_focused()


def test_a_search_leads_to_its_hit_and_tells_its_time_as_the_room_does(site: Site, ana: Caller) -> None:
    room = made(ana, "Searched")
    ana.post("a needle among straws", room)
    for number in range(70):
        ana.post(f"straw {number}", room)
    with site.visitor(
        "ben", timezone_id="Pacific/Chatham"
    ) as ben:  # three quarters of an hour from all others
        page = ben.open("/search/?q=needle")
        time = page.locator(".hits time")
        expect(time).to_have_attribute("title", re.compile(r"\d"))
        told = time.inner_text()
        page.get_by_role("link", name="a needle among straws").click()
        hit = RoomTab(page).message("a needle among straws")
        expect(hit).to_be_in_viewport()
        expect(hit).to_be_focused()
        expect(hit.locator(".head time")).to_have_text(told)
