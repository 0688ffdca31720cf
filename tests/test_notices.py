"""What other processes are told: gathered, one NOTIFY at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.limits import NoticeLimits
from realtime.notices import Notices
from tests.test_hints import batch


class Stage:
    def __init__(self, limits: NoticeLimits | None = None) -> None:
        self.clock = Clock()
        self.said: list[list[Any]] = []
        self.running: Deferred[None] | None = None
        self.lost = 0
        self.notices = Notices("me", self, self.clock, limits or NoticeLimits(), lost=self._lost)

    async def notify(self, payloads: Sequence[str]) -> None:
        assert self.running is None, "two at once"
        self.said.append([item for payload in payloads for item in json.loads(payload)["said"]])
        self.running = Deferred()
        try:
            await self.running
        finally:
            self.running = None

    def sent(self) -> None:
        assert self.running is not None
        self.running.callback(None)
        self.clock.advance(NoticeLimits().rest_s)

    def fails(self) -> None:
        assert self.running is not None
        self.running.errback(Unavailable())
        self.clock.advance(0)

    def turn(self) -> list[Any]:
        """Let a turn of the reactor pass, and return what was said last."""
        self.clock.advance(0)
        return self.said[-1]

    def _lost(self) -> None:
        self.lost += 1


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_what_a_turn_brings_is_one_notify(stage: Stage) -> None:
    stage.notices.committed([batch("a", 5)])
    stage.notices.committed([batch("b", 6), batch("a", 7)])
    stage.notices.access_changed(frozenset({"c"}))
    stage.notices.say([("ping",)])
    assert stage.said == [], "the turn is not over"

    assert stage.turn() == [
        ["at", "a", 7, "one", 3, 4],
        ["at", "b", 6, "one", 3, 4],
        ["access", "c"],
        ["ping"],
    ]


def test_what_comes_meanwhile_waits_and_is_one_entry_a_room(stage: Stage) -> None:
    stage.notices.committed([batch("a", 1)])
    stage.turn()
    for number in range(2, 100):
        stage.notices.committed([batch("a", number)])
        stage.clock.advance(1)
    assert len(stage.said) == 1

    stage.sent()
    assert stage.said[1:] == [[["at", "a", 99, "one", 3, 4]]]
    stage.sent()
    assert len(stage.said) == 2


def test_after_one_it_rests_and_after_that_says_at_once(stage: Stage) -> None:
    rest_s = NoticeLimits().rest_s
    stage.notices.committed([batch("a", 1)])
    stage.turn()
    stage.clock.advance(rest_s)
    assert stage.running is not None
    stage.running.callback(None)

    for number in range(2, 5):
        stage.notices.committed([batch("a", number)])
        stage.clock.advance(rest_s / 4)
    assert len(stage.said) == 1
    stage.clock.advance(rest_s / 4)
    assert stage.said[1:] == [[["at", "a", 4, "one", 3, 4]]]
    stage.sent()

    stage.notices.committed([batch("a", 5)])
    stage.turn()
    assert stage.said[2:] == [[["at", "a", 5, "one", 3, 4]]]


def test_a_batch_that_comes_late_takes_nothing_back(stage: Stage) -> None:
    stage.notices.committed([batch("a", 9)])
    stage.notices.committed([batch("a", 8)])

    assert stage.turn() == [["at", "a", 9, "one", 3, 4]]


def test_changed_accounts_are_more_than_changed_rooms(stage: Stage) -> None:
    stage.notices.access_changed(frozenset({"a"}))
    stage.notices.access_changed(None)
    stage.notices.access_changed(frozenset({"b"}))

    assert stage.turn() == [["accounts"]]


def test_after_a_failure_it_waits_and_says_that_something_was_lost(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        stage.notices.committed([batch("a", 1)])
        stage.clock.advance(1)
        stage.fails()
    stage.notices.committed([batch("a", 2)])
    stage.clock.advance(0.5)
    assert len(stage.said) == 3, "it does not hammer"
    assert stage.lost == 0

    stage.clock.advance(0.5)
    stage.sent()
    assert stage.said[3:] == [[["at", "a", 2, "one", 3, 4]]]
    assert stage.lost == 1
    assert len(caplog.records) == 2, "an outage is a line at its beginning and one at its end"


def test_what_waits_is_bounded() -> None:
    stage = Stage(NoticeLimits(items=3))
    stage.notices.say([("ping",)])
    stage.turn()
    for number in range(10):
        stage.notices.committed([batch(f"r{number}", number + 1)])
        stage.notices.say([("who", f"r{number}")])
        stage.notices.access_changed(frozenset({f"r{number}"}))
    stage.sent()

    said = stage.said[-1]
    assert [item[1] for item in said if item[0] == "at"] == ["r7", "r8", "r9"]
    assert [item[1] for item in said if item[0] == "who"] == ["r7", "r8", "r9"]
    assert [item for item in said if item[0] in {"access", "accounts"}] == [["accounts"]], "too many to name"


def test_finishing_says_what_waits_and_nothing_after_that(stage: Stage) -> None:
    stage.notices.committed([batch("a", 1)])
    stage.turn()
    stage.notices.say([("bye",)])
    finished = Deferred.fromCoroutine(stage.notices.finish())
    stage.sent()
    assert stage.said[-1] == [["bye"]]
    when_the_bye_was_sent = finished.called
    stage.sent()
    assert (when_the_bye_was_sent, finished.called) == (False, True)

    stage.notices.committed([batch("a", 2)])
    stage.clock.advance(10)
    assert len(stage.said) == 2


def test_finishing_with_nothing_to_say_is_done_at_once(stage: Stage) -> None:
    assert Deferred.fromCoroutine(stage.notices.finish()).called


def test_finishing_does_not_wait_for_a_database_that_is_gone(stage: Stage) -> None:
    stage.notices.say([("ping",)])
    stage.turn()
    stage.notices.say([("bye",)])
    stage.fails()
    finished = Deferred.fromCoroutine(stage.notices.finish())
    stage.clock.advance(0)
    assert stage.said[-1] == [["bye"]], "tried at once, not after the pause"
    stage.fails()
    assert finished.called
