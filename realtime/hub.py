"""Moves what was committed to whoever is reading, room by room. All of it in the reactor's thread."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from realtime.errand import Outage
from realtime.errors import Unavailable
from realtime.feed import Feed
from realtime.subscription import Reader, Subscription
from realtime.surroundings import Reads, Surroundings
from realtime.tail import Batch, Encoded
from realtime.turns import Turns
from rooms.messages import Heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import HubLimits
    from rooms.messages import Access, Page, Posted, RoomBatch, UserId, Versions

__all__ = ["Batch", "Encoded", "Hub", "Reader", "Reads", "Subscription"]

logger = logging.getLogger(__name__)


class Hub:
    """The feeds of all rooms that somebody here reads."""

    def __init__(
        self, reads: Reads, clock: IReactorTime, *, encode: Callable[[Posted], bytes], limits: HubLimits
    ) -> None:
        """Take what the feeds read by. `encode` returns a message as JSON; it is called once a message."""
        self._around = Surroundings(
            reads,
            clock,
            encode,
            limits,
            Outage("Reading for subscribers"),
            Turns(limits.feed_reads),
            Turns(limits.reader_reads),
        )
        self._feeds: dict[str, Feed] = {}
        self._idle: dict[str, IDelayedCall] = {}
        self._site_hinted: tuple[str, int] | None = None
        self._stopped = False

    def rooms(self) -> frozenset[str]:
        """Return the rooms with local subscribers, and those where the last one left a moment ago."""
        return frozenset(self._feeds)

    def attach(  # noqa: PLR0913 (each is a fact about one reader)
        self,
        room: str,
        reader: Reader,
        *,
        user_id: UserId | None,
        cursor: int,
        versions: Versions,
        limit: int = 200,
        access: Access | None = None,
    ) -> Subscription:
        """Subscribe a reader who stands at `cursor` and was found to be allowed to, under `versions`.

        `access`, where it was judged by those, is remembered for `page_at_hand`.

        Nothing is given to it before the first `wake()`; then all that follows the cursor, at most
        `limit` messages at a time. Whoever attaches ends the subscription.

        Raises:
            Unavailable: the hub has been stopped.
        """
        if self._stopped:
            raise Unavailable(detail="The server is stopping.")
        feed = self._feeds.get(room)
        if feed is None:
            feed = self._feeds[room] = Feed(room, self._around, self._unused)
        self._keep(room)
        return feed.add(reader, user_id=user_id, cursor=cursor, versions=versions, limit=limit, access=access)

    def page_at_hand(
        self, room: str, user_id: UserId | None, *, cursor: int | None, epoch: str | None
    ) -> Page | None:
        """Return what a read of a room's end would tell somebody who comes back with a cursor.

        None where it must be read: also for who has no cursor, and is to hear where the log ends just now.
        """
        feed = self._feeds.get(room) if cursor is not None else None
        return feed.page_at_hand(user_id, cursor or 0, epoch) if feed is not None else None

    def publish(self, batches: Iterable[RoomBatch]) -> None:
        """Take what commits brought, in any order. Rooms that nobody here reads are passed over."""
        for batch in batches:
            feed = self._feeds.get(batch.room)
            if feed is None:
                continue
            try:
                feed.publish(batch)
            except Exception:
                # The rooms after it still get theirs; this one reads it from the database.
                logger.exception("Publishing in %s failed", batch.room)
                feed.told(batch.last_id)

    def told(self, room: str, last_id: int) -> None:
        """Take a hint: something up to this id is committed."""
        feed = self._feeds.get(room)
        if feed is not None:
            feed.told(last_id)

    def hinted(self, room: str, last_id: int, versions: Versions) -> None:
        """Take another process's hint: up to this id is committed, by these versions. It may be old."""
        site = (versions.epoch, versions.site)
        if site != self._site_hinted:
            self._site_hinted = site
            self.heads_seen(Heads(*site, {}), began_s=float("-inf"))
        feed = self._feeds.get(room)
        if feed is not None:
            feed.hinted(last_id, versions)

    def access_changed(self, rooms: frozenset[str] | None) -> None:
        """Ask permissions again in these rooms (None: everywhere) before anything more is given out there."""
        for room, feed in tuple(self._feeds.items()):
            if rooms is None or room in rooms:
                feed.access_changed()

    def heads_seen(self, heads: Heads, began_s: float | None = None) -> None:
        """Take what a poll read that began at `began_s` by the hub's clock; None: after all it was told."""
        began = float("inf") if began_s is None else began_s
        for feed in tuple(self._feeds.values()):
            feed.seen(heads, began)

    def stop(self) -> None:
        """Drop all feeds. Their readers are told nothing: whoever stops the hub tells them."""
        self._stopped = True
        for room in tuple(self._feeds):
            self._drop(room)

    def _unused(self, feed: Feed) -> None:
        """Keep a feed for a while that nobody reads, if it needs no read to stay right."""
        if self._feeds.get(feed.room) is not feed:
            return
        if feed.behind:
            self._drop(feed.room)
        elif feed.room not in self._idle:
            self._idle[feed.room] = self._around.clock.callLater(
                self._around.limits.idle_s, self._drop, feed.room
            )

    def _keep(self, room: str) -> None:
        timer = self._idle.pop(room, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _drop(self, room: str) -> None:
        self._keep(room)
        feed = self._feeds.pop(room, None)
        if feed is not None:
            feed.close()
