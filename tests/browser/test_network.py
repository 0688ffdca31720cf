"""The client on networks and servers that come and go, and in many tabs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.browser.badnetwork import BadNetwork, bad_network
from tests.browser.site import A_NUMBER, RoomTab, Site, Visitor
from tests.faults.proxy import Link

pytestmark = pytest.mark.browser

TRANSPORTS = ["websocket", "sse", "longpoll"]
CUT = ("WebSocket connection", "Failed to load resource", "could not be read", "ERR_", "without a part of it")
"""What is said on the console where the network fails: by the browser, and by a page that misses a part."""
LATER_S = 600
LONG_MS = 45_000
"""Longer than the longest wait between two attempts."""


def cut_off(visitor: Visitor) -> None:
    """Let nothing of the chat's through any more: pages and files still come."""
    visitor.bearable = CUT
    visitor.context.route("**/api/**", lambda route: route.abort())
    visitor.context.route_web_socket("**/ws", refuse)


def refuse(socket: WebSocketRoute) -> None:
    """Close a socket before it is greeted, as a browser sees a refused upgrade."""
    socket.close(code=4000)


def turn_away(socket: WebSocketRoute) -> None:
    """Close a socket as one that is too many, to come back no sooner than any test would wait."""
    told = {"type": "error", "code": "unavailable", "detail": "Come back later.", "retry_after": LATER_S}
    socket.send(json.dumps(told))
    socket.close(code=1013)


def through(socket: WebSocketRoute) -> None:
    """Let a socket through."""
    socket.connect_to_server()


def forbid(route: Route) -> None:
    """Refuse a send for good."""
    problem = {"title": "Forbidden", "status": 403, "code": "forbidden", "detail": "This room is read-only."}
    route.fulfill(status=403, content_type="application/problem+json", body=json.dumps(problem))


def abort(route: Route) -> None:
    """Let a request fail."""
    route.abort()


@contextmanager
def restored(site: Site) -> Iterator[None]:
    """Leave a running server behind, whatever a test does to it."""
    try:
        yield
    finally:
        if not site.chat.running:
            site.chat.start()


def test_what_waits_for_a_connection_can_be_taken_back(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        cut_off(ana)
        tab = ana.arriving("den")
        tab.send("on second thoughts")
        tab.message("on second thoughts").get_by_role("button", name="Discard").click()
        expect(tab.message("on second thoughts")).to_have_count(0)
        expect(tab.page.locator("#text")).to_have_value("on second thoughts")
        tab.page.fill("#text", "")
        ana.context.unroute_all()
        ana.context.route_web_socket("**/ws", through)
        tab.page.reload()
        tab.live()
        assert "on second thoughts" not in ben.bodies("den")


def test_where_no_websocket_gets_through_it_streams(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        ana.bearable = CUT
        ana.context.route_web_socket("**/ws", refuse)
        tab = ana.arriving("den")
        tab.live("sse")
        ben.post("by stream", "den")
        tab.sees("by stream")
        tab.send("and back")
        tab.sees("and back")
        again = ana.arriving("den")
        again.live("sse")


def test_where_no_stream_gets_through_either_it_polls(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        ana.bearable = CUT
        ana.context.route_web_socket("**/ws", refuse)
        ana.context.route("**/events?*", abort)
        tab = ana.arriving("den")
        tab.live("longpoll")
        ben.post("by poll", "den")
        tab.sees("by poll")
        tab.send("and back by post")
        tab.sees("and back by post")


def test_when_a_better_transport_gets_through_again_it_is_taken(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        ana.bearable = CUT
        ana.context.route_web_socket("**/ws", refuse)
        tab = ana.arriving("den")
        tab.live("sse")
        ana.context.route_web_socket("**/ws", through)
        tab.page.evaluate("dispatchEvent(new Event('online'))")  # the network has changed
        tab.live("websocket")
        ben.post("over the socket", "den")
        tab.sees("over the socket")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_after_a_restart_everything_is_there_once(site: Site, transport: str) -> None:
    before, written, typed = (f"{transport} {when}" for when in ("before", "meanwhile", "typed"))
    with site.visitor("ana") as ana, site.caller("ben") as ben, restored(site):
        ana.bearable = CUT
        tab = ana.room("yard", transport)
        tab.send(before)
        tab.sees(before)
        rows = tab.settled.count()
        assert site.chat.terminate() == 0
        expect(tab.page.locator("#connection")).not_to_have_attribute("data-state", "open")
        tab.send(typed)
        expect(tab.message(typed)).to_have_count(1)
        site.chat.start()
        ben.post(written, "yard")
        expect(tab.settled).to_have_count(rows + 2, timeout=LONG_MS)
        tab.sees(before, written, typed)
        bodies = ben.bodies("yard")
        assert [bodies.count(text) for text in (before, written, typed)] == [1, 1, 1]
        assert tab.texts()[-3:] == bodies[-3:]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_sends_whose_answers_are_lost_are_stored_once(site: Site, transport: str) -> None:
    """The server is killed again and again while somebody writes: each text is there once."""
    texts = [f"{transport} in the storm {number}" for number in range(20)]
    with site.visitor("ana") as ana, site.caller("ben") as ben, restored(site):
        ana.bearable = CUT
        tab = ana.room("attic", transport)
        for number, text in enumerate(texts):
            tab.send(text)
            if number % 7 == 5:
                site.chat.kill()
                site.chat.start()
        for text in texts:
            expect(tab.message(text)).to_have_attribute("data-id", A_NUMBER, timeout=LONG_MS)
        stored = [body for body in ben.bodies("attic") if body in texts]
        assert sorted(stored) == sorted(texts)
        assert [text for text in tab.texts() if text in texts] == stored
        assert (
            tab.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('chat:outbox'))") == []
        )


def test_what_was_typed_without_a_network_outlives_a_reload(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        cut_off(ana)
        tab = ana.arriving("den")
        tab.send("sent in the tunnel")
        expect(tab.message("sent in the tunnel").locator(".note")).to_have_text("Waiting for a connection…")
        tab.page.fill("#text", "half a")
        tab.page.reload()
        expect(tab.message("sent in the tunnel")).to_have_count(1)
        expect(tab.page.locator("#text")).to_have_value("half a")
        ana.context.unroute_all()
        ana.context.route_web_socket("**/ws", through)
        tab.page.evaluate("dispatchEvent(new Event('online'))")
        expect(tab.message("sent in the tunnel")).to_have_attribute("data-id", A_NUMBER, timeout=LONG_MS)
        assert ben.bodies("den").count("sent in the tunnel") == 1


def test_what_was_typed_without_a_network_goes_out_from_another_room(site: Site) -> None:
    with site.visitor("ana") as ana, site.visitor("ben") as ben:
        there = ben.room("den")
        cut_off(ana)
        tab = ana.arriving("den")
        tab.send("typed before leaving")
        expect(tab.message("typed before leaving").locator(".note")).to_have_text("Waiting for a connection…")
        other = ana.arriving("yard")
        tab.send("typed beside the other")
        expect(tab.message("typed beside the other")).to_have_count(1)
        tab.page.close()
        ana.context.unroute_all()
        ana.context.route_web_socket("**/ws", through)
        other.page.evaluate("dispatchEvent(new Event('online'))")
        expect(other.page.locator("#connection")).to_have_attribute("data-state", "open", timeout=LONG_MS)
        there.sees("typed before leaving", "typed beside the other")
        typed = [text for text in there.texts() if text.startswith("typed be")]
        assert typed == ["typed before leaving", "typed beside the other"]


def test_trouble_is_told_after_a_while_and_can_be_cut_short(site: Site) -> None:
    with site.visitor("ana") as ana:
        ana.context.route_web_socket("**/ws", turn_away)
        tab = ana.arriving("den")
        banner = tab.page.locator("#banner")
        expect(banner).to_be_hidden()
        expect(banner).to_contain_text("Not connected.")
        ana.context.route_web_socket("**/ws", through)
        tab.page.get_by_role("button", name="Try now").click()
        expect(banner).to_be_hidden()
        tab.live()


def test_a_send_that_is_refused_is_shown_with_its_text(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        tab = ana.room("den", "longpoll")
        ana.bearable = CUT
        tab.page.route("**/messages", forbid)
        tab.send("not now")
        row = tab.message("not now")
        expect(row.locator(".failure")).to_contain_text("Not sent: This room is read-only.")
        tab.page.unroute_all()
        row.get_by_role("button", name="Try again").click()
        tab.sees("not now")
        assert ben.bodies("den").count("not now") == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_seven_tabs_of_one_browser_all_live(site: Site, transport: str) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        tabs = [ana.room("lobby", transport) for _ in range(7)]
        ben.post(f"to all seven by {transport}")
        for tab in tabs:
            tab.sees(f"to all seven by {transport}")
        tabs[6].send(f"from the seventh by {transport}")
        for tab in tabs:
            tab.sees(f"from the seventh by {transport}")
        tabs[0].page.close()  # the one that holds the connection
        ben.post(f"to the six by {transport}")
        for tab in tabs[1:]:
            tab.sees(f"to the six by {transport}")
        tabs[1].page.close()
        ben.post(f"to the five by {transport}")
        for tab in tabs[2:]:
            tab.sees(f"to the five by {transport}")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_five_rooms_in_seven_tabs_all_live(site: Site, transport: str) -> None:
    slugs = ["lobby", "den", "long", "attic", "yard", "lobby", "den"]
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        tabs = [ana.room(slug, transport) for slug in slugs]
        for slug in set(slugs):
            ben.post(f"{transport} into {slug}", slug)
        for slug, tab in zip(slugs, tabs, strict=True):
            expect(tab.message(f"{transport} into {slug}")).to_have_count(1, timeout=LONG_MS)
            assert not [
                text for text in tab.texts() if text.startswith(f"{transport} into") and slug not in text
            ]


def test_one_browser_holds_one_socket(site: Site) -> None:
    with site.visitor("ana") as ana:
        sockets: list[str] = []
        ana.context.on("page", lambda page: page.on("websocket", lambda socket: sockets.append(socket.url)))
        tabs = [ana.room(slug) for slug in ("lobby", "den", "lobby", "den")]
        for tab in tabs:
            tab.live("websocket")
        assert len(sockets) == 1


def test_a_new_epoch_reads_the_room_anew(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        ana.bearable = CUT  # a poll's 409 is told on the console
        ben.post("of the old epoch", "den")
        tabs = [ana.room("den", transport) for transport in TRANSPORTS]
        for tab in tabs:
            tab.sees("of the old epoch")
        site.program("manage.py", "newepoch")
        ben.post("of the new epoch", "den")
        for tab in tabs:
            tab.sees("of the old epoch", "of the new epoch")
            tab.send("still here")
            expect(tab.message("still here").last).to_have_attribute("data-id", A_NUMBER)


LOCKS = {
    "none": "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })",
    "refused": "LockManager.prototype.request = async () => { throw new DOMException('', 'SecurityError') }",
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("locks", LOCKS)
def test_without_web_locks_each_tab_is_its_own(site: Site, locks: str, transport: str) -> None:
    """As on http://192.168.…, where a browser lends no locks, and where it blocks what a site may keep."""
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        ana.context.add_init_script(LOCKS[locks])
        tabs = [ana.room("den", transport) for _ in range(2)]
        ben.post(f"locks {locks} by {transport}", "den")
        for tab in tabs:
            tab.sees(f"locks {locks} by {transport}")
        tabs[0].send(f"and from there, {locks} by {transport}")
        tabs[1].sees(f"and from there, {locks} by {transport}")


def test_a_tab_that_stands_still_with_the_connection_in_hand_is_relieved_of_it(site: Site) -> None:
    with site.visitor("ana") as ana, site.caller("ben") as ben:
        first, second = ana.room("den"), ana.room("den")
        devtools = ana.context.new_cdp_session(first.page)
        devtools.send("Debugger.enable")
        devtools.send("Debugger.pause")
        ben.post("while it stood still", "den")
        expect(second.message("while it stood still")).to_have_count(1, timeout=LONG_MS)
        devtools.send("Debugger.disable")
        first.sees("while it stood still")
        ben.post("after it went on", "den")
        for tab in (first, second):
            tab.sees("while it stood still", "after it went on")


@pytest.fixture
def network(site: Site) -> Iterator[BadNetwork]:
    """Put a network that can be broken before the site."""
    with bad_network(site.chat.port) as network:
        yield network


def attach(tab: RoomTab, name: str) -> None:
    """Attach a file to the next message."""
    tab.page.set_input_files(
        "#files", {"name": name, "mimeType": "text/plain", "buffer": name.encode() * 2_000}
    )


def test_two_who_talk_over_a_bad_network_end_up_with_one_log(site: Site, network: BadNetwork) -> None:
    """Ana's network is slow, cuts within frames, freezes, and is gone for a while; Ben's is good."""
    said: list[str] = []

    def say(tab: RoomTab, text: str) -> None:
        said.append(text)
        tab.send(text)

    with site.visitor("ben") as ben, site.visitor("ana", url=network.url) as ana:
        ana.bearable = CUT
        there, here = ben.room("open"), ana.room("open")
        banner = here.page.locator("#banner")
        network.slow(20_000)
        network.each(Link.cut)
        attach(here, "slowly.txt")
        say(here, "over a slow line")
        say(there, "to a slow line")
        here.sees("over a slow line", "to a slow line")
        network.slow(None)
        for number in range(2):
            network.each(lambda link: link.cut_after(60))
            say(there, f"cut in the middle {number}")
            say(here, f"and back {number}")
        here.sees("and back 1", "cut in the middle 1")
        network.each(Link.freeze)
        attach(here, "frozen.txt")
        say(here, "on a line that says nothing")
        say(there, "to a line that hears nothing")
        here.page.evaluate("dispatchEvent(new Event('offline'))")
        network.each(Link.cut)
        here.sees("on a line that says nothing", "to a line that hears nothing")
        network.fail()
        say(there, "while nothing goes through")
        attach(here, "later.txt")
        say(here, "in the tunnel")
        expect(banner).to_contain_text("Trying again in")
        here.page.fill("#text", "half a")
        network.mend()
        here.page.get_by_role("button", name="Try now").click()
        expect(banner).to_be_hidden()
        for tab in (here, there):
            tab.sees(*said)
        here.page.reload()
        here.live()
        expect(here.page.locator("#text")).to_have_value("half a")
        with site.caller("mod") as mod:
            stored = mod.bodies("open")
        assert sorted(map(str, stored)) == sorted(said)
        for tab in (here, there):
            assert tab.texts() == stored
            for name in ("slowly.txt", "frozen.txt", "later.txt"):
                expect(tab.page.get_by_role("link", name=f"Download {name}")).to_have_count(1)
        assert (
            here.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('chat:outbox'))") == []
        )
