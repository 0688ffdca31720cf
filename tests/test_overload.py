"""Too many at once: each hears so clearly, and when to come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.errors import Unavailable
from realtime.places import Places
from tests.support_bytes import Socket
from tests.support_edge import COOKIE, Edge

POLL = "/api/rooms/lobby/messages?after=1&wait=30"
STREAM = "/api/rooms/lobby/events?after=1"


def edge_with(**limits: int) -> Edge:
    edge = Edge(**limits)
    edge.post("lobby", "one")
    return edge


def last_words(socket: Socket) -> tuple[dict[str, Any], int]:
    """Return the last frame of text before the close, and the code."""
    frames = socket.frames()
    assert frames[-1][0] == 8
    return json.loads(frames[-2][1]), int.from_bytes(frames[-1][1][:2], "big")


class TestPlaces:
    def test_a_place_that_is_given_back_is_free_and_twice_is_once(self) -> None:
        places = Places(2, 2)
        leave, _other = places.take(1), places.take(None)
        with pytest.raises(Unavailable) as refused:
            places.take(2)
        assert refused.value.retry_after_s
        leave()
        leave()
        places.take(2)
        with pytest.raises(Unavailable):
            places.take(3)

    def test_a_user_has_so_many_and_guests_are_no_user(self) -> None:
        places = Places(100, 2)
        leave, _second = places.take(1), places.take(1)
        with pytest.raises(Unavailable, match="2 connections"):
            places.take(1)
        places.take(2)
        for _guest in range(5):
            places.take(None)
        leave()
        places.take(1)


@pytest.mark.parametrize("limit", ["places", "per_user"])
class TestTransports:
    @pytest.mark.parametrize("path", [POLL, STREAM])
    def test_one_poll_or_stream_too_many_hears_503(self, limit: str, path: str) -> None:
        edge = edge_with(**{limit: 1})
        first = edge.connect()
        first.ask("GET", path, **COOKIE)
        answer = edge.ask("GET", path, **COOKIE)

        assert (answer.status, answer.code) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        first.hang_up()
        again = edge.connect()
        again.ask("GET", path, **COOKIE)
        assert b"503" not in again.value()

    def test_pages_and_sends_need_no_place(self, limit: str) -> None:
        edge = edge_with(**{limit: 1})
        edge.connect().ask("GET", POLL, **COOKIE)

        assert edge.ask("GET", "/api/rooms", **COOKIE).status == 200
        assert edge.ask("GET", "/api/rooms/lobby/messages?after=0", **COOKIE).status == 200

    def test_one_socket_too_many_hears_an_error_and_1013(self, limit: str) -> None:
        edge = edge_with(**{limit: 1})
        first = edge.socket(**COOKIE)
        refused = edge.socket(**COOKIE)
        error, code = last_words(refused)

        assert (error["type"], error["code"]) == ("error", "unavailable")
        assert error["retry_after"] > 0
        assert code == 1013
        first.connection.hang_up()
        assert edge.socket(**COOKIE).told()[0]["type"] == "hello"


def test_a_poll_that_was_answered_gives_its_place_back() -> None:
    edge = edge_with(places=1)
    connection = edge.connect()
    connection.ask("GET", POLL, **COOKIE)
    edge.clock.advance(31)
    assert connection.response().status == 200

    assert edge.places.taken == 0


def test_who_is_sent_away_is_told_over_how_long_to_come_back() -> None:
    edge = edge_with()
    socket = edge.socket(**COOKIE)
    edge.departure.begin()
    error, code = last_words(socket)

    assert (error["type"], error["code"], error["retry_after"]) == ("error", "unavailable", 2)
    assert code == 1012


def test_the_more_are_sent_away_the_longer() -> None:
    edge = edge_with()
    for one in range(5_000):
        edge.departure.add(one, lambda one=one: edge.departure.discard(one))  # type: ignore[misc]
    edge.departure.begin()

    assert edge.departure.spread_s == 10
