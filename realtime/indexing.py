"""Has the index of words follow the log, where it is not written with it (`rooms.search_postgresql`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime.errand import Errand, Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import IndexingLimits


class Indexing:
    """Indexes what commits brought `limits.behind_s` after the first of them, until nothing is left.

    What is not indexed yet is found as well; a search only has more to read.
    """

    def __init__(
        self,
        index_some: Callable[[], Coroutine[Any, Any, bool]],
        clock: IReactorTime,
        limits: IndexingLimits,
    ) -> None:
        """Index by `index_some`, which returns whether there may be more."""
        self._index_some = index_some
        self._clock = clock
        self._limits = limits
        self._call: IDelayedCall | None = None
        self._stopped = False
        self._errand = Errand(self._catch_up, clock, limits.backoff, Outage("Indexing for the search"))

    def start(self) -> None:
        """Index what was left behind."""
        self._errand.start()

    def committed(self) -> None:
        """Take note that there is something to index."""
        if self._call is None and not self._stopped:
            self._call = self._clock.callLater(self._limits.behind_s, self._begin)

    def stop(self) -> None:
        """Leave what is not indexed yet to the next server, or to a search."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
        self._errand.stop()

    def _begin(self) -> None:
        self._call = None
        if self._errand.running:
            self.committed()
        else:
            self._errand.start()

    async def _catch_up(self) -> None:
        while await self._index_some():
            pass
