"""Who must be told that the server stops: open sockets, streams, parked polls."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


BACK_A_SECOND = 500
"""How many clients a second may come back after a restart."""
SHORTEST_SPREAD_S, LONGEST_SPREAD_S = 2, 30


class Departure:
    """Knows what is open, and has all of it end when the server goes."""

    def __init__(self) -> None:
        """Have nothing open."""
        self.begun = False
        self.spread_s = SHORTEST_SPREAD_S
        """Over how many seconds those who are sent away should come back."""
        self._open: dict[object, Callable[[], None]] = {}
        self._empty: list[Deferred[None]] = []

    def add(self, one: object, end: Callable[[], None]) -> None:
        """Have `end` called when the server goes; at once where it is going already."""
        if self.begun:
            end()
        else:
            self._open[one] = end

    def discard(self, one: object) -> None:
        """Forget what has ended."""
        self._open.pop(one, None)
        if not self._open:
            waiting, self._empty = self._empty, []
            for deferred in waiting:
                deferred.callback(None)

    def begin(self) -> Deferred[None]:
        """End all that is open. Fires when the last one says that it has ended."""
        self.begun = True
        self.spread_s = max(SHORTEST_SPREAD_S, min(LONGEST_SPREAD_S, len(self._open) // BACK_A_SECOND))
        done: Deferred[None] = Deferred()
        self._empty.append(done)
        for one, end in tuple(self._open.items()):
            try:
                end()
            except Exception:
                logger.exception("Something open could not be ended")
                self.discard(one)
        if not self._open:
            self.discard(None)
        return done
