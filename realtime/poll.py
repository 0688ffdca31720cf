"""The safety poll: finds what no hint told, and who is no longer who they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from realtime.errand import Outage

if TYPE_CHECKING:
    from collections.abc import Collection

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import PollLimits
    from rooms.messages import Heads


class Source(Protocol):
    """Where the poll looks."""

    async def poll(self, slugs: Collection[str]) -> Heads | None:
        """Return how far these rooms' logs go, None where nothing was written since the last time."""


class Feeds(Protocol):
    """Who is told of rooms."""

    def rooms(self) -> frozenset[str]:
        """Return the rooms to ask about."""

    def heads_seen(self, heads: Heads, began_s: float | None = None) -> None:
        """Take what was found by a look that began then."""


class People(Protocol):
    """Who is told of accounts."""

    def forget(self) -> None:
        """Accounts changed: ask about everybody again."""

    def check(self) -> None:
        """Ask about those who are connected."""


class Poll:
    """Looks again `limits.heads_s` after the last look has ended, so that two never overlap; 0: never.

    Credentials are checked every `limits.credentials_s`, and at once where the site's version moved.
    """

    def __init__(
        self, source: Source, feeds: Feeds, people: People, clock: IReactorTime, limits: PollLimits
    ) -> None:
        """Look in `source` for `feeds` and `people`."""
        self._source = source
        self._feeds = feeds
        self._people = people
        self._clock = clock
        self._limits = limits
        self._outage = Outage("The safety poll")
        self._site: tuple[str, int] | None = None
        self._next_look: IDelayedCall | None = None
        self._next_check: IDelayedCall | None = None
        self._running = False
        self._looking = False
        self._at_once = False

    def start(self) -> None:
        """Begin."""
        self._running = True
        self._plan_look()
        self._plan_check()

    def stop(self) -> None:
        """Look no more; what a look brings that is under way is not told."""
        self._running = False
        for call in (self._next_look, self._next_check):
            if call is not None and call.active():
                call.cancel()

    def look_now(self) -> None:
        """Look at once, also where it never looks by itself: something may have been missed.

        A look that is under way may have begun before that, so another one follows it.
        """
        if self._looking:
            self._at_once = True
        elif self._running:
            if self._next_look is not None and self._next_look.active():
                self._next_look.cancel()
            self._begin_look()

    def _plan_look(self) -> None:
        if self._running and self._at_once:
            self._at_once = False
            self._begin_look()
        elif self._running and self._limits.heads_s:
            self._next_look = self._clock.callLater(self._limits.heads_s, self._begin_look)

    def _begin_look(self) -> None:
        self._looking = True
        Deferred.fromCoroutine(self._look())

    def _plan_check(self) -> None:
        if self._running and self._limits.credentials_s:
            self._next_check = self._clock.callLater(self._limits.credentials_s, self._check)

    def _check(self) -> None:
        self._people.check()
        self._plan_check()

    async def _look(self) -> None:
        began_s = self._clock.seconds()
        try:
            heads = await self._source.poll(self._feeds.rooms())
            if heads is not None and self._running:
                self._tell(heads, began_s)
        except Exception as error:  # noqa: BLE001 (told once an outage, and looked again)
            self._outage.failed(error)
        else:
            self._outage.over()
        self._looking = False
        self._plan_look()

    def _tell(self, heads: Heads, began_s: float) -> None:
        site = (heads.epoch, heads.site)
        # At the first look nobody knows by which version those were known who came before it.
        if self._site != site:
            self._people.forget()
        self._site = site
        self._feeds.heads_seen(heads, began_s)
