"""How far people have read, on its way into the database, and to their other connections by this process.

They are told as well what concerns them in rooms that they do not hear.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from realtime.errors import InternalError, RateLimited, Refusal
from rooms.actions import MarkRead

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import MarkerLimits
    from rooms.answers import Reading
    from rooms.messages import Author, Posted, RoomBatch, UserId

logger = logging.getLogger(__name__)


class Storing(Protocol):
    """Stores one marker and returns what is read and unread then; raises Refusal."""

    def __call__(self, by: UserId | None, action: MarkRead, /) -> Awaitable[Reading]:
        """Store it."""


class Connection(Protocol):
    """One connection of somebody."""

    def read_elsewhere(self, room: str, up_to: int) -> None:
        """Hear how far its user has read, by another connection."""

    def concerned(self, room: str) -> None:
        """Hear that something was committed in a room that concerns its user."""

    def refuse(self, refused: Refusal) -> None:
        """Hear that something was not done."""


class Markers:
    """Everybody's connections here. In the reactor's thread alone."""

    def __init__(self, store: Storing, clock: IReactorTime, limits: MarkerLimits) -> None:
        """Have markers stored by `store`."""
        self.store = store
        self.clock = clock
        self.limits = limits
        self._connections: dict[UserId, dict[Connection, None]] = {}

    def connect(self, user: UserId, connection: Connection) -> Marking:
        """Take a connection in; what is returned takes what its user reads, until its end."""
        self._connections.setdefault(user, {})[connection] = None
        return Marking(self, user, connection)

    def disconnect(self, user: UserId, connection: Connection) -> None:
        """Tell a connection nothing more."""
        there = self._connections.get(user, {})
        there.pop(connection, None)
        if not there:
            self._connections.pop(user, None)

    def told(self, user: UserId, room: str, up_to: int, *, by: Connection | None = None) -> None:
        """Tell somebody's connections how far they have read; but not the one by which they did."""
        for connection in tuple(self._connections.get(user, ())):
            if connection is by:
                continue
            try:
                connection.read_elsewhere(room, up_to)
            except Exception:
                logger.exception("A connection could not be told what was read")

    def committed(self, batches: Iterable[RoomBatch]) -> None:
        """Tell those whom a commit names or a notice is about, and who did that: maybe by another door."""
        for batch in batches:
            for user in {one.id for posted in batch.messages for one in _concerned(posted)}:
                for connection in tuple(self._connections.get(user, ())):
                    try:
                        connection.concerned(batch.room)
                    except Exception:
                        logger.exception("A connection could not be told what concerns its user")


def _concerned(posted: Posted) -> tuple[Author, ...]:
    if posted.notice is None:
        return posted.mentions
    return tuple(one for one in (posted.notice.about, posted.author) if one is not None)


class _Marker:
    """How far one room was read by one connection: `wanted` by its client, `sent` to the database."""

    timer: IDelayedCall | None = None
    busy = False

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.sent = -1


class Marking:
    """What one connection reads: of each room the last is stored, at once, then at most once in a while.

    A room is remembered for that while only.
    """

    def __init__(self, markers: Markers, user: UserId, connection: Connection) -> None:
        """Act for a connection of `user`."""
        self._markers = markers
        self._user = user
        self._connection = connection
        self._rooms: dict[str, _Marker] = {}

    def read(self, room: str, up_to: int) -> None:
        """Take note that a room was read up to an id.

        Raises:
            RateLimited: too many rooms at once.
        """
        marker = self._rooms.get(room)
        if marker is not None:
            marker.wanted = max(marker.wanted, up_to)
            return
        if len(self._rooms) >= self._markers.limits.rooms:
            raise RateLimited("Too many rooms are read at once.", room=room)
        self._rooms[room] = marker = _Marker(up_to)
        self._send(room, marker)

    def end(self) -> None:
        """Store what is not yet: the connection is gone."""
        self._markers.disconnect(self._user, self._connection)
        rooms, self._rooms = self._rooms, {}
        for room, marker in rooms.items():
            if marker.timer is not None:
                marker.timer.cancel()
                marker.timer = None
            if marker.wanted > marker.sent:
                Deferred.fromCoroutine(self._store(room, marker.wanted))

    def _send(self, room: str, marker: _Marker) -> None:
        marker.sent = marker.wanted
        marker.busy = True
        marker.timer = self._markers.clock.callLater(self._markers.limits.pause_s, self._rested, room, marker)
        Deferred.fromCoroutine(self._stored(room, marker))

    async def _stored(self, room: str, marker: _Marker) -> None:
        await self._store(room, marker.sent)
        marker.busy = False
        self._look(room, marker)

    def _rested(self, room: str, marker: _Marker) -> None:
        marker.timer = None
        self._look(room, marker)

    def _look(self, room: str, marker: _Marker) -> None:
        """Go on where there is more, once what was sent is stored and the while is over."""
        if marker.busy or marker.timer is not None or self._rooms.get(room) is not marker:
            return
        if marker.wanted > marker.sent:
            self._send(room, marker)
        else:
            del self._rooms[room]

    async def _store(self, room: str, up_to: int) -> None:
        try:
            reading = await self._markers.store(self._user, MarkRead(room, up_to))
        except Refusal as refused:
            self._connection.refuse(refused.of(room=room))
        except Exception:
            logger.exception("How far somebody has read could not be stored")
            self._connection.refuse(InternalError(room=room))
        else:
            self._markers.told(self._user, room, reading.read, by=self._connection)
