"""Bytes given to a socket in the moment they are written: none lost, none overtaken, none too many kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some
from twisted.internet import main, tcp
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from realtime.at_once import at_once, in_turn, way_out

LARGE = 4_000_000


class Poller:
    """A reactor as far as a transport needs one: knows who waits to write."""

    def __init__(self) -> None:
        self.writers: set[object] = set()
        self.addWriter = self.writers.add
        self.removeWriter = self.writers.discard

    def addReader(self, reader: object) -> None:
        """Do nothing: what the peer says is not what is tested."""

    def removeReader(self, reader: object) -> None:
        """Do nothing."""


class Producer:
    """What is told when the transport holds too much."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class Line:
    """A transport on one end of a pair of sockets, the test on the other."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
        self.peer.setblocking(False)
        self.poller = Poller()
        self.transport = tcp.Connection(ours, Protocol(), self.poller)  # type: ignore[arg-type]
        self.transport.connected = 1
        self.heard = b""

    @property
    def waits(self) -> bool:
        """Whether the reactor is to tell when the socket takes more."""
        return self.transport in self.poller.writers

    def hear(self) -> bytes:
        """Take what has arrived; return all that has so far."""
        with suppress(BlockingIOError):
            while piece := self.peer.recv(1_000_000):
                self.heard += piece
        return self.heard

    def hear_all(self) -> bytes:
        """Take what arrives, round after round of the reactor, until nothing waits."""
        while self.waits and self.transport.doWrite() is None:
            self.hear()
        return self.hear()

    def close(self) -> None:
        self.peer.close()
        if self.transport.connected:
            self.transport.connectionLost(Failure(main.CONNECTION_DONE))


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def test_what_the_socket_takes_is_sent_at_once(line: Line) -> None:
    at_once(line.transport, b"one")

    assert line.hear() == b"one"
    assert not line.waits


def test_nothing_that_waits_is_overtaken(line: Line) -> None:
    line.transport.write(b"one ")
    at_once(line.transport, b"two ")
    line.transport.write(b"three")

    assert line.hear() == b""
    assert line.hear_all() == b"one two three"


def test_nor_what_waits_since_the_socket_took_a_part(line: Line) -> None:
    given_ = b"x" * LARGE
    at_once(line.transport, given_)
    line.transport.doWrite()
    line.hear()
    at_once(line.transport, b"end")

    assert line.hear_all() == given_ + b"end"


def test_what_the_socket_does_not_take_pauses_the_producer_until_it_has(line: Line) -> None:
    producer = Producer()
    line.transport.registerProducer(producer, streaming=True)
    at_once(line.transport, b"x" * LARGE)

    assert producer.told == ["pause"]
    assert line.waits
    assert line.hear_all() == b"x" * LARGE
    assert producer.told == ["pause", "resume"]


def test_a_broken_connection_is_found_out_by_the_transport(line: Line) -> None:
    line.peer.close()
    at_once(line.transport, b"one")

    assert line.waits
    assert line.transport.doWrite() is main.CONNECTION_LOST


def test_a_lost_one_is_written_nothing(line: Line) -> None:
    line.transport.connectionLost(Failure(main.CONNECTION_DONE))
    at_once(line.transport, b"one")

    assert not line.waits


def test_one_that_goes_is_written_in_turn(line: Line) -> None:
    line.transport.loseConnection()
    at_once(line.transport, b"one")

    assert line.hear() == b""
    assert line.transport.doWrite() is main.CONNECTION_DONE
    assert line.hear() == b"one"


def test_only_plain_tcp_is_written_to_at_once(line: Line) -> None:
    assert way_out(line.transport) is at_once
    assert way_out(StringTransport()) is in_turn

    line.transport.TLS = True
    assert way_out(line.transport) is in_turn


Step = tuple[str, int]
STEPS = some.lists(
    some.one_of(
        some.tuples(some.sampled_from(["at once", "in turn"]), some.integers(0, 40_000)),
        some.tuples(some.sampled_from(["round", "hear"]), some.just(0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_in_whatever_order_the_peer_gets_it_all_in_order(steps: list[Step]) -> None:
    line, written = Line(), b""
    for number, (step, size) in enumerate(steps):
        data = bytes([number]) * size
        if step in ("at once", "in turn"):
            written += data
            (at_once if step == "at once" else in_turn)(line.transport, data)
        elif step == "hear":
            line.hear()
        elif line.waits:
            line.transport.doWrite()

    assert line.hear_all() == written
    line.close()
