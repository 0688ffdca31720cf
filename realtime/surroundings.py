"""What all feeds of a hub have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from realtime.errand import Errand, Outage
from realtime.tail import Encoded, Tail
from rooms.messages import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from twisted.internet.interfaces import IReactorTime

    from realtime.limits import HubLimits
    from realtime.turns import Turns
    from rooms.messages import Access, Heads, Page, Posted, UserId, Versions


class Reads(Protocol):
    """What a hub asks of the database. Whatever is raised is told once, and tried again."""

    async def after(self, slug: str, cursor: int, limit: int) -> Page:
        """Return what follows a cursor, as `rooms.history.after`."""

    async def who_may(
        self, slug: str, readers: Collection[UserId | None]
    ) -> tuple[Versions, dict[UserId | None, Access]]:
        """Return what each reader may do, as `rooms.permissions.who_may`."""

    async def heads(self, slugs: Collection[str]) -> Heads:
        """Return how far the rooms' logs go, as `rooms.history.heads`."""


@dataclass(frozen=True)
class Surroundings:
    """What feeds read, tell the time and encode by. The turns bound how many reads run at once."""

    reads: Reads
    clock: IReactorTime
    encode: Callable[[Posted], bytes]
    limits: HubLimits
    outage: Outage
    feed_turns: Turns
    reader_turns: Turns

    def errand(self, job: Callable[[], Coroutine[Any, Any, None]]) -> Errand:
        """Return an errand that tells its failures to the hub's outage."""
        return Errand(job, self.clock, self.limits.backoff, self.outage)

    def tail(self, floor: int) -> Tail:
        """Return an empty tail above `floor`."""
        return Tail(floor, self.limits.tail_messages, self.limits.tail_bytes)

    def encoded(self, messages: Sequence[Posted]) -> tuple[Encoded, ...]:
        """Return messages as they go over the wire.

        A reaction concerns no text that must not be given out again: whoever gets its target's older bytes
        from the tail gets the reaction after them, and applies it. So it does not cut the tail, which a busy
        room would else never have.
        """
        return tuple(
            Encoded(m.id, self.encode(m), m.target if m.kind in (Kind.EDIT, Kind.REDACTION) else None)
            for m in messages
        )
