"""A hub for tests, stepped: reads happen when a test says so, turns when it turns."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from realtime.hub import Hub, Subscription
from realtime.limits import HubLimits
from rooms.messages import UserId
from tests.support_realtime import MAY_SEE, MemoryLog, RememberingReader, StepReads, encode


class Turns(Clock):
    """A clock whose turns are those of a reactor: what one of them calls for comes in the next."""

    def turn(self) -> None:
        """Call what is due."""
        due: list[Any] = [call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()]
        for call in due:
            self.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


class Stage:
    """A hub on a log in memory. What it encodes is noted by id."""

    def __init__(self, limits: HubLimits | None = None) -> None:
        """Make it."""
        self.clock = Turns()
        self.log = MemoryLog()
        self.reads = StepReads(self.log)
        self.encoded: list[int] = []
        self.hub = Hub(self.reads, self.clock, encode=self._encode, limits=limits or HubLimits())

    def attach(
        self, cursor: int | None = None, *, room: str = "r", user: UserId | None = 1, limit: int = 200
    ) -> RememberingReader:
        """Attach a reader, at the head if nowhere else, and wake it."""
        at = self.log.head(room) if cursor is None else cursor
        reader = RememberingReader(at)
        versions, rights = self.log.rights(room, [user])
        reader.subscription = self.hub.attach(
            room, reader, user_id=user, cursor=at, versions=versions, limit=limit, access=rights[user]
        )
        reader.subscription.wake()
        return reader

    def at_hand(self, cursor: int | None = 0, epoch: str | None = None, *, user: UserId | None = 1) -> bool:
        """Tell whether somebody who comes back need not be asked about."""
        page = self.hub.page_at_hand("r", user, cursor=cursor, epoch=epoch)
        if page is not None:
            assert (page.head, page.versions) == (self.log.head("r"), self.log.versions("r"))
            assert (page.messages, page.more, page.start, page.access) == ((), False, 0, MAY_SEE)
        return page is not None

    def _encode(self, posted: object) -> bytes:
        self.encoded.append(posted.id)  # type: ignore[attr-defined]
        return encode(posted)  # type: ignore[arg-type]


def sub(reader: RememberingReader) -> Subscription:
    """Return a reader's subscription."""
    assert reader.subscription is not None
    return reader.subscription
