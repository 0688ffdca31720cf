"""The index of words follows the log: when it is brought up to date."""

from __future__ import annotations

import logging

import pytest
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.indexing import Indexing
from realtime.limits import IndexingLimits


class Index:
    """An index that is so many steps behind."""

    def __init__(self) -> None:
        self.behind = 0
        self.steps = 0
        self.broken = False

    async def index_some(self) -> bool:
        """Take one step."""
        if self.broken:
            raise Unavailable
        self.steps += 1
        self.behind = max(0, self.behind - 1)
        return self.behind > 0


@pytest.fixture(name="clock")
def a_clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture(name="index")
def an_index() -> Index:
    """Return an index that is not behind."""
    return Index()


def test_what_was_left_behind_is_indexed_at_the_start(clock: Clock, index: Index) -> None:
    index.behind = 3
    Indexing(index.index_some, clock, IndexingLimits()).start()
    assert (index.behind, index.steps) == (0, 3)


def test_many_commits_are_indexed_together_a_while_after_the_first(clock: Clock, index: Index) -> None:
    indexing = Indexing(index.index_some, clock, IndexingLimits(behind_s=1))
    for _commit in range(7):
        indexing.committed()
        clock.advance(0.125)
    assert index.steps == 0
    clock.advance(0.125)
    assert index.steps == 1
    clock.advance(9)
    assert index.steps == 1
    indexing.committed()
    clock.advance(1)
    assert index.steps == 2


def test_where_it_fails_it_is_tried_again(
    clock: Clock, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    indexing = Indexing(index.index_some, clock, IndexingLimits(behind_s=1))
    index.broken = True
    with caplog.at_level(logging.WARNING):
        indexing.committed()
        clock.advance(1)
        indexing.committed()
        clock.pump([0.5] * 10)
        index.broken = False
        clock.pump([0.5] * 10)
    assert index.steps >= 1
    told = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert told == ["Indexing for the search"] * 2
    indexing.stop()
    assert clock.getDelayedCalls() == []


def test_after_the_stop_nothing_is_indexed_though_commits_still_come_in(clock: Clock, index: Index) -> None:
    indexing = Indexing(index.index_some, clock, IndexingLimits())
    indexing.committed()
    indexing.stop()
    indexing.committed()
    clock.advance(60)
    assert (index.steps, clock.getDelayedCalls()) == (0, [])
