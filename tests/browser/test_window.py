"""A room of 100,000 messages: the page holds a bounded piece of it, wherever one reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import RoomTab, Site, Visitor

pytestmark = pytest.mark.browser

COUNT = 100_000
MOST_ROWS = 640
"""Six hundred messages, and the lines between days."""

NEW = re.compile(r"^\d+ new, jump down$")

SCROLL = """async ([step, frames]) => {
    const scroller = document.getElementById("scroller");
    const list = document.getElementById("messages");
    const frame = () => new Promise(requestAnimationFrame);
    const seen = new Set();
    let [rows, jump, gaps, lines] = [0, 0, 0, 0];
    for (let turn = 0; turn < frames; turn += 1) {
        const box = scroller.getBoundingClientRect();
        const row = document.elementFromPoint(box.left + 200, box.top + box.height / 2)?.closest("[data-id]");
        const [before, from] = [row?.getBoundingClientRect().top ?? 0, scroller.scrollTop];
        scroller.scrollTop += step;
        const moved = scroller.scrollTop - from;
        await frame();
        await frame();
        const after = row?.isConnected ? row.getBoundingClientRect().top : before - moved;
        // Whoever comes close to the end is taken there.
        const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 1;
        if (!atEnd) jump = Math.max(jump, Math.abs(after - before + moved));
        const ids = [...list.querySelectorAll("[data-id]")].map(({ dataset }) => Number(dataset.id));
        gaps += ids.filter((id, at) => at > 0 && id !== ids[at - 1] + 1).length;
        for (const id of ids) seen.add(id);
        rows = Math.max(rows, list.children.length);
        const days = [...list.querySelectorAll(".day")].map(({ textContent }) => textContent);
        lines = Math.max(lines, days.length - new Set(days).size);
    }
    return { rows, jump, gaps, lines, first: Math.min(...seen), last: Math.max(...seen), seen: seen.size };
}"""
"""Scroll by so many pixels a turn; tell the most rows there were, and how far what was in sight jumped."""

SETTLED = ".message[data-id]"
IDS = "all => all.map(({ dataset }) => Number(dataset.id))"

WATCH = """() => {
    const log = document.getElementById("log");
    window.announced = [];
    new MutationObserver((changes) => {
        if (log.getAttribute("aria-live") === "off") return;
        const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
        window.announced.push(...added.map(({ textContent }) => textContent));
    }).observe(document.getElementById("messages"), { childList: true });
}"""


RESTORED = """new MutationObserver(() => {
    const carried = document.getElementById("first-messages");
    const old = %s;
    if (carried && carried.textContent !== old) carried.textContent = old;
}).observe(document, { childList: true, subtree: true });"""
"""Have a page begin as it was once."""


@dataclass
class Saga:
    """The long room: what was said first has this id, and every id after it is there."""

    site: Site
    first: int

    def arriving(self, visitor: Visitor, message: int) -> RoomTab:
        """Open the room at a message, counted from the first."""
        return RoomTab(visitor.open(f"/rooms/long/#m{self.first + message}"))


@pytest.fixture(scope="module")
def saga(site: Site) -> Saga:
    """Let a room be long."""
    return Saga(site, int(site.program("-m", "tests.browser.people", "fill", "long", str(COUNT))))


@pytest.fixture
def ana(site: Site) -> Iterator[Visitor]:
    """Open Ana's browser."""
    with site.visitor("ana", viewport={"width": 1000, "height": 700}) as visitor:
        yield visitor


def reads(page: Page) -> list[str]:
    """Return a list that fills with what a page reads of the log."""
    asked: list[str] = []

    def noted(request: Any) -> None:
        if request.method == "GET" and "/messages" in request.url:
            asked.append(request.url.partition("/messages")[2])

    page.on("request", noted)
    return asked


def test_one_scrolls_up_and_down_in_a_bounded_page_without_a_jump_or_a_gap(saga: Saga, ana: Visitor) -> None:
    tab = ana.room("long")
    up = tab.page.evaluate(SCROLL, [-500, 80])
    assert up["rows"] <= MOST_ROWS
    assert up["jump"] < 1
    assert (up["gaps"], up["lines"]) == (0, 0)
    assert up["last"] == saga.first + COUNT - 1
    assert up["seen"] == up["last"] - up["first"] + 1 > 700
    expect(tab.settled.last).not_to_have_attribute("data-id", str(up["last"]))
    down = tab.page.evaluate(SCROLL, [500, 100])
    assert down["rows"] <= MOST_ROWS
    assert down["jump"] < 1
    assert (down["gaps"], down["lines"]) == (0, 0)
    assert down["last"] == up["last"]
    expect(tab.page.locator("#jump")).to_be_hidden()
    tab.send("at the end again")
    tab.sees("at the end again")
    expect(tab.message("at the end again")).to_be_in_viewport()


def test_a_link_is_laid_around_its_message_by_two_questions(saga: Saga, ana: Visitor) -> None:
    page = ana.open("/")
    asked = reads(page)
    page.goto(f"/rooms/long/#m{saga.first + 50_000}")
    tab = RoomTab(page)
    sought = page.locator(".message.sought")
    expect(sought).to_have_attribute("data-id", str(saga.first + 50_000))
    expect(sought).to_be_focused()
    expect(sought).to_be_in_viewport(ratio=1)
    assert len(asked) == 2, asked
    expect(page.locator("#jump")).to_have_text("Jump down")
    page.evaluate("id => { location.hash = `#m${id}` }", saga.first)
    expect(sought).to_have_attribute("data-id", str(saga.first))
    expect(page.get_by_text("This is where the conversation begins.")).to_be_in_viewport()
    page.evaluate("location.hash = '#m99999999'")
    expect(page.get_by_text("That message is not here")).to_be_visible()
    expect(sought).to_have_attribute("data-id", str(saga.first))
    page.get_by_role("button", name="Jump down").click()
    expect(page.locator("#jump")).to_be_hidden()
    tab.sees(f"line {COUNT - 1}")
    expect(page).to_have_url(re.compile(r"/rooms/long/$"))
    page.go_back()
    page.go_forward()
    tab.live()


def test_a_link_to_what_was_said_elsewhere_says_so_and_shows_the_newest(saga: Saga, ana: Visitor) -> None:
    with saga.site.caller("ben") as ben:
        elsewhere = ben.post("in the den", "den")
        ben.post("after that", "long")
    tab = RoomTab(ana.open(f"/rooms/long/#m{elsewhere}"))
    expect(tab.page.get_by_text("That message is not here")).to_be_visible()
    tab.live()
    expect(tab.settled.last).to_be_in_viewport()


def test_what_is_said_while_one_reads_the_past_is_counted_and_neither_shown_nor_announced(
    saga: Saga, ana: Visitor
) -> None:
    with saga.site.caller("ben") as ben, saga.site.caller("ana") as own:
        tab = saga.arriving(ana, COUNT - 300)
        tab.live()
        sought = tab.page.locator(".sought")
        expect(sought).to_be_focused()
        tab.page.evaluate(WATCH)
        new = [ben.post(f"new {number}", "long") for number in range(3)]
        own.post("one's own", "long")
        jump = tab.page.get_by_role("button", name=NEW)
        expect(jump).to_have_text("3 new, jump down")
        expect(tab.page.locator(f"[data-id='{new[0]}']")).to_have_count(0)
        ben.edit(saga.first + COUNT - 300, "as it is now", "long")
        expect(sought.locator(".body")).to_have_text("as it is now")
        down = tab.page.evaluate(SCROLL, [600, 60])
        assert (down["jump"] < 1, down["rows"] <= MOST_ROWS) == (True, True)
        newest = ben.request.get("/api/rooms/long/messages?limit=200").json()["messages"]
        ids = [row["id"] for row in newest if row["kind"] == "message"]
        assert tab.page.locator(SETTLED).evaluate_all(IDS)[-len(ids) :] == ids
        expect(tab.message("new 2")).to_be_in_viewport()
        expect(jump).to_be_hidden()
        assert tab.page.evaluate("window.announced") == []
        ben.post("is announced", "long")
        tab.sees("is announced")
        assert ["is announced" in one for one in tab.page.evaluate("window.announced")] == [True]


def test_writing_in_the_past_leads_to_the_newest(saga: Saga, ana: Visitor) -> None:
    tab = saga.arriving(ana, 20_000)
    tab.live()
    expect(tab.page.locator(".sought")).to_be_focused()
    tab.send("back in the present")
    tab.sees("back in the present")
    expect(tab.message("back in the present")).to_be_in_viewport()
    tab.sees(f"line {COUNT - 1}")
    expect(tab.page.locator(".sought")).to_have_count(0)


def test_what_is_read_stays_where_it_is_whatever_grows_or_shrinks(saga: Saga, ana: Visitor) -> None:
    tab = ana.room("long")
    grow = """([from, to]) => {
        for (const one of [...document.querySelectorAll(".message")].slice(from, to)) {
            one.append(Object.assign(document.createElement("div"), { style: "height: 150px" }));
        }
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())));
    }"""
    tab.page.evaluate(grow, [-5, 1_000])
    expect(tab.settled.last).to_be_in_viewport(ratio=1)
    tab.page.set_viewport_size({"width": 1000, "height": 450})
    expect(tab.settled.last).to_be_in_viewport(ratio=1)
    tab.page.set_viewport_size({"width": 1000, "height": 700})
    tab.page.evaluate(SCROLL, [-500, 6])
    box = tab.page.locator("#scroller").bounding_box()
    assert box
    middle = tab.page.evaluate_handle(
        "([x, y]) => document.elementFromPoint(x, y).closest('.message')", [box["x"] + 300, box["y"] + 90]
    )
    top = "row => row.getBoundingClientRect().top"
    before = middle.evaluate(top)
    tab.page.evaluate(grow, [0, 10])
    assert abs(middle.evaluate(top) - before) < 1
    tab.page.set_viewport_size({"width": 1000, "height": 450})
    assert abs(middle.evaluate(top) - before) < 1


def test_the_first_messages_come_with_the_page_and_an_old_page_goes_on_from_there(
    site: Site, ana: Visitor
) -> None:
    with site.caller("ben") as ben:
        ben.post("of old", "den")
        page = ana.open("/")
        asked = reads(page)
        page.goto("/rooms/den/")
        tab = RoomTab(page)
        tab.sees("of old")
        tab.live()
        assert asked == []
        carried = page.locator("#first-messages").text_content() or ""
        ben.post("since then", "den")
        tab.sees("of old", "since then")
        for old in (carried, re.sub(r'"epoch": "[^"]*"', '"epoch": "of-yore"', carried)):
            later = ana.context.new_page()
            later.add_init_script(RESTORED % json.dumps(old))
            later.goto("/rooms/den/")
            RoomTab(later).live()
            RoomTab(later).sees("of old", "since then")
            assert later.locator("#first-messages").text_content() == old


def test_the_unread_line_is_where_reading_ended_however_far_up(site: Site) -> None:
    with site.visitor("mod") as mod, site.caller("ben") as ben:
        ben.post("read", "yard")
        with site.caller("mod") as caller:
            caller.request.put("/api/rooms/yard/read", data={"id": ben.log("yard")[0]["id"]})
        for number in range(70):
            ben.post(f"unread {number}", "yard")
        page = mod.open("/rooms/yard/")
        RoomTab(page).sees("unread 69")
        page.evaluate(SCROLL, [-300, 12])
        expect(page.locator(".unread")).to_have_count(1)
        expect(page.locator(".unread + .message .body")).to_have_text("unread 0")
