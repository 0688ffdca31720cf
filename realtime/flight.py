"""Reads from the database that are under way for subscriptions of a room, each for one or more of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from realtime.errand import Errand
    from realtime.subscription import Subscription
    from realtime.surroundings import Surroundings
    from realtime.tail import Encoded
    from rooms.messages import Page, Posted


class Flight:
    """A read of at most `limit` messages after `cursor`.

    What is edited or redacted while it is under way makes its page stale: a text that it brings may
    have been withheld since, and whoever asked late must not get it.
    """

    def __init__(self, cursor: int, limit: int) -> None:
        """Wait for a turn to begin."""
        self.cursor = cursor
        self.limit = limit
        self.errand: Errand | None = None
        self.began_s: float | None = None
        self.head = 0
        """The feed's head when the read began: what a last page lacks up to here is not in the log."""
        self._subscriptions: list[Subscription] = []
        self._amended: dict[int, int] = {}

    @property
    def window(self) -> tuple[int, int]:
        """Return by what a feed finds it: who may join stands in this window, or in the next one."""
        return self.cursor // self.limit, self.limit

    @property
    def waiting(self) -> list[Subscription]:
        """Those who still want the page."""
        return [s for s in self._subscriptions if s.flight is self and not s.ended]

    def join(self, subscription: Subscription) -> None:
        """Bring the page to one more."""
        subscription.flight = self
        self._subscriptions.append(subscription)

    def covers(self, cursor: int, limit: int) -> bool:
        """Tell whether the page holds what follows a cursor, however it turns out.

        Between two cursors lie at most as many messages as ids, so a page that begins less than its limit
        below a cursor reaches beyond it, or to the end of the log.
        """
        return limit == self.limit and 0 <= cursor - self.cursor < limit

    def begin(self, now_s: float, head: int) -> None:
        """Take note that the database is asked now."""
        self.began_s = now_s
        self.head = head
        self._amended.clear()

    def wait(self) -> None:
        """Wait for another turn, after a read that failed."""
        self.began_s = None

    def may_be_joined(self, now_s: float, share_s: float) -> bool:
        """Tell whether somebody who asks now may have what this read brings."""
        return self.began_s is None or (now_s - self.began_s <= share_s and not self._amended)

    def published(self, message: Encoded) -> None:
        """Take note of what is published while this is under way."""
        if message.concerns is not None and self.began_s is not None:
            self._amended[message.concerns] = message.id

    def is_stale(self, page: Page) -> bool:
        """Tell whether a text of the page was amended after it was read."""
        return bool(self._amended) and any(self._was_amended(posted) for posted in page.messages)

    def _was_amended(self, posted: Posted) -> bool:
        about = posted.id if posted.target is None else posted.target
        amended = self._amended.get(about, 0)
        return amended > max(posted.id, posted.changed or 0)


class Flights:
    """All of one room: one read for all who want about the same, tried again until it succeeds."""

    def __init__(
        self,
        around: Surroundings,
        read: Callable[[Flight], Coroutine[Any, Any, Page]],
        land: Callable[[Flight, Sequence[Subscription], Page], None],
    ) -> None:
        """Have `read` bring each page, and `land` take it, with those who waited for it."""
        self._around = around
        self._read = read
        self._land = land
        self._to_join: dict[tuple[int, int], Flight] = {}
        self._under_way: set[Flight] = set()

    def board(self, subscription: Subscription) -> None:
        """Have what follows a cursor read."""
        flight = self._for(subscription)
        if flight is None:
            flight = Flight(subscription.cursor, subscription.limit)
            self._to_join[flight.window] = flight
            self._under_way.add(flight)
            flight.errand = self._around.errand(partial(self._bring, flight))
        flight.join(subscription)
        if flight.errand is not None:
            flight.errand.start()

    def published(self, message: Encoded) -> None:
        """Take note of what is published meanwhile."""
        for flight in self._under_way:
            flight.published(message)

    def start_over(self) -> None:
        """Let nobody join what is under way: the log ends elsewhere now."""
        self._to_join.clear()

    def stop(self) -> None:
        """Read nothing more."""
        for flight in self._under_way:
            if flight.errand is not None:
                flight.errand.stop()
        self._under_way.clear()
        self._to_join.clear()

    def _for(self, subscription: Subscription) -> Flight | None:
        """Return a read that brings what follows a cursor and may still be joined, if there is one."""
        now_s, share_s = self._around.clock.seconds(), self._around.limits.share_s
        window, limit = subscription.cursor // subscription.limit, subscription.limit
        for near in (window, window - 1):
            flight = self._to_join.get((near, limit))
            if flight and flight.covers(subscription.cursor, limit) and flight.may_be_joined(now_s, share_s):
                return flight
        return None

    async def _bring(self, flight: Flight) -> None:
        if flight.waiting:
            try:
                page = await self._read(flight)
            except Exception:
                flight.wait()
                raise
            self._forget(flight)
            waiting = flight.waiting
            for subscription in waiting:
                subscription.flight = None
            self._land(flight, waiting, page)
        else:
            self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        self._under_way.discard(flight)
        if self._to_join.get(flight.window) is flight:
            del self._to_join[flight.window]
