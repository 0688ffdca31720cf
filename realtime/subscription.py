"""One reader's cursor on a room's feed."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rooms.messages import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime.tail import Batch
    from rooms.messages import UserId, Versions

logger = logging.getLogger(__name__)

FAILED = "A reader of %s failed; its subscription ends"


class Reader(Protocol):
    """Who is given what a subscription reads. Implemented by the transports."""

    def messages(self, batch: Batch) -> None:
        """Take what follows the cursor, which was `batch.prev` and is `batch.last_id` now."""

    def reset(self, after: int, epoch: str) -> None:
        """Take note that the cursor is void: it is `after` now, in this epoch, and goes on from there."""

    def left(self, code: Code) -> None:
        """Take note that the subscription has ended: the reader may not read on, or has failed."""


class Feed(Protocol):
    """What a subscription needs of its room's feed."""

    @property
    def head(self) -> int:
        """The last id published."""

    @property
    def readable(self) -> bool:
        """Whether anything may be given out now."""

    def serve(self, subscription: Subscription) -> bool:
        """Give what follows the cursor and return True, or have it read and return False."""

    def remove(self, subscription: Subscription) -> None:
        """Let it go."""


class Subscription:
    """A cursor on a room's feed, which moves as its reader takes what follows it.

    Made by `Hub.attach`. Nothing is given to the reader before the first `wake()`, while paused, or after
    `end()`. One that is behind reads on by itself; it keeps nothing in memory for it.
    """

    def __init__(  # noqa: PLR0913 (each is a fact about one reader)
        self,
        room: str,
        feed: Feed,
        reader: Reader,
        *,
        user_id: UserId | None,
        cursor: int,
        judged: Versions,
        limit: int,
    ) -> None:
        """Stand at `cursor`, judged by these versions, taking at most `limit` messages at a time."""
        self.room = room
        self.user_id = user_id
        self.cursor = cursor
        self.limit = limit
        self.judged = judged
        self.epoch = judged.epoch
        self.ended = False
        self.may_post = False
        """Whether its reader was last found to be allowed to write here."""
        self.flight: object | None = None
        """The read from the database that is under way for it."""
        self.nothing_until = cursor
        """The log is known to hold nothing above the cursor up to here (what was there is purged)."""
        self._feed = feed
        self._reader = reader
        self._awake = False
        self._paused = False
        self._giving = False

    @property
    def caught_up(self) -> bool:
        """Whether nothing is known to follow the cursor."""
        return self._feed.readable and self.place >= self._feed.head

    @property
    def readable(self) -> bool:
        """Whether its reader may be given anything of the room now: it was judged by what is known."""
        return not self.ended and self._feed.readable

    @property
    def place(self) -> int:
        """How far the log has been read: the cursor, or further where nothing was found."""
        return max(self.cursor, self.nothing_until)

    @property
    def willing(self) -> bool:
        """Whether its reader takes messages now."""
        return self._awake and not self._paused and not self.ended and self.flight is None

    def wake(self) -> None:
        """Read on from the cursor, and from now on whenever there is something after it."""
        self._awake = True
        self.read_on()

    def pause(self) -> None:
        """Give the reader nothing until `resume()`."""
        self._paused = True

    def resume(self) -> None:
        """Go on after `pause()`, with what has come since."""
        self._paused = False
        self.read_on()

    def end(self, code: Code | None = None) -> None:
        """Give the reader nothing more. With a code, tell it that it may not read on. Twice is once."""
        if self.ended:
            return
        self.ended = True
        self._feed.remove(self)
        if code is not None:
            self._guarded(partial(self._reader.left, code))

    # For the feed

    def read_on(self) -> None:
        """Take what follows the cursor for as long as the reader takes it and memory holds it."""
        while not self._giving and self.willing and self._feed.serve(self):
            pass

    def offer(self, batch: Batch) -> None:
        """Take a batch that all are offered where it joins on to the cursor; in any case read on."""
        if (
            self.cursor == batch.prev
            and self.nothing_until <= self.cursor
            and self.willing
            and not self._giving
        ):
            self.give(batch.first(self.limit))
        if self.cursor < self._feed.head:
            self.read_on()

    def give(self, batch: Batch) -> None:
        """Hand a batch that follows the cursor to the reader. Guarded here: it is what happens most."""
        self.cursor = batch.last_id
        self._giving = True
        try:
            self._reader.messages(batch)
        except Exception:
            logger.exception(FAILED, self.room)
            self.end(Code.UNAVAILABLE)
        finally:
            self._giving = False

    def reset(self, after: int, epoch: str) -> None:
        """Stand at another cursor, in another epoch, and tell the reader."""
        self.cursor = self.nothing_until = after
        self.epoch = epoch
        self.flight = None
        self._guarded(partial(self._reader.reset, after, epoch))

    def _guarded(self, call: Callable[[], None]) -> None:
        """Call the reader. One that fails ends here: it must not keep the others from what is theirs."""
        try:
            call()
        except Exception:
            logger.exception(FAILED, self.room)
            self.end(Code.UNAVAILABLE)
