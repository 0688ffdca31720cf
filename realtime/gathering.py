"""One question for many: whoever asks while one of the same kind is under way joins the next one.

After a restart all clients come back at once and ask the same of the database, each about itself. A question
about one costs as much as one about hundreds, so the first is asked at once, and all that come while the
database answers it are asked about together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import GatheringLimits

K = TypeVar("K", bound="Hashable")
M = TypeVar("M", bound="Hashable")
A = TypeVar("A")


class Gathering(Generic[K, M, A]):
    """Questions about members, gathered by key. An answer was read after its question was asked, always."""

    def __init__(
        self,
        ask: Callable[[K, Collection[M]], Awaitable[Mapping[M, A]]],
        clock: IReactorTime,
        limits: GatheringLimits,
    ) -> None:
        """Ask by `ask`, which answers for each member; what it raises is raised to all of them."""
        self._ask = ask
        self._clock = clock
        self._limits = limits
        self._under_way: dict[K, int] = {}
        self._waiting: dict[K, _Group[M, A]] = {}

    async def about(self, key: K, member: M) -> A:
        """Return the answer for one member."""
        group = self._waiting.get(key)
        if group is None:
            group = self._waiting[key] = _Group()
        answer = group.join(member)
        if not self._under_way.get(key) or group.size >= self._limits.at_once:
            self._depart(key)
        elif group.timer is None:
            # What is under way may hang: those who wait for its end do not hang with it.
            group.timer = self._clock.callLater(self._limits.patience_s, self._depart, key)
        return await answer

    def _depart(self, key: K) -> None:
        group = self._waiting.pop(key)
        if group.timer is not None and group.timer.active():
            group.timer.cancel()
        self._under_way[key] = self._under_way.get(key, 0) + 1
        Deferred.fromCoroutine(self._bring(key, group))

    async def _bring(self, key: K, group: _Group[M, A]) -> None:
        try:
            answers = await self._ask(key, group.members)
        except Exception as error:  # noqa: BLE001 (it is for those who asked)
            self._is_back(key)
            group.fail(error)
        else:
            self._is_back(key)
            group.answer(answers)

    def _is_back(self, key: K) -> None:
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]
            if key in self._waiting:
                self._depart(key)


class _Group(Generic[M, A]):
    """Those who are asked about together, and who waits for which answer."""

    def __init__(self) -> None:
        self.timer: IDelayedCall | None = None
        self._waiting: dict[M, list[Deferred[A]]] = {}

    @property
    def members(self) -> Collection[M]:
        return tuple(self._waiting)

    @property
    def size(self) -> int:
        return len(self._waiting)

    def join(self, member: M) -> Deferred[A]:
        answer: Deferred[A] = Deferred()
        self._waiting.setdefault(member, []).append(answer)
        return answer

    def answer(self, answers: Mapping[M, A]) -> None:
        for member, waiting in self._waiting.items():
            for deferred in waiting:
                deferred.callback(answers[member])

    def fail(self, error: Exception) -> None:
        for waiting in self._waiting.values():
            for deferred in waiting:
                deferred.errback(error)
