"""How far somebody has read: stored once in a while, and told to their other connections."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from realtime.errors import Forbidden, Unavailable
from realtime.limits import MarkerLimits
from realtime.markers import Markers
from rooms.actions import MarkRead
from rooms.answers import Reading
from rooms.messages import Author, Credential, Event, Identity, Kind, Notice, RoomBatch
from tests.support_bytes import Socket
from tests.support_edge import ANA, COOKIE, Edge

BEN = Identity(4, "ben", Credential(session_key="ben-session"))


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.chat.identities[BEN.credential] = BEN
    edge.chat.answers[MarkRead] = Reading(7, 0, 0)
    return edge


@pytest.fixture
def socket(edge: Edge) -> Socket:
    return hello(edge)


def hello(edge: Edge, **headers: Any) -> Socket:
    socket = edge.socket(**(headers or COOKIE))
    assert socket.told()[0]["type"] == "hello"
    return socket


def read(socket: Socket, up_to: int, room: str = "lobby") -> None:
    socket.send({"type": "read", "room": room, "id": up_to})


def stored(edge: Edge) -> list[tuple[str, int]]:
    return [(action.room, action.id) for _by, action in edge.chat.performed if isinstance(action, MarkRead)]


def test_the_first_is_stored_at_once_then_the_last_of_each_second(edge: Edge, socket: Socket) -> None:
    for number in (1, 2, 5, 3):
        read(socket, number)
    assert stored(edge) == [("lobby", 1)]
    edge.clock.advance(0.9)
    assert stored(edge) == [("lobby", 1)]
    edge.clock.advance(0.1)
    assert stored(edge) == [("lobby", 1), ("lobby", 5)]
    edge.clock.advance(1)
    edge.clock.advance(1)

    assert stored(edge) == [("lobby", 1), ("lobby", 5)]
    assert edge.chat.performed[0][0] == ANA.user_id


def test_rooms_do_not_wait_for_each_other(edge: Edge, socket: Socket) -> None:
    read(socket, 1)
    read(socket, 2, "den")

    assert stored(edge) == [("lobby", 1), ("den", 2)]


def test_the_last_is_stored_when_the_connection_ends(edge: Edge, socket: Socket) -> None:
    read(socket, 1)
    read(socket, 4)
    socket.connection.hang_up()

    assert stored(edge) == [("lobby", 1), ("lobby", 4)]
    edge.clock.advance(5)
    assert stored(edge) == [("lobby", 1), ("lobby", 4)]


def test_a_slow_database_is_asked_for_one_at_a_time(edge: Edge, socket: Socket) -> None:
    answer: Deferred[Reading] = Deferred()
    edge.chat.answers[MarkRead] = answer
    read(socket, 1)
    read(socket, 4)
    edge.clock.advance(3)
    assert stored(edge) == [("lobby", 1)]
    edge.chat.answers[MarkRead] = Reading(4, 0, 0)
    answer.callback(Reading(1, 0, 0))

    assert stored(edge) == [("lobby", 1), ("lobby", 4)]


def test_nothing_is_remembered_after_the_second(edge: Edge, socket: Socket) -> None:
    client = next(iter(edge.markers._connections[ANA.user_id]))
    read(socket, 1)
    assert len(client._marking._rooms) == 1  # type: ignore[attr-defined]
    edge.clock.advance(1)
    assert len(client._marking._rooms) == 0  # type: ignore[attr-defined]
    socket.connection.hang_up()
    assert edge.markers._connections == {}


def test_ones_other_connections_are_told_and_nobody_elses(edge: Edge, socket: Socket) -> None:
    other, stranger = hello(edge), hello(edge, Cookie="sessionid=ben-session")
    guest = hello(edge, X_Nothing="1")
    read(socket, 7)

    assert other.told() == [{"type": "read", "room": "lobby", "id": 7}]
    assert socket.told() == stranger.told() == guest.told() == []


def test_what_was_read_by_a_call_is_told_to_all(edge: Edge, socket: Socket) -> None:
    edge.chat.identities[Credential.of_token("t")] = ANA
    answer = edge.ask("PUT", "/api/rooms/lobby/read", b'{"id":9}', Authorization="Bearer t")

    assert (answer.status, answer.json) == (200, {"read": 7, "unread": 0, "mentions": 0})
    assert socket.told() == [{"type": "read", "room": "lobby", "id": 7}]


@pytest.mark.parametrize("error", [Forbidden("no"), Unavailable()])
def test_a_refusal_is_told_with_the_room(edge: Edge, socket: Socket, error: Any) -> None:
    edge.chat.answers[MarkRead] = error
    read(socket, 1)
    (frame,) = socket.told()

    assert (frame["type"], frame["code"], frame["room"]) == ("error", error.code, "lobby")
    assert "nonce" not in frame


def test_what_breaks_is_logged_and_told(edge: Edge, socket: Socket, caplog: pytest.LogCaptureFixture) -> None:
    edge.chat.answers[MarkRead] = RuntimeError("broken")
    read(socket, 1)

    assert socket.told()[0]["code"] == "internal_error"
    assert [record.levelno for record in caplog.records if "broken" in str(record.exc_info)] == [
        logging.ERROR
    ]


def test_a_guest_reads_nothing(edge: Edge) -> None:
    guest = hello(edge, X_Nothing="1")
    read(guest, 1)

    assert guest.told()[0]["code"] == "not_authenticated"
    assert stored(edge) == []


@pytest.mark.parametrize("fields", [{}, {"id": "1"}, {"id": -1}, {"id": 2**63}])
def test_what_is_no_id_is_told(edge: Edge, socket: Socket, fields: Any) -> None:
    socket.send({"type": "read", "room": "lobby", **fields})
    (frame,) = socket.told()

    assert (frame["code"], frame["room"]) == ("bad_request", "lobby")
    assert "id" in frame["detail"]


def test_too_many_rooms_at_once_are_refused(edge: Edge, socket: Socket) -> None:
    for number in range(MarkerLimits().rooms + 1):
        read(socket, 1, f"room-{number}")
    (frame,) = socket.told()

    assert (frame["code"], frame["room"], frame["retry_after"]) == ("rate_limited", "room-100", 1)
    edge.clock.advance(1)
    read(socket, 1, "room-100")
    assert socket.told() == []


def concerning(edge: Edge, room: str, **about: Any) -> RoomBatch:
    """Commit a row that concerns somebody."""
    batch = edge.post(room, "one")
    return replace(batch, messages=(replace(batch.messages[0], **about),))


def test_whom_a_commit_concerns_is_told_unless_they_hear_the_room(edge: Edge, socket: Socket) -> None:
    stranger = hello(edge, Cookie="sessionid=ben-session")
    ana = Author(ANA.user_id, "ana")
    added = {"kind": Kind.NOTICE, "notice": Notice(Event.JOINED, ana)}
    edge.markers.committed([concerning(edge, "den", **added), concerning(edge, "den", mentions=(ana, ana))])
    assert socket.told() == [{"type": "rooms"}] * 2
    made = {"kind": Kind.NOTICE, "notice": Notice(Event.CREATED), "author": ana}
    edge.markers.committed([concerning(edge, "den", **made)])
    assert socket.told() == [{"type": "rooms"}]

    socket.send({"type": "overhear", "rooms": ["lobby"]})
    socket.told()
    batches = [concerning(edge, "lobby", mentions=(ana,)), concerning(edge, "den")]
    socket.told()
    edge.markers.committed(batches)
    assert socket.told() == stranger.told() == []


def test_a_connection_that_fails_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[tuple[str, int]] = []

    class Broken:
        def read_elsewhere(self, room: str, up_to: int) -> None:
            raise RuntimeError("broken")

        def concerned(self, room: str) -> None:
            raise RuntimeError("broken")

        def refuse(self, refused: Any) -> None:
            """Do nothing."""

    class Sound(Broken):
        def read_elsewhere(self, room: str, up_to: int) -> None:
            heard.append((room, up_to))

        def concerned(self, room: str) -> None:
            heard.append((room, 0))

    nothing: Any = None
    markers = Markers(nothing, nothing, MarkerLimits())
    for one in (Broken(), Sound()):
        markers.connect(3, one)
    markers.told(3, "lobby", 5)
    markers.committed([concerning(Edge(), "den", mentions=(Author(3, "ana"),))])

    assert heard == [("lobby", 5), ("den", 0)]
    assert "could not be told" in caplog.text
