"""Which database this is, for greeting: asked at most once in a while, however many come at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection

    from twisted.internet.interfaces import IReactorTime

    from rooms.messages import Heads


class Reads(Protocol):
    """What tells the epoch."""

    def heads(self, slugs: Collection[str]) -> Awaitable[Heads]:
        """Return the epoch, and how far the rooms' logs go."""


class Epochs:
    """The database's epoch, as it was at most `KEEP_S` ago."""

    KEEP_S = 1.0

    def __init__(self, reads: Reads, clock: IReactorTime) -> None:
        """Know nothing yet."""
        self._reads = reads
        self._clock = clock
        self._known: tuple[float, str] | None = None
        self._asking: list[Deferred[str]] | None = None

    async def epoch(self) -> str:
        """Return it; raise Unavailable where the database does not answer."""
        if self._known is not None and self._clock.seconds() - self._known[0] < self.KEEP_S:
            return self._known[1]
        if self._asking is not None:
            waiting: Deferred[str] = Deferred()
            self._asking.append(waiting)
            return await waiting
        return await self._ask()

    async def _ask(self) -> str:
        self._asking = []
        began_s = self._clock.seconds()
        try:
            epoch = (await self._reads.heads(())).epoch
        except Exception as error:
            waiting, self._asking = self._asking, None
            for one in waiting:
                one.errback(error)
            raise
        self._known = (began_s, epoch)
        waiting, self._asking = self._asking, None
        for one in waiting:
            one.callback(epoch)
        return epoch
