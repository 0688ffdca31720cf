"""The database as coroutines: the one module with threads. What runs in one of them is named `thd_…`.

Nothing but frozen plain values goes in or out. Whatever fails in the database is raised as
`Unavailable`, the driver's error its cause; a commit that fails so may have happened or not.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import (
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    connections,
)
from twisted.internet.threads import deferToThreadPool

from realtime import deadline
from realtime.errors import Unavailable, refusal
from realtime.gathering import Gathering
from realtime.limits import GatheringLimits
from rooms import (
    accounts,
    acting,
    fetching,
    firstadmin,
    history,
    invitations,
    log,
    membership,
    permissions,
    reports,
    sanctions,
    search,
    uploading,
)
from rooms.messages import Newest, Refused
from rooms.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

    from twisted.python.threadpool import ThreadPool

    from realtime.limits import DatabaseLimits
    from realtime.queries import SearchQuery
    from rooms.actions import Action, RoomAction
    from rooms.answers import Invitation, Members, OpenReport, Sanctioned
    from rooms.messages import (
        Access,
        Appended,
        Credential,
        Draft,
        File,
        FoundFile,
        Heads,
        Identity,
        Lock,
        Page,
        RoomSummary,
        Span,
        UserId,
        Versions,
    )

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRUSTED_S = 1.0
"""How long after an append the next one does without asking whether the connection still works."""

ENDS_AT_ONCE = 100
"""About how many joins one question asks: what is kept about all these people in all these rooms is read."""

REFUSED_ALIKE = {
    "25006": "The database is read-only.",
    "42501": "The database's role has not the rights that it needs: %(error)s",
}
"""What PostgreSQL refuses whatever is asked, until somebody sees to it, by SQLSTATE (manual, appendix A)."""

NO_ANSWER = "The database does not answer."
TOO_BUSY = "Too much is asked of the database."
STOPPING = "The server is stopping."


@contextmanager
def thd_own_connection() -> Iterator[None]:
    """Leave no connection behind that is broken or too old: pool threads get no request signals."""
    close_old_connections()
    try:
        with thd_kept_connection():
            yield
    finally:
        close_old_connections()


@contextmanager
def thd_kept_connection() -> Iterator[None]:
    """Keep the thread's connection, however old, unless something went wrong with it."""
    try:
        yield
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise
    except (InternalError, ProgrammingError) as error:
        told = REFUSED_ALIKE.get(getattr(error.__cause__, "pgcode", "") or "", "")
        if not told:
            raise
        # A session that began read-only stays so, when the database no longer is.
        connections.close_all()
        raise OperationalError(told % {"error": error}) from error


class Queue:
    """A pool of threads with a bound to what may wait for it."""

    def __init__(self, reactor: Any, pool: ThreadPool, limit_s: float, most_waiting: int) -> None:
        """Call into `pool`, `limit_s` for each call, at most `most_waiting` of them waiting or running."""
        self._reactor = reactor
        self._pool = pool
        self._limit_s = limit_s
        self._most_waiting = most_waiting
        self._waiting = 0

    async def call(self, around: Callable[[], AbstractContextManager[None]], work: Callable[[], T]) -> T:
        """Return what `work` returns in a thread, within `around`.

        Raises:
            Unavailable: the database failed, too much waits for it, or the pool was stopped.
        """
        if self._pool.joined:
            raise Unavailable(STOPPING)
        if self._waiting >= self._most_waiting:
            raise Unavailable(TOO_BUSY)
        self._waiting += 1
        try:
            answer: T = await deferToThreadPool(
                self._reactor, self._pool, _thd_unit, self._limit_s, around, work
            )
        except Error as error:
            if not isinstance(error, OperationalError | InterfaceError):
                logger.exception("The database refused a statement")
            raise Unavailable(NO_ANSWER) from error
        finally:
            self._waiting -= 1
        return answer


class Database:
    """The log, its history, permissions and accounts, each call in a thread of the pool that it belongs to.

    `writing` and `polling` have one thread each. The polling thread's connection never writes.
    """

    def __init__(
        self,
        reactor: Any,
        writing: ThreadPool,
        reading: ThreadPool,
        polling: ThreadPool,
        limits: DatabaseLimits,
        *,
        around: Callable[[], AbstractContextManager[None]] = thd_own_connection,
    ) -> None:
        """Take the pools; whoever made them starts and stops them.

        `around` is entered around each unit of work in its thread; a test inside a transaction of its own
        passes one that leaves connections alone. From now on PostgreSQL calls of this process end in time.
        """
        deadline.install()
        self._around = around
        self._writing = Queue(reactor, writing, limits.write_s, limits.waiting_calls)
        self._reading = Queue(reactor, reading, limits.read_s, limits.waiting_calls)
        self._polling = Queue(reactor, polling, limits.read_s, limits.waiting_calls)
        self._watch = _Watch()
        self._trust = _Trust()
        gathering = GatheringLimits()
        self._pages = Gathering(self._pages_for, reactor, gathering)
        self._ends = Gathering(self._ends_for, reactor, GatheringLimits(at_once=ENDS_AT_ONCE))
        self._people = Gathering(self._people_among, reactor, gathering)

    async def append(self, drafts: Sequence[Draft], lock: Lock) -> Appended:
        """Append to the log, as `rooms.log.append`."""
        return await self._writing.call(self._around, partial(self._trust.thd_append, drafts, lock))

    async def read(self, reader: UserId | None, slug: str, span: Span) -> Page | Refused:
        """Return a piece of a room's log for a reader, as `rooms.history.read`."""
        if span == Newest(0):
            return await self._ends.about(None, (reader, slug))
        return await self._pages.about((slug, span), reader)

    async def _ends_for(
        self, _key: None, wanted: Collection[tuple[UserId | None, str]]
    ) -> dict[tuple[UserId | None, str], Page | Refused]:
        return await self._read(partial(history.ends_for, wanted))

    async def _pages_for(
        self, piece: tuple[str, Span], readers: Collection[UserId | None]
    ) -> dict[UserId | None, Page | Refused]:
        return await self._read(partial(history.read_for, readers, *piece))

    async def after(self, slug: str, cursor: int, limit: int) -> Page:
        """Return what follows a cursor, for nobody in particular, as `rooms.history.after`."""
        return await self._read(partial(history.after, slug, cursor, limit))

    async def heads(self, slugs: Collection[str]) -> Heads:
        """Return how far rooms' logs go, as `rooms.history.heads`."""
        return await self._read(partial(history.heads, slugs))

    async def heads_for(self, reader: UserId | None, slugs: Collection[str]) -> Heads:
        """Return how far the logs of rooms go that a reader may see, as `rooms.history.heads_for`."""
        return await self._read(partial(history.heads_for, reader, slugs))

    async def rooms_for(self, reader: UserId | None) -> tuple[str, list[RoomSummary]]:
        """Return the epoch and the rooms that a reader may see, as `rooms.history.rooms_for`."""
        return await self._read(partial(history.rooms_for, reader))

    async def who_may(
        self, slug: str, readers: Collection[UserId | None]
    ) -> tuple[Versions, dict[UserId | None, Access]]:
        """Return what readers may do in a room, as `rooms.permissions.who_may`."""
        return await self._read(partial(permissions.who_may, slug, readers))

    async def identify(self, credential: Credential) -> Identity | None:
        """Return who somebody is, as `rooms.accounts.identify`."""
        return await self._people.about(None, credential)

    async def _people_among(
        self, _key: None, credentials: Collection[Credential]
    ) -> dict[Credential, Identity | None]:
        return await self._read(partial(accounts.still_valid, credentials))

    async def still_valid(self, credentials: Collection[Credential]) -> dict[Credential, Identity | None]:
        """Return who these are now, as `rooms.accounts.still_valid`."""
        return await self._read(partial(accounts.still_valid, credentials))

    async def perform(self, by: UserId | None, action: Action) -> Any:
        """Do what somebody asks of a room or the site, as `rooms.acting.perform`.

        Raises:
            Refusal: it is not done; Unavailable: nobody knows, unless they look.
        """
        return await self._read(partial(_thd_refusing, acting.perform, by, action))

    async def perform_all(self, by: UserId | None, actions: Sequence[RoomAction]) -> list[Any]:
        """Do several things in one room, or none of them, as `rooms.acting.perform_all`; raises the same."""
        return await self._read(partial(_thd_refusing, acting.perform_all, by, actions))

    async def room_for(self, reader: UserId | None, slug: str) -> RoomSummary | Refused:
        """Return a room as a reader sees it, as `rooms.history.room_for`."""
        return await self._read(partial(history.room_for, reader, slug))

    async def members(
        self, reader: UserId | None, slug: str, after: UserId | None, limit: int
    ) -> Members | Refused:
        """Return who belongs to a room, as `rooms.membership.members`."""
        return await self._read(partial(membership.members, reader, slug, after, limit))

    async def invitations(self, reader: UserId | None, slug: str) -> tuple[Invitation, ...] | Refused:
        """Return the links into a room, as `rooms.invitations.good`."""
        return await self._read(partial(invitations.good, reader, slug))

    async def mutes(self, reader: UserId | None, slug: str) -> tuple[Sanctioned, ...]:
        """Return who is muted in a room, as `rooms.sanctions.in_force_in`; raises Refusal."""
        return await self._read(partial(_thd_refusing, sanctions.in_force_in, slug, sanctions.MUTE, reader))

    async def bans(self, reader: UserId | None, slug: str) -> tuple[Sanctioned, ...]:
        """Return who is banned from a room, in the same way."""
        return await self._read(partial(_thd_refusing, sanctions.in_force_in, slug, sanctions.BAN, reader))

    async def open_reports(self, reader: UserId | None) -> tuple[OpenReport, ...]:
        """Return what waits for a moderator, as `rooms.reports.open_for`; raises Refusal."""
        return await self._read(partial(_thd_refusing, reports.open_for, reader))

    async def reserve_upload(self, by: UserId, slug: str, size: int) -> str:
        """Return a path for an upload, as `rooms.uploading.reserve`; raises Refusal."""
        return await self._read(partial(_thd_refusing, uploading.reserve, by, slug, size))

    async def claim_upload(self, by: UserId, slug: str, path: str, ready: uploading.Ready) -> File:
        """Return what is told of an upload that is stored now, as `rooms.uploading.claim`; raises Refusal."""
        return await self._read(partial(_thd_refusing, uploading.claim, by, slug, path, ready))

    async def file_for(self, reader: UserId | None, key: str, *, preview: bool) -> FoundFile | None:
        """Return a file for a reader, as `rooms.fetching.find`."""
        return await self._read(partial(fetching.find, reader, key, preview=preview))

    async def search(self, reader: UserId | None, query: SearchQuery) -> search.Found | Refused:
        """Return messages that hold all the words, as `rooms.search.find`."""
        return await self._read(
            partial(
                search.find, reader, query.text,
                room=query.room, author=query.author, before=query.before, limit=query.limit,
            )
        )  # fmt: skip

    async def index_some(self) -> bool:
        """Index words, and return whether there may be more to index, as `rooms.search.index_some`."""
        return await self._read(search.index_some)

    async def first_admin_link(self) -> str | None:
        """Return the path of a new link for the first administrator, as `rooms.firstadmin.issue_link`."""
        return await self._writing.call(self._around, firstadmin.issue_link)

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._read(_thd_ping)

    async def poll(self, slugs: Collection[str]) -> Heads | None:
        """Return how far rooms' logs go; None where SQLite knows that nothing was written since."""
        return await self._polling.call(thd_kept_connection, partial(self._watch.thd_heads, slugs))

    async def _read(self, work: Callable[[], T]) -> T:
        return await self._reading.call(self._around, work)


class _Trust:
    """That the writing thread's connection works, because it did a moment ago.

    Django asks a connection before each unit of work, which is a way to PostgreSQL and back. An append that
    finds it broken after all is of unknown outcome and made again, as one that breaks it is.
    """

    def __init__(self) -> None:
        self._connection: object = None
        self._until_s = 0.0
        self._remembered = Remembered()

    def thd_append(self, drafts: Sequence[Draft], lock: Lock) -> Appended:
        if connection.connection is self._connection and monotonic() < self._until_s:
            connection.health_check_done = True  # type: ignore[attr-defined]  # (no stub)
        appended = log.append(drafts, lock=lock, remembered=self._remembered)
        self._connection, self._until_s = connection.connection, monotonic() + TRUSTED_S
        return appended


class _Watch:
    """What the polling thread saw last of SQLite's `data_version`, which means something on one connection.

    See https://sqlite.org/pragma.html#pragma_data_version. On PostgreSQL the heads are read each time.
    """

    def __init__(self) -> None:
        self._seen: tuple[object, int] | None = None

    def thd_heads(self, slugs: Collection[str]) -> Heads | None:
        if connection.vendor != "sqlite":
            return history.heads(slugs)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            version = (connection.connection, cursor.fetchone()[0])
        if version == self._seen:
            return None
        heads = history.heads(slugs)
        self._seen = version
        return heads


def _thd_unit(limit_s: float, around: Callable[[], AbstractContextManager[None]], work: Callable[[], T]) -> T:
    with deadline.deadline(limit_s), around():
        return work()


def _thd_refusing(work: Callable[..., T], *given: Any) -> T:
    """Return what `work` returns; what the rooms refuse is a refusal of the wire."""
    try:
        return work(*given)
    except log.Refusal as refused:
        told = Refused(refused.code, refused.detail, refused.retry_after_s)
        raise refusal(told) from None


def _thd_ping() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
