"""Who asks, and takes nothing of what they asked for: it is cut off, and holds nothing up meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from realtime import limits
from tests.support_bytes import Connection
from tests.support_edge import COOKIE, Edge

STALL_S = limits.HttpLimits().stall_s
LOBBY = "/api/rooms/lobby/messages"


class Stuck(Connection):
    """A connection whose client takes what a test says; it closes, as Twisted's do, once all was taken."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__()
        self.peerAddr = IPv4Address("TCP", host, 4444)

    def write(self, data: bytes) -> None:
        super().write(data)
        self.dataBuffer += data
        if self.producer is not None:
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.disconnecting = True

    def take(self, count: int) -> None:
        self.dataBuffer = self.dataBuffer[count:]


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one")
    return edge


def asked(edge: Edge, path: str, **headers: Any) -> Stuck:
    connection = Stuck()
    edge.connect(connection)
    connection.ask("GET", path, **{**COOKIE, **headers})
    assert connection.dataBuffer
    return connection


@pytest.mark.parametrize("path", [LOBBY, "/page", f"{LOBBY}?after=0&wait=9"])
@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_whatever_it_is(edge: Edge, path: str, connection: str) -> None:
    stuck = asked(edge, path, Connection=connection)
    edge.clock.pump([STALL_S / 4] * 3)
    assert not stuck.closed
    edge.clock.pump([STALL_S / 4] * 2)
    assert stuck.aborted


class Late(Stuck):
    """A connection that takes up what was written in the reactor's next round, as Twisted's do."""

    _tempDataLen = 0  # noqa: N815 (Twisted's spelling)

    def write(self, data: bytes) -> None:
        Connection.write(self, data)
        self._tempDataLen += len(data)

    def go_round(self) -> None:
        self.dataBuffer, self._tempDataLen = self.dataBuffer + self.value(), 0


def test_what_was_written_just_before_the_end(edge: Edge) -> None:
    late = Late()
    edge.connect(late)
    late.ask("GET", LOBBY, **{**COOKIE, "Connection": "close"})
    late.go_round()
    edge.clock.pump([STALL_S / 4] * 6)
    assert late.aborted


def test_a_stream(edge: Edge) -> None:
    stuck = Stuck()
    edge.connect(stuck)
    stuck.ask("GET", "/api/rooms/lobby/events?after=0", **COOKIE)
    edge.post("lobby", "two")
    edge.clock.pump([STALL_S / 4] * 5)
    assert stuck.aborted


def asking_for_much(edge: Edge, host: str) -> Stuck:
    stuck = Stuck(host)
    edge.connect(stuck)
    stuck.ask("GET", f"{LOBBY}?limit=100", **COOKIE)
    return stuck


@pytest.mark.parametrize(
    ("per_address", "hosts"), [(100, ["192.0.2.7"] * 4), (0, ["192.0.2.7"] * 4), (0, ["127.0.0.1"] * 4)]
)
def test_where_too_much_waits_those_are_cut_off_who_have_taken_nothing_for_longest(
    per_address: int, hosts: list[str]
) -> None:
    most = {"unsent_bytes_of_address" if per_address else "unsent_bytes": 1_000_000}
    edge = Edge(http=limits.HttpLimits(**most), per_address=per_address)
    edge.post("lobby", *("long" * 1_000 for _each in range(100)))
    waiting = [asking_for_much(edge, host) for host in hosts]
    assert [one.aborted for one in waiting] == [True, True, False, False]
    assert not asking_for_much(edge, "198.51.100.7").aborted
    assert waiting[2].aborted == (not per_address)
    waiting[3].take(len(waiting[3].dataBuffer))
    waiting[3].producer.resumeProducing()
    assert not asking_for_much(edge, hosts[0]).aborted
    assert not waiting[3].aborted


def test_however_long_the_first_answer_arrives() -> None:
    edge = Edge(http=limits.HttpLimits(unsent_bytes=9, unsent_bytes_of_address=9), per_address=100)
    edge.post("lobby", *("long" * 1_000 for _each in range(100)))
    assert not asking_for_much(edge, "192.0.2.7").aborted


def test_who_is_gone_is_answered_as_before(edge: Edge) -> None:
    stuck = Stuck()
    edge.connect(stuck)
    stuck.ask("GET", f"{LOBBY}?after=1&wait=9", **COOKIE)
    [request] = stuck.protocol.requests
    stuck.hang_up()
    request.write(b"x" * 1_000_000)
    assert stuck.dataBuffer == b""


def test_who_takes_a_little_is_waited_for(edge: Edge) -> None:
    stuck = asked(edge, LOBBY, Connection="close")
    for _piece in range(9):
        edge.clock.pump([STALL_S / 4] * 3)
        stuck.take(3)
    assert not stuck.closed
    edge.clock.pump([STALL_S / 4] * 5)
    assert stuck.aborted


def test_who_has_taken_all_is_watched_no_more(edge: Edge) -> None:
    stuck = asked(edge, LOBBY)
    stuck.dataBuffer = b""
    stuck.producer.resumeProducing()
    edge.clock.pump([STALL_S / 4] * 5)
    assert not stuck.aborted
    stuck.hang_up()
    assert edge.clock.getDelayedCalls() == []


def test_who_hangs_up_is_watched_no_more(edge: Edge) -> None:
    asked(edge, LOBBY).hang_up()
    assert edge.clock.getDelayedCalls() == []


def test_who_took_all_in_between_has_not_waited_for_longest() -> None:
    edge = Edge(http=limits.HttpLimits(unsent_bytes=900_000))
    edge.post("lobby", *("long" * 1_000 for _each in range(100)))
    first, second = (asking_for_much(edge, "192.0.2.7") for _each in range(2))
    first.take(len(first.dataBuffer))
    first.producer.resumeProducing()
    first.ask("GET", f"{LOBBY}?limit=100", **COOKIE)
    asking_for_much(edge, "192.0.2.7")
    assert (first.aborted, second.aborted) == (False, True)


def test_what_is_left_of_an_answer_is_watched_though_it_filled_nothing(edge: Edge) -> None:
    stuck = Stuck()
    edge.connect(stuck)
    stuck.producer.pauseProducing = lambda: None
    stuck.ask("GET", LOBBY, **{**COOKIE, "Connection": "close"})
    edge.clock.pump([STALL_S / 4] * 5)
    assert stuck.aborted
