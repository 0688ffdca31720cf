"""The safety poll, stepped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.limits import PollLimits
from realtime.poll import Poll
from rooms.messages import Heads

if TYPE_CHECKING:
    from collections.abc import Collection


class Source:
    def __init__(self) -> None:
        self.asked: list[Collection[str]] = []
        self.running: Deferred[Heads | None] | None = None

    async def poll(self, slugs: Collection[str]) -> Heads | None:
        assert self.running is None, "two looks at once"
        self.asked.append(slugs)
        self.running = Deferred()
        try:
            return await self.running
        finally:
            self.running = None

    def answer(self, heads: Heads | None) -> None:
        assert self.running is not None
        self.running.callback(heads)

    def fail(self, error: Exception) -> None:
        assert self.running is not None
        self.running.errback(error)


class Stage:
    def __init__(self, limits: PollLimits | None = None) -> None:
        self.clock = Clock()
        self.source = Source()
        self.seen: list[tuple[Heads, float | None]] = []
        self.forgotten = 0
        self.checks: list[float] = []
        self.poll = Poll(
            self.source, self, self, self.clock, limits or PollLimits(heads_s=1, credentials_s=5)
        )

    def rooms(self) -> frozenset[str]:
        return frozenset({"r"})

    def heads_seen(self, heads: Heads, began_s: float | None = None) -> None:
        self.seen.append((heads, began_s))

    def forget(self) -> None:
        self.forgotten += 1

    def check(self) -> None:
        self.checks.append(self.clock.seconds())


def heads(site: int = 1, epoch: str = "one") -> Heads:
    return Heads(epoch, site, {})


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_it_asks_about_the_rooms_that_are_read_and_tells_when_it_asked(stage: Stage) -> None:
    stage.poll.start()
    assert stage.source.asked == []
    stage.clock.advance(1)
    assert stage.source.asked == [frozenset({"r"})]
    stage.clock.advance(0.5)
    stage.source.answer(heads())
    assert stage.seen == [(heads(), 1.0)]


def test_a_look_is_never_begun_before_the_last_one_has_ended(stage: Stage) -> None:
    stage.poll.start()
    stage.clock.pump([1] * 10)
    assert len(stage.source.asked) == 1
    stage.source.answer(heads())
    stage.clock.advance(0.9)
    assert len(stage.source.asked) == 1
    stage.clock.advance(0.2)
    assert len(stage.source.asked) == 2


def test_where_nothing_was_written_nobody_is_told(stage: Stage) -> None:
    stage.poll.start()
    stage.clock.advance(1)
    stage.source.answer(None)
    assert stage.seen == []
    stage.clock.advance(1)
    assert len(stage.source.asked) == 2


def test_an_outage_is_told_once_and_does_not_end_it(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.poll.start()
    for _ in range(5):
        stage.clock.advance(1)
        stage.source.fail(Unavailable(detail="down"))
    stage.clock.advance(1)
    stage.source.answer(heads())
    assert [record.message for record in caplog.records] == [
        "The safety poll: failed, and is tried again: down",
        "The safety poll: works again",
    ]
    assert len(stage.seen) == 1


def test_a_bug_is_told_with_its_traceback_and_does_not_end_it(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.poll.start()
    stage.clock.advance(1)
    stage.source.fail(ZeroDivisionError())
    stage.clock.advance(1)
    assert len(stage.source.asked) == 2
    assert caplog.records[0].exc_info is not None


def test_credentials_are_checked_every_five_seconds_whatever_the_look_does(stage: Stage) -> None:
    stage.poll.start()
    stage.clock.pump([1] * 11)
    assert stage.checks == [5.0, 10.0]


def test_when_accounts_changed_everybody_is_forgotten_at_once(stage: Stage) -> None:
    """The first look knows of no version before it, and so must take those who came before for changed."""
    stage.poll.start()
    for site, forgotten in ((1, 1), (1, 1), (2, 2), (2, 2)):
        stage.clock.advance(1)
        stage.source.answer(heads(site))
        assert stage.forgotten == forgotten


def test_in_another_epoch_everybody_is_forgotten(stage: Stage) -> None:
    stage.poll.start()
    for epoch in ("one", "two"):
        stage.clock.advance(1)
        stage.source.answer(heads(epoch=epoch))
    assert stage.forgotten == 2


def test_with_intervals_of_0_it_never_looks() -> None:
    stage = Stage(PollLimits(heads_s=0, credentials_s=0))
    stage.poll.start()
    assert not stage.clock.getDelayedCalls()


def test_after_a_stop_nothing_is_asked_and_nothing_told(stage: Stage) -> None:
    stage.poll.start()
    stage.clock.advance(1)
    stage.poll.stop()
    stage.source.answer(heads())
    assert stage.seen == []
    assert not stage.clock.getDelayedCalls()


def test_told_that_something_was_missed_it_looks_at_once(stage: Stage) -> None:
    stage.poll.start()
    stage.clock.advance(0.5)
    stage.poll.look_now()
    assert len(stage.source.asked) == 1
    stage.source.answer(heads())
    stage.clock.advance(0.9)
    assert len(stage.source.asked) == 1, "the next look is a whole interval after this one"
    stage.clock.advance(0.1)
    assert len(stage.source.asked) == 2


def test_told_so_during_a_look_it_looks_once_more(stage: Stage) -> None:
    stage.poll.start()
    stage.clock.advance(1)
    stage.poll.look_now()
    stage.poll.look_now()
    assert len(stage.source.asked) == 1
    stage.source.answer(heads())
    assert len(stage.source.asked) == 2
    stage.source.answer(heads())
    assert len(stage.source.asked) == 2


def test_one_that_never_looks_by_itself_looks_when_told() -> None:
    stage = Stage(PollLimits(heads_s=0, credentials_s=0))
    stage.poll.start()
    stage.poll.look_now()
    stage.source.answer(heads())
    stage.clock.advance(1000)
    assert len(stage.source.asked) == 1


def test_stopped_it_does_not_look_when_told(stage: Stage) -> None:
    stage.poll.look_now()
    stage.poll.start()
    stage.poll.stop()
    stage.poll.look_now()
    assert stage.source.asked == []
