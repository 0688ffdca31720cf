"""So many at a time: who comes later waits for a turn."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Turns:
    """A bound to how much is under way, in the order of asking.

    Twisted's `DeferredSemaphore` lets the next one go from within `release`. Where that one ends at once, and
    the next, each ends within the other: some hundred overrun the stack, and their turns are lost for good.
    """

    def __init__(self, count: int) -> None:
        """Let `count` go at once."""
        self.free = count
        self._waiting: deque[Deferred[None]] = deque()
        self._passing_on = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the end of the block."""
        if self.free and not self._waiting:
            self.free -= 1
        else:
            turn: Deferred[None] = Deferred()
            self._waiting.append(turn)
            await turn
        try:
            yield
        finally:
            self.free += 1
            self._pass_on()

    def _pass_on(self) -> None:
        """Let those go who wait, one after the other: whoever ends meanwhile leaves the rest to this."""
        if self._passing_on:
            return
        self._passing_on = True
        try:
            while self.free and self._waiting:
                self.free -= 1
                self._waiting.popleft().callback(None)
        finally:
            self._passing_on = False
