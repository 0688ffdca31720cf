"""Server-Sent Events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime import limits, vanished
from rooms.messages import Code, Refused
from tests.support_bytes import Connection, Response
from tests.support_edge import ANA, COOKIE, Edge

EVENTS = "/api/rooms/lobby/events"


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one", "two", "three")
    return edge


def opened(edge: Edge, query: str = "", **headers: Any) -> Connection:
    connection = edge.connect()
    connection.ask("GET", EVENTS + query, **headers)
    return connection


def events(connection: Connection) -> list[dict[str, Any]]:
    """Parse a stream as a browser would, comments left out."""
    response = Response.parse(connection.value())
    assert response.status == 200, response.raw
    found = []
    for block in response.body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "event" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def test_it_begins_with_a_cursor_and_goes_on_live(edge: Edge) -> None:
    connection = opened(edge)
    edge.post("lobby", "four")

    hello, four = events(connection)
    assert (hello["retry"], hello["id"], hello["event"]) == ("2000", "3", "hello")
    assert hello["data"] == {"room": "lobby", "epoch": "one", "after": 3, "last_id": 3}
    assert (four["id"], four["event"], four["data"]["body"]) == ("4", "message", "four")


def test_it_is_a_stream_that_nobody_keeps(edge: Edge) -> None:
    headers = Response.parse(opened(edge).value()).headers

    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-store"


def test_after_replays(edge: Edge) -> None:
    connection = opened(edge, "?after=1&epoch=one")

    assert [event["id"] for event in events(connection)] == ["1", "2", "3"]


def test_a_reconnect_goes_on_from_the_last_event(edge: Edge) -> None:
    connection = opened(edge, "?after=0", Last_Event_ID="2")

    assert [event["id"] for event in events(connection)] == ["2", "3"]


def test_a_message_has_the_bytes_that_it_has_in_a_page(edge: Edge) -> None:
    raw = Response.parse(opened(edge, "?after=2").value()).body
    page = edge.ask("GET", "/api/rooms/lobby/messages?after=2").json["messages"][0]

    assert json.dumps(page, separators=(",", ":"), ensure_ascii=False).encode() in raw


@pytest.mark.parametrize(
    "query", ["?after=9", "?after=1&epoch=other", "?after=3&epoch=other", "?epoch=other"]
)
def test_a_cursor_that_cannot_be_resumed_is_reset_inside_the_stream(edge: Edge, query: str) -> None:
    connection = opened(edge, query)
    edge.post("lobby", "four")

    _hello, reset, four = events(connection)
    assert (reset["event"], reset["id"], reset["data"]["after"], reset["data"]["epoch"]) == (
        "reset",
        "3",
        3,
        "one",
    )
    assert four["id"] == "4"


def test_a_new_epoch_resets_an_open_stream(edge: Edge) -> None:
    connection = opened(edge)
    edge.chat.epoch = "two"
    edge.hub.heads_seen(edge.chat.heads(["lobby"]))
    edge.clock.advance(1)

    reset = events(connection)[1]
    assert (reset["event"], reset["data"]["epoch"]) == ("reset", "two")


def test_access_withdrawn_is_told_and_ends_it(edge: Edge) -> None:
    connection = opened(edge, **COOKIE)
    edge.chat.ban("lobby", ANA.user_id)
    edge.hub.access_changed(frozenset({"lobby"}))
    edge.clock.advance(1)

    left = events(connection)[-1]
    assert (left["event"], left["data"]["room"], left["data"]["code"]) == ("left", "lobby", "forbidden")
    assert connection.value().endswith(b"0\r\n\r\n")


def test_a_session_that_ends_ends_it(edge: Edge) -> None:
    connection = opened(edge, **COOKIE)
    edge.chat.revoke(ANA.credential)

    assert events(connection)[-1]["data"]["code"] == "not_authenticated"
    assert not any(edge.chat.watches.values())


@pytest.mark.parametrize(
    ("code", "status"), [(Code.FORBIDDEN, 403), (Code.NOT_FOUND, 404), (Code.NOT_AUTHENTICATED, 401)]
)
def test_what_may_not_be_read_is_refused_before_the_stream(edge: Edge, code: Code, status: int) -> None:
    edge.chat.refusals["lobby"] = Refused(code, "no")

    assert edge.ask("GET", EVENTS).status == status


@pytest.mark.parametrize("headers", [{"Last_Event_ID": "x"}, {"Last_Event_ID": "-1"}])
def test_a_bad_cursor_is_400(edge: Edge, headers: dict[str, Any]) -> None:
    assert edge.ask("GET", EVENTS, **headers).code == "bad_request"


def test_a_comment_comes_at_least_every_fifteen_seconds(edge: Edge) -> None:
    connection = opened(edge)
    for count in (1, 2, 3):
        edge.clock.advance(15)
        assert Response.parse(connection.value()).body.count(b":\n\n") == count


def test_one_whose_clients_host_is_gone_is_dropped(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vanished, "is_gone", lambda _transport, limit_s: limit_s == 22.5)
    connection = opened(edge)
    edge.clock.advance(15)
    assert connection.aborted


def test_one_whose_client_hangs_up_is_freed_at_once(edge: Edge) -> None:
    connection = opened(edge, **COOKIE)
    connection.hang_up()

    assert not any(edge.chat.watches.values())
    assert not edge.departure._open
    edge.post("lobby", "four")
    edge.clock.advance(limits.HubLimits().idle_s)
    assert edge.clock.getDelayedCalls() == []


def test_one_that_takes_nothing_is_given_nothing_and_goes_on_where_it_was(edge: Edge) -> None:
    connection = opened(edge)
    connection.producer.pauseProducing()
    before = connection.value()
    for n in range(5):
        edge.post("lobby", f"more {n}")
    edge.clock.advance(16)
    assert connection.value() == before
    connection.producer.resumeProducing()
    edge.clock.advance(0)

    assert [event["id"] for event in events(connection)] == ["3", "4", "5", "6", "7", "8"]


def test_one_that_takes_nothing_at_all_for_a_minute_is_dropped(edge: Edge) -> None:
    connection = opened(edge)
    connection.dataBuffer = b"x" * 100
    connection.producer.pauseProducing()
    edge.clock.pump([15] * 3)
    before = connection.aborted
    edge.clock.advance(15)

    assert (before, connection.aborted) == (False, True)
    assert not edge.departure._open


def test_one_that_takes_a_little_is_not(edge: Edge) -> None:
    connection = opened(edge)
    connection.producer.pauseProducing()
    for _ in range(20):
        connection.offset += 1
        edge.clock.advance(15)

    assert not connection.aborted


def test_a_server_that_stops_ends_it(edge: Edge) -> None:
    connection = opened(edge)
    edge.departure.begin()

    assert connection.value().endswith(b"0\r\n\r\n")
    assert not edge.departure._open


def test_head_opens_no_stream(edge: Edge) -> None:
    assert edge.ask("HEAD", EVENTS).headers["content-type"].startswith("text/event-stream")
    assert not edge.departure._open
