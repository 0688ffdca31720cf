"""What other processes are to hear from this one: gathered, and sent together, one NOTIFY at a time.

All of it may be lost. What is written into a room while a NOTIFY is under way, or until `rest_s` after it,
becomes one entry of the next: so commits that follow one another do not each pay for a NOTIFY, which takes
the thread and the database as long as a small commit, and what comes after a silence is said at once.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from realtime.errand import Outage
from rooms import hints

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import NoticeLimits
    from rooms.messages import RoomBatch

logger = logging.getLogger(__name__)


class Speaker(Protocol):
    """What carries notices."""

    def notify(self, payloads: Sequence[str]) -> Awaitable[None]:
        """Say these to all processes; raise Unavailable where that fails."""


class Silence:
    """Notices where nobody else could hear them."""

    told = False
    """Whether other processes are told of commits."""

    def committed(self, batches: Iterable[RoomBatch]) -> None:
        """Say nothing."""

    def access_changed(self, rooms: frozenset[str] | None) -> None:
        """Say nothing."""

    def say(self, items: Iterable[hints.Item]) -> None:
        """Say nothing."""

    async def finish(self) -> None:
        """Have nothing to finish."""


class Notices:
    """Gathers what a turn of the reactor brings, and what comes during a NOTIFY and its rest, into the next.

    What failed is not said again. `lost` is called when the next one has succeeded, so that whoever said
    something that nobody repeats may say it anew.
    """

    told = True

    def __init__(
        self,
        origin: str,
        speaker: Speaker,
        clock: IReactorTime,
        limits: NoticeLimits,
        *,
        lost: Callable[[], None],
    ) -> None:
        """Speak as `origin` by `speaker`."""
        self._origin = origin
        self._speaker = speaker
        self._clock = clock
        self._limits = limits
        self._lost = lost
        self._outage = Outage("Telling other processes")
        self._at: dict[str, hints.Item] = {}
        self._access: set[str] = set()
        self._accounts = False
        self._said: deque[hints.Item] = deque(maxlen=limits.items)
        self._next: IDelayedCall | None = None
        self._speaking = False
        self._failed = False
        self._rested_s = 0.0
        self._finished: list[Deferred[None]] | None = None

    def committed(self, batches: Iterable[RoomBatch]) -> None:
        """Say up to which id rooms are committed. Batches of a room come in any order."""
        for batch in batches:
            known = self._at.get(batch.room)
            if known is None and len(self._at) >= self._limits.items:
                del self._at[next(iter(self._at))]
            if known is None or batch.last_id > int(str(known[2])):
                [self._at[batch.room]] = hints.of_commit([batch])
        self._soon()

    def access_changed(self, rooms: frozenset[str] | None) -> None:
        """Say that rights changed in these rooms; None: on the whole site."""
        if rooms is None or len(self._access) + len(rooms) > self._limits.items:
            # The whole site is more than was changed, and asks no more than what is right.
            self._accounts = True
            self._access.clear()
        elif not self._accounts:
            self._access |= rooms
        self._soon()

    def say(self, items: Iterable[hints.Item]) -> None:
        """Say something else. Where too much waits, the oldest is not said."""
        self._said.extend(items)
        self._soon()

    async def finish(self) -> None:
        """Return when all that was given has been said, or could not be; say nothing after that."""
        if self._finished is None:
            self._finished = []
        if self._speaking or self._next is not None:
            done: Deferred[None] = Deferred()
            self._finished.append(done)
            if self._next is not None:
                self._next.reset(0)
            await done

    def _soon(self) -> None:
        if self._next is None and not self._speaking and self._finished is None:
            self._plan()

    def _plan(self) -> None:
        rest_s = max(0.0, self._rested_s - self._clock.seconds()) if self._finished is None else 0
        self._next = self._clock.callLater(self._limits.pause_s if self._failed else rest_s, self._begin)

    def _begin(self) -> None:
        self._next = None
        self._speaking = True
        Deferred.fromCoroutine(self._speak())

    async def _speak(self) -> None:
        try:
            await self._speaker.notify(tuple(hints.payloads(self._origin, self._taken())))
        except Exception as error:  # noqa: BLE001 (told once an outage; what was lost is covered elsewhere)
            self._outage.failed(error)
            self._failed = True
            self._speaking = False
        else:
            self._speaking = False
            self._went_well()
        self._go_on()

    def _went_well(self) -> None:
        self._rested_s = self._clock.seconds() + self._limits.rest_s
        self._outage.over()
        if self._failed:
            self._failed = False
            self._lost()

    def _go_on(self) -> None:
        if self._anything and not (self._failed and self._finished is not None):
            if self._next is None:
                self._plan()
        elif self._finished is not None:
            finished, self._finished = self._finished, []
            for done in finished:
                done.callback(None)

    @property
    def _anything(self) -> bool:
        return bool(self._at or self._access or self._accounts or self._said)

    def _taken(self) -> list[hints.Item]:
        accounts = list(hints.of_access(None)) if self._accounts else []
        items = [*self._at.values(), *accounts, *hints.of_access(sorted(self._access)), *self._said]
        self._at.clear()
        self._access.clear()
        self._accounts = False
        self._said.clear()
        return items
