"""What is held for clients that do not take it: how long, and how much of it."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from realtime.stall import StallWatch, progress, unsent_bytes

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from realtime.limits import HttpLimits
    from realtime.seats import Seat

logger = logging.getLogger(__name__)


class Holder(Protocol):
    """A connection for which something is held."""

    transport: Any
    seat: Seat

    def abort(self) -> None:
        """Close without waiting for anything."""


class Unsent:
    """The connections whose clients do not take what is for them, who does so for longest first."""

    def __init__(self, clock: IReactorTime, limits: HttpLimits, *, by_address: bool) -> None:
        """Hold nothing yet. Without `by_address` a proxy speaks for everybody."""
        self._clock = clock
        self._limits = limits
        self._by_address = by_address
        self._watches: dict[Holder, StallWatch] = {}

    def watch(self, holder: Holder) -> None:
        """Cut a connection off once its client has taken nothing at all for `stall_s`."""
        watch = self._watches.get(holder)
        if watch is None:
            # By the holder, whose transport may be another one by then, or none.
            mark, cut_off = lambda: progress(holder.transport), partial(self._cut_off, holder)
            watch = self._watches[holder] = StallWatch(self._clock, self._limits.stall_s, mark, cut_off)
        watch.paused()

    def taken(self, holder: Holder) -> None:
        """Take note that a client has taken everything, or that its connection is gone or another's."""
        watch = self._watches.pop(holder, None)
        if watch is not None:
            watch.resumed()

    def make_room(self, holder: Holder, count: int) -> None:
        """Cut off who has not taken theirs for longest, where too much waits for an address, or in all."""
        if self._by_address:
            near = [one for one in self._watches if one.seat.origin == holder.seat.origin]
            self._cut_down(near, holder, self._limits.unsent_bytes_of_address - count)
        self._cut_down([*self._watches], holder, self._limits.unsent_bytes - count)

    def _cut_down(self, held_for: list[Holder], but: Holder, most_bytes: int) -> None:
        sizes = {one: unsent_bytes(one.transport) for one in held_for if one is not but}
        held = sum(sizes.values())
        for one, size in sizes.items():
            if held <= max(0, most_bytes):
                return
            held -= size
            self._cut_off(one)

    def _cut_off(self, holder: Holder) -> None:
        logger.info("A client that takes nothing of what it asked for is cut off")
        self.taken(holder)
        holder.abort()
