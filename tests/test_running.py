"""How the process is run."""

from __future__ import annotations

import time

from twisted.internet.base import ReactorBase

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
