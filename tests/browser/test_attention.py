"""Who is here, who types, and what calls somebody back to a room."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.audit import found_by_axe
from tests.browser.site import RoomTab, Site, Visitor

pytestmark = pytest.mark.browser

NEWS_ICON = re.compile(r"/rooms/icon-news\.svg$")
RECORDED = """
window.shown = [];
window.looked = true;
window.look = (looked) => {
    window.looked = looked;
    document.dispatchEvent(new Event("visibilitychange"));
};
document.hasFocus = () => window.looked;
Object.defineProperty(document, "hidden", { get: () => !window.looked });
Object.defineProperty(document, "visibilityState", { get: () => window.looked ? "visible" : "hidden" });
window.WebSocket = class extends WebSocket {
    constructor(...how) {
        super(...how);
        this.addEventListener("message", ({ data }) => {
            if (data.includes('"overhearing"')) document.documentElement.dataset.overhears = "yes";
        });
    }
};
window.Notification = class {
    static get permission() { return localStorage.getItem("permission") ?? "default"; }
    static async requestPermission() {
        localStorage.setItem("permission", localStorage.getItem("answer"));
        return Notification.permission;
    }
    constructor(title, options) {
        Object.assign(this, options, { title, closed: false });
        window.shown.push(this);
        this.count();
    }
    close() {
        this.closed = true;
        this.count();
    }
    count() {
        document.documentElement.dataset.shown = shown.map(({ closed }) => closed ? "closed" : "open").join();
    }
};
"""
"""A browser in which a test says what is looked at, and which writes down its notifications."""


def recording(visitor: Visitor, answer: str) -> None:
    """Have a browser answer whoever asks whether they may notify, and write down what they do."""
    visitor.context.add_init_script(f"localStorage.setItem('answer', '{answer}');{RECORDED}")


def shown(tab: RoomTab) -> list[dict[str, Any]]:
    """Return the notifications that a tab has shown, the first first."""
    found: list[dict[str, Any]] = tab.page.evaluate(
        "shown.map(({ title, body, tag, closed }) => ({ title, body, tag, closed }))"
    )
    return found


def look(tab: RoomTab, *, at: bool) -> None:
    """Look at a tab, or away from it."""
    tab.page.evaluate("at => look(at)", at)


def shows(tab: RoomTab, states: str) -> None:
    """Wait until a tab has shown so many notifications, which are in these states."""
    expect(tab.page.locator("html")).to_have_attribute("data-shown", states)


def ask_for(tab: RoomTab, own: str, other: str) -> None:
    """Choose in the room's menu of what to be notified."""
    tab.page.get_by_label("About this room").click()
    tab.page.get_by_role("button", name="Notifications").click()
    tab.page.locator("[name=own]").select_option(own)
    tab.page.locator("[name=other]").select_option(other)
    tab.page.get_by_role("button", name="Save").click()


def test_who_is_here_and_who_types_is_shown_as_it_changes(site: Site) -> None:
    with site.visitor("ana") as ana, site.visitor("ben") as ben:
        left = ana.room()
        here = left.page.locator("#here")
        expect(here.locator("summary")).to_have_text("1 here")
        right = ben.room()
        expect(here.locator("summary")).to_have_text("2 here")
        here.locator("summary").press("Enter")
        expect(here.locator("li")).to_have_text(["ana (you)", "ben"])
        assert found_by_axe(left.page) == []
        left.page.keyboard.press("Tab")
        expect(left.page.get_by_role("button", name="Talk to ben")).to_be_focused()
        left.page.keyboard.press("Escape")
        expect(here.locator("li").first).to_be_hidden()
        expect(here.locator("summary")).to_be_focused()

        line = left.page.locator("#typing")
        top = left.page.locator("#composer").bounding_box()
        right.page.locator("#text").press_sequentially("so ")
        expect(line).to_have_text("ben is typing…")
        assert left.page.locator("#composer").bounding_box() == top
        expect(right.page.locator("#typing")).to_have_text("")
        right.send("so it is")
        left.sees("so it is")
        expect(line).to_have_text("")

        # A second tab of the same browser has the list without the server's telling it again.
        again = ana.room()
        expect(again.page.locator("#here summary")).to_have_text("2 here")
        again.page.locator("#here summary").click()
        again.page.get_by_role("button", name="Talk to ben").click()
        expect(again.page.get_by_role("heading", name="ben")).to_be_visible()
        right.page.close()
        expect(here.locator("summary")).to_have_text("1 here")


def test_a_guest_sees_who_is_here_and_a_stream_shows_nobody(site: Site) -> None:
    with site.visitor("ben") as ben, site.visitor(None) as guest, site.visitor("ana") as ana:
        ben.room("open")
        tab = guest.room("open")
        tab.page.locator("#here summary").click()
        expect(tab.page.locator("#here li")).to_have_text(["ben"])
        expect(tab.page.locator("#here button")).to_have_count(0)
        expect(ana.room("open", "sse").page.locator("#here")).to_be_hidden()


def test_news_shows_one_notification_for_all_tabs_until_it_is_read(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        recording(ana, "granted")
        ben.post("how it began", "attic")
        first, second, den = ana.room("attic"), ana.room("attic"), ana.room("den")
        first.sees("how it began")  # whoever has read nothing has nothing unread
        ask_for(first, "all", "named")
        expect(first.page.get_by_role("dialog")).to_have_count(0)
        for tab in (first, second, den):
            look(tab, at=False)

        ben.post("passed over in the den: it names nobody", "den")
        ben.post("**hello** `there`", "attic")
        shows(second, "open")
        news = {"title": "ben in The attic", "body": "hello there", "tag": "chat:attic", "closed": False}
        assert shown(second) == [news]
        expect(first.page).to_have_title("• The attic · Chat")

        named = ben.post("come here, @ana", "den")
        shows(den, "open")
        expect(first.page).to_have_title("(1) The attic · Chat")
        expect(first.page.locator("link[rel=icon]")).to_have_attribute("href", NEWS_ICON)

        last = ben.post("again", "attic")
        shows(second, "open,open")
        assert shown(second)[1]["title"] == "ben in The attic (2)"
        assert [len(shown(tab)) for tab in (first, second, den)] == [0, 2, 1]

        # Read in another tab, it is gone everywhere.
        look(first, at=True)
        shows(second, "open,closed")
        expect(first.page).to_have_title("The attic · Chat")
        expect(second.page).to_have_title("(1) The attic · Chat")
        assert not shown(den)[0]["closed"]

        # What is looked at needs no notification; a click on one leads to its message.
        ben.post("seen at once", "attic")
        first.sees("seen at once")
        look(den, at=True)
        den.page.evaluate("shown[0].onclick()")
        expect(den.page.locator(f"[data-id='{named}'].sought")).to_be_visible()
        assert last > 0
        assert [len(shown(tab)) for tab in (first, second, den)] == [0, 2, 1]


def test_a_browser_that_refuses_is_told_of_where_it_was_asked(site: Site) -> None:
    with site.visitor("ana") as ana:
        recording(ana, "denied")
        tab = ana.room("den")
        assert tab.page.evaluate("Notification.permission") == "default"
        ask_for(tab, "all", "named")
        expect(tab.page.get_by_role("alert")).to_contain_text("does not let this site notify you")
        expect(tab.page.get_by_role("dialog")).to_be_visible()
        assert found_by_axe(tab.page) == []
        # Whoever wants nothing needs no permission.
        tab.page.locator("[name=own]").select_option("none")
        tab.page.locator("[name=other]").select_option("none")
        tab.page.get_by_role("button", name="Save").click()
        expect(tab.page.get_by_role("dialog")).to_have_count(0)


def test_a_message_to_one_alone_is_told_though_no_tab_shows_its_room(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ana") as caller, site.caller("ben") as ben:
        me = caller.request.get("/api/rooms").json()["user"]["id"]
        two = ben.request.post("/api/direct", data={"user": me}).json()["room"]
        recording(ana, "granted")
        page = ana.open("/")
        expect(page.get_by_role("link", name="ben")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("data-overhears", "yes")
        page.evaluate("localStorage.setItem('permission', 'granted'); look(false)")
        psst = ben.post("psst", two)
        expect(page).to_have_title("(1) Rooms · Chat")
        shows(RoomTab(page), "open")
        assert shown(RoomTab(page))[0]["title"] == "ben"
        with ana.context.expect_page() as opened:
            page.evaluate("shown[0].onclick()")
        sought = opened.value.locator(f"[data-id='{psst}'].sought")
        expect(sought).to_be_visible()
        # All of the room is in sight, so that is read now.
        expect(page).not_to_have_title(re.compile(r"^\("))


def test_what_one_is_told_nothing_of_makes_no_notification(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        recording(ana, "granted")
        yard, den = ana.room("yard"), ana.room("den")
        ask_for(yard, "all", "named")
        yard.page.get_by_label("About this room").click()
        yard.page.get_by_role("button", name="Tell me of nothing here").click()
        expect(yard.page.get_by_text("You are told of nothing here.")).to_be_visible()
        for tab in (yard, den):
            look(tab, at=False)
        ben.post("nothing of this, @ana", "yard")
        ben.post("but of this, @ana", "den")
        shows(den, "open")
        assert shown(yard) == []
        expect(yard.page).to_have_title("(1) The yard · Chat")
