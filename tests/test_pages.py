"""Django's answers go no faster than they are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.web import server

from realtime.pages import Pages


class Thread:
    """A pool whose one thread runs when it is told to: in step with the test."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def callInThread(self, work: Callable[[], None]) -> None:
        self.work.append(work)


class Reactor(MemoryReactorClock):
    """A reactor whose thread is the test's."""

    def callFromThread(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        call(*args, **kwargs)


class Edge:
    """One connection to pages whose application yields what it is told."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], patience_s: float = 0.01) -> None:
        self.closed = False
        self.reactor, self.thread = Reactor(), Thread()
        pages = Pages(self.reactor, self.thread, self.application, patience_s=patience_s)  # type: ignore[arg-type]
        self.pieces = pieces
        factory = server.Site(pages, reactor=self.reactor)
        self.channel: Any = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 1))
        self.channel.makeConnection(self.transport)
        self.channel.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    def application(self, _environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        edge = self

        class Answer:
            def __iter__(self) -> Iterator[bytes]:
                return edge.pieces()

            def close(self) -> None:
                edge.closed = True

        return Answer()

    @property
    def client(self) -> Any:
        """What the transport tells how fast the client takes it."""
        return self.transport.producer

    def run(self) -> None:
        [work] = self.thread.work
        work()


@pytest.fixture(autouse=True)
def _in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write at once what Twisted's WSGI would have the reactor's thread write."""
    monkeypatch.setattr("twisted.web.wsgi.blockingCallFromThread", lambda _reactor, call, *args: call(*args))


def test_all_of_an_answer_arrives_and_its_application_is_closed() -> None:
    edge = Edge(lambda: iter([b"one", b"two"]))
    with capturedLogs() as logs:
        edge.run()
    assert [event["log_format"] for event in logs if event["log_level"] >= LogLevel.warn] == []
    sent = edge.transport.value()
    assert b"one" in sent
    assert sent.endswith(b"0\r\n\r\n")
    assert edge.closed


def test_no_piece_is_asked_for_while_the_client_takes_nothing_and_patience_ends() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for n in range(10):
            asked.append(n)
            if n == 2:
                edge.client.pauseProducing()
            yield b"x"

    edge = Edge(pieces)
    with capturedLogs() as logs:
        edge.run()
    assert asked == [0, 1, 2]
    assert edge.closed
    assert edge.transport.disconnected
    assert [event["log_format"] for event in logs if event["log_level"] >= LogLevel.warn] == []


def test_a_thread_is_free_once_the_last_piece_is_written() -> None:
    def pieces() -> Iterator[bytes]:
        edge.client.pauseProducing()
        yield b"the whole"

    edge = Edge(pieces, patience_s=3600)
    edge.run()
    assert b"the whole" in edge.transport.value()
    assert edge.closed


def test_it_goes_on_when_the_client_does() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        edge.client.pauseProducing()
        edge.client.resumeProducing()
        yield b"two"

    edge = Edge(pieces)
    edge.run()
    assert b"two" in edge.transport.value()


def test_nothing_more_is_asked_for_once_the_client_is_gone() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for n in range(10):
            asked.append(n)
            if n == 1:
                edge.client.pauseProducing()
                edge.channel.connectionLost(Failure(ConnectionLost()))
            yield b"x"

    edge = Edge(pieces)
    edge.run()
    assert asked == [0, 1]
    assert edge.closed


def test_an_application_that_fails_is_an_error_and_leaves_nothing_behind() -> None:
    def pieces() -> Iterator[bytes]:
        raise ValueError("of the test")

    edge = Edge(pieces)
    edge.run()
    assert edge.transport.value().startswith(b"HTTP/1.1 500")
    assert edge.closed
