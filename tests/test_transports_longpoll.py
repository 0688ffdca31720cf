"""Long poll: parked calls, and all that ends them."""

from __future__ import annotations

from typing import Any

import pytest

from rooms.messages import Code
from tests.support_bytes import Connection
from tests.support_edge import ANA, COOKIE, Edge

ROOM = "/api/rooms/lobby/messages"


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one", "two")
    return edge


def parked(edge: Edge, query: str = "after=2&wait=30", **headers: Any) -> Connection:
    connection = edge.connect()
    connection.ask("GET", f"{ROOM}?{query}", **headers)
    assert connection.value() == b"", "not parked"
    return connection


def freed(edge: Edge) -> bool:
    """Tell whether nothing is left of any poll."""
    edge.clock.advance(0)
    feeds = list(edge.hub._feeds.values())
    held = any(len(feed._subscriptions) for feed in feeds)
    return not held and not any(edge.chat.watches.values()) and not edge.departure._open


def test_what_is_there_is_answered_at_once(edge: Edge) -> None:
    response = edge.ask("GET", f"{ROOM}?after=1&wait=30")

    assert [message["id"] for message in response.json["messages"]] == [2]


def test_no_wait_is_no_poll(edge: Edge) -> None:
    for query in ("after=2", "after=2&wait=0"):
        assert edge.ask("GET", f"{ROOM}?{query}").json["messages"] == []


def test_what_comes_is_answered_as_it_comes(edge: Edge) -> None:
    connection = parked(edge)
    edge.post("lobby", "three", "four")

    told = connection.response().json
    assert [message["body"] for message in told["messages"]] == ["three", "four"]
    assert (told["last_id"], told["more"], told["epoch"]) == (4, False, "one")
    assert freed(edge)


def test_the_same_bytes_as_a_page(edge: Edge) -> None:
    connection = parked(edge)
    edge.post("lobby", "three")

    assert connection.response().body == edge.ask("GET", f"{ROOM}?after=2").body


def test_at_most_limit_are_answered_and_the_rest_is_told_of(edge: Edge) -> None:
    connection = parked(edge, "after=2&wait=30&limit=2")
    edge.post("lobby", "three", "four", "five")

    told = connection.response().json
    assert [message["id"] for message in told["messages"]] == [3, 4]
    assert (told["last_id"], told["more"]) == (4, True)


def test_another_rooms_messages_wake_nobody(edge: Edge) -> None:
    connection = parked(edge)
    edge.post("other", "x")

    assert connection.value() == b""


def test_in_time_the_answer_is_an_empty_page(edge: Edge) -> None:
    connection = parked(edge, "after=2&wait=2.5")
    edge.clock.advance(2.4)
    assert connection.value() == b""
    edge.clock.advance(0.1)

    assert connection.response().json == {
        "room": "lobby", "epoch": "one", "messages": [], "last_id": 2, "more": False
    }  # fmt: skip
    assert freed(edge)


def test_one_whose_client_hangs_up_is_freed_at_once(edge: Edge) -> None:
    connection = parked(edge, **COOKIE)
    assert not freed(edge)
    connection.hang_up()

    assert freed(edge)


def test_access_withdrawn_ends_it(edge: Edge) -> None:
    connection = parked(edge, **COOKIE)
    edge.chat.ban("lobby", ANA.user_id)
    edge.hub.access_changed(frozenset({"lobby"}))
    edge.clock.advance(1)

    assert connection.response().code == Code.FORBIDDEN
    assert freed(edge)


def test_a_session_that_ends_ends_it(edge: Edge) -> None:
    connection = parked(edge, **COOKIE)
    edge.chat.revoke(ANA.credential)

    assert connection.response().status == 401
    assert freed(edge)


def test_a_new_epoch_is_a_reset(edge: Edge) -> None:
    connection = parked(edge)
    edge.chat.epoch = "two"
    edge.hub.heads_seen(edge.chat.heads(["lobby"]))
    edge.clock.advance(1)

    assert connection.response().code == "reset"


def test_a_server_that_stops_answers_with_an_empty_page(edge: Edge) -> None:
    connection = parked(edge)
    edge.departure.begin()

    assert (connection.response().status, connection.response().json["messages"]) == (200, [])
    assert freed(edge)


def test_head_never_waits(edge: Edge) -> None:
    assert edge.ask("HEAD", f"{ROOM}?after=2&wait=30").status == 200
