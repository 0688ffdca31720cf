"""The listener, stepped: connecting, hearing, and finding out that it hears nothing."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from realtime.errors import Unavailable
from realtime.limits import Backoff, ListenerLimits
from realtime.listener import Listener


class Line:
    def __init__(self) -> None:
        self.came: list[str] = []
        self.error: Exception | None = None
        self.closed = False

    def fileno(self) -> int:
        return -1 if self.closed else 7

    def take(self) -> list[str]:
        if self.error is not None:
            raise self.error
        came, self.came = self.came, []
        return came

    def close(self) -> None:
        self.closed = True


class Stage(Clock):
    """A reactor, the database, and whoever is told."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.connecting: list[Deferred[Line]] = []
        self.heard: list[str] = []
        self.pings = 0
        self.connects = 0
        self.chance = 1.0
        limits = ListenerLimits(hear_s=5, backoff=Backoff(first_s=1, longest_s=4))
        self.listener = Listener(
            self,
            self,
            limits,
            take=self._take,
            ping=self._ping,
            connected=self._connected,
            random=lambda: self.chance,
        )

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        assert reader.fileno() == 7, "closed before the reactor let go of it"
        self.readers.remove(reader)

    async def listen(self) -> Line:
        answer: Deferred[Line] = Deferred()
        self.connecting.append(answer)
        return await answer

    def connect(self) -> Line:
        """Let the connect that is under way succeed."""
        line = Line()
        self.connecting.pop(0).callback(line)
        return line

    def fail(self) -> None:
        self.connecting.pop(0).errback(Unavailable())

    def tell(self, line: Line, *payloads: str) -> None:
        """Have something come in."""
        line.came += payloads
        self.readers[0].doRead()

    def _take(self, payload: str) -> bool:
        if payload == "broken":
            raise ValueError(payload)
        self.heard.append(payload)
        return payload == "own"

    def _ping(self) -> None:
        self.pings += 1

    def _connected(self) -> None:
        self.connects += 1


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.listener.start()
    return stage


def test_what_comes_in_is_passed_on(stage: Stage) -> None:
    line = stage.connect()
    verifyObject(IReadDescriptor, stage.readers[0])
    stage.tell(line, "one", "two")
    stage.tell(line)

    assert stage.heard == ["one", "two"]


def test_after_every_connect_what_was_missed_is_looked_for(stage: Stage) -> None:
    assert stage.connects == 0
    line = stage.connect()
    assert (stage.connects, stage.pings) == (1, 1)
    line.error = Unavailable()
    stage.readers[0].doRead()
    stage.advance(1)
    stage.connect()
    assert (stage.connects, stage.pings) == (2, 2)


def test_a_line_that_breaks_is_let_go_of_before_another_is_made(stage: Stage) -> None:
    line = stage.connect()
    line.error = Unavailable()
    stage.readers[0].doRead()
    assert line.closed
    assert stage.readers == []
    assert stage.connecting == []
    stage.advance(1)
    second = stage.connect()
    stage.tell(second, "again")
    assert stage.heard == ["again"]


def test_a_line_that_the_reactor_finds_lost_is_made_anew(stage: Stage) -> None:
    line = stage.connect()
    ear = stage.readers[0]
    ear.connectionLost(Failure(ConnectionDone()))
    ear.connectionLost(Failure(ConnectionDone()))
    assert line.closed
    stage.advance(1)
    assert len(stage.connecting) == 1


def test_hearing_itself_it_goes_on(stage: Stage) -> None:
    line = stage.connect()
    for _ in range(10):
        stage.tell(line, "own")
        stage.advance(5)
    assert not line.closed
    assert stage.pings == 11


def test_not_even_hearing_itself_it_connects_again(stage: Stage) -> None:
    line = stage.connect()
    stage.tell(line, "own")
    stage.advance(4.9)
    stage.tell(line, "of others")
    stage.advance(0.1)
    assert line.fileno() == 7
    stage.tell(line, "of others")
    stage.advance(5)
    assert line.closed, "others may be heard by what was sent before; this process was not"
    stage.advance(1)
    assert len(stage.connecting) == 1


def test_failing_again_and_again_it_waits_longer_by_chance(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    for pause_s in (1, 2, 4, 4):
        stage.fail()
        stage.advance(pause_s - 0.01)
        assert stage.connecting == []
        stage.advance(0.01)
        assert len(stage.connecting) == 1
    stage.chance = 0.25
    stage.fail()
    stage.advance(1)
    line = stage.connect()
    stage.tell(line, "own")
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], "a line for an outage"

    stage.chance = 1.0
    line.error = Unavailable()
    stage.readers[0].doRead()
    stage.advance(1)
    assert len(stage.connecting) == 1, "the pause is short again once this process was heard"


def test_one_payload_that_breaks_does_not_keep_the_next_from_being_heard(stage: Stage) -> None:
    line = stage.connect()
    stage.tell(line, "broken", "fine")
    assert stage.heard == ["fine"]
    assert not line.closed


def test_stopped_it_lets_go_of_everything(stage: Stage) -> None:
    line = stage.connect()
    stage.listener.stop()
    assert line.closed
    assert stage.readers == []
    assert stage.getDelayedCalls() == []


def test_a_line_that_comes_after_the_stop_is_closed(stage: Stage) -> None:
    stage.listener.stop()
    assert stage.connect().closed
    assert stage.readers == []


def test_a_connect_that_fails_after_the_stop_is_the_last(stage: Stage) -> None:
    stage.listener.stop()
    stage.fail()
    assert stage.getDelayedCalls() == []
