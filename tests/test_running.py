"""How the process is run."""

from __future__ import annotations

import gc
import time
import weakref

from twisted.internet.base import ReactorBase

from realtime import running
from realtime.running import go_by_a_steady_clock


class BareReactor(ReactorBase):
    """A reactor that only has timers."""

    def installWaker(self) -> None:  # noqa: N802 (Twisted's spelling)
        """Do without."""


def test_timers_do_not_move_with_the_time_of_day() -> None:
    """The whole server under a moved clock: `python -m tests.faults --only clock`."""
    reactor = BareReactor()
    go_by_a_steady_clock(reactor)
    before_s = time.monotonic()
    due_s = reactor.callLater(60, lambda: None).getTime()
    assert before_s + 60 <= due_s <= time.monotonic() + 60


def test_the_collector_passes_over_what_is_there_and_still_finds_what_comes() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    thresholds, there = gc.get_threshold(), Cycle()
    try:
        running._collect_seldom()
        assert not any(one is there for one in gc.get_objects()), "it would be looked at again and again"
        come = weakref.ref(Cycle())
        gc.collect()
        assert come() is None
        assert gc.get_threshold()[2] > thresholds[2]
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
