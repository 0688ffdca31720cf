"""The small parts of the edge: the log bridge, stalls, departures, the epoch for greetings."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure

from realtime.departure import Departure
from realtime.epochs import Epochs
from realtime.errors import Unavailable
from realtime.logs import observe
from realtime.stall import UNSENT_BYTES, StallWatch, keep_little_unsent, progress
from rooms.messages import Heads


class TestLogs:
    def test_an_event_keeps_its_level_and_name(self, caplog: pytest.LogCaptureFixture) -> None:
        Logger("somewhere", observer=observe).warn("{what} is odd", what="this")

        assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
            ("somewhere", "WARNING", "this is odd")
        ]

    def test_a_failure_keeps_its_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        Logger("autobahn.x", observer=observe).failure("broke", Failure(ValueError("odd")))

        assert caplog.records[0].levelno >= logging.ERROR
        assert "ValueError: odd" in caplog.text

    def test_what_holds_whole_handshakes_is_not_passed_on(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        Logger("autobahn.x", observer=observe).debug("Cookie: secret")

        assert caplog.records == []

    def test_chatter_is_for_who_looks_for_it(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        Logger("log_legacy", observer=observe).info("Site starting")
        assert caplog.records == []


class Buffered:
    def __init__(self) -> None:
        self.dataBuffer = b"xxx"
        self.offset = 0


class TestStalls:
    def test_what_was_taken_is_seen_below_tls_too(self) -> None:
        class Tls:
            transport = Buffered()

        before = progress(Tls())
        Tls.transport.offset = 2
        assert (before, progress(Tls())) == ((3, 0, 0), (3, 2, 0))
        assert progress(object()) is None

    def test_what_the_peer_takes_from_the_kernel_is_progress(self) -> None:
        """The kernel asks for more only once a good part of its buffer is free: a slow peer needs minutes."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            peer = socket.create_connection(listening.getsockname())
            connection, _address = listening.accept()
            with peer, connection:
                connection.setblocking(False)
                peer.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while connection.send(bytes(65_536)):
                        pass

                full: Any = Buffered()
                full.socket = connection
                before = progress(full)
                deadline = time.monotonic() + 5
                while progress(full) == before and time.monotonic() < deadline:
                    with contextlib.suppress(BlockingIOError):
                        peer.recv(2**22)
                assert progress(full) != before

    def test_the_kernel_keeps_little_for_who_reads_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            peer.connect(listening.getsockname())
            connection, _address = listening.accept()
            with peer, connection:
                connection.setblocking(False)
                transport: Any = Buffered()
                transport.socket = connection
                keep_little_unsent(transport)
                taken = 0
                with contextlib.suppress(BlockingIOError):
                    while True:
                        taken += connection.send(bytes(16_384))
                assert taken <= 2 * UNSENT_BYTES

    def test_where_nothing_waits_any_longer_the_watch_ends(self) -> None:
        clock, stalls, mark = Clock(), list[int](), [(5, 0)]
        watch = StallWatch(clock, 60, lambda: mark[0], lambda: stalls.append(1))
        watch.paused()
        clock.advance(15)
        assert watch.watching
        mark[0] = (0, 0)
        clock.advance(15)
        assert (watch.watching, stalls, clock.getDelayedCalls()) == (False, [], [])

    def test_a_pause_that_ends_is_no_stall(self) -> None:
        clock, stalls = Clock(), list[int]()
        watch = StallWatch(clock, 60, lambda: (1,), lambda: stalls.append(1))
        for _ in range(10):
            watch.paused()
            clock.advance(14)
            watch.paused()
            clock.advance(14)
            watch.resumed()
        assert stalls == []
        watch.paused()
        clock.pump([15] * 4)
        assert stalls == [1]
        assert clock.getDelayedCalls() == []


class TestDeparture:
    def test_it_ends_all_and_tells_when_the_last_one_has_ended(self) -> None:
        departure, ended = Departure(), list[str]()
        departure.add("a", lambda: ended.append("a"))
        departure.add("b", lambda: ended.append("b"))
        gone: list[None] = []
        departure.begin().addCallback(gone.append)
        departure.discard("a")
        before = list(gone)
        departure.discard("b")

        assert (ended, before, gone) == (["a", "b"], [], [None])

    def test_whoever_comes_later_ends_at_once(self) -> None:
        departure, ended = Departure(), list[str]()
        gone: list[None] = []
        departure.begin().addCallback(gone.append)
        departure.add("late", lambda: ended.append("late"))

        assert (gone, ended) == ([None], ["late"])

    def test_one_that_cannot_be_ended_keeps_nobody(self, caplog: pytest.LogCaptureFixture) -> None:
        departure, gone = Departure(), list[None]()
        departure.add("broken", lambda: dict[str, None]()["x"])
        departure.begin().addCallback(gone.append)

        assert gone == [None]
        assert "KeyError" in caplog.text


class SlowReads:
    def __init__(self) -> None:
        self.asked: list[Deferred[Heads]] = []

    async def heads(self, slugs: Any) -> Heads:
        self.asked.append(Deferred())
        return await self.asked[-1]


class TestEpochs:
    def test_many_at_once_ask_once(self) -> None:
        reads, found = SlowReads(), list[str]()
        epochs = Epochs(reads, Clock())
        for _ in range(3):
            Deferred.fromCoroutine(epochs.epoch()).addCallback(found.append)
        assert len(reads.asked) == 1
        reads.asked[0].callback(Heads("one", 1, {}))

        assert found == ["one"] * 3

    def test_it_is_asked_again_after_a_while(self) -> None:
        reads, clock = SlowReads(), Clock()
        epochs = Epochs(reads, clock)
        Deferred.fromCoroutine(epochs.epoch())
        reads.asked[0].callback(Heads("one", 1, {}))
        Deferred.fromCoroutine(epochs.epoch())
        assert len(reads.asked) == 1
        clock.advance(Epochs.KEEP_S)
        Deferred.fromCoroutine(epochs.epoch())

        assert len(reads.asked) == 2

    def test_a_failure_is_for_all_who_wait_and_is_not_kept(self) -> None:
        reads = SlowReads()
        epochs = Epochs(reads, Clock())
        failed: list[Any] = []
        for _ in range(2):
            Deferred.fromCoroutine(epochs.epoch()).addErrback(lambda f: failed.append(f.check(Unavailable)))
        reads.asked[0].errback(Unavailable())
        Deferred.fromCoroutine(epochs.epoch())

        assert failed == [Unavailable, Unavailable]
        assert len(reads.asked) == 2
