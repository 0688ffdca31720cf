"""Files as coroutines: their bytes read, verified and stored in threads of their own, by the piece or whole.

Pictures take seconds and much memory, so few threads make them, apart from those that read what is served.
What is asked of the database is asked through `realtime.database`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from twisted.internet.threads import deferToThreadPool

from realtime.errors import NotFound, Unavailable, refusal
from rooms import filekeeping, log, uploading
from rooms.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.threadpool import ThreadPool

    from realtime.database import Database
    from realtime.limits import FileLimits
    from rooms.messages import File, FoundFile, UserId

logger = logging.getLogger(__name__)

T = TypeVar("T")

COME_BACK_S = 10


class Files:
    """Takes uploads, and opens what is to be served."""

    def __init__(
        self,
        reactor: Any,
        preparing: ThreadPool,
        carrying: ThreadPool,
        database: Database,
        limits: FileLimits,
    ) -> None:
        """Prepare in the one pool, carry bytes to and from storage in the other."""
        self._reactor = reactor
        self._preparing = preparing
        self._carrying = carrying
        self._database = database
        self._limits = limits
        self._under_way = 0

    async def upload(self, by: UserId, room: str, content: BinaryIO, name: str, declared: str) -> File:
        """Take a file for a room, whose bytes are closed in the end, and return what is told of it.

        Raises:
            Refusal: it is not taken, or too many are under way.
        """
        if self._under_way >= self._limits.uploads:
            content.close()
            raise Unavailable("Too many files are uploaded just now.", retry_after_s=COME_BACK_S)
        self._under_way += 1
        try:
            return await self._upload(by, room, content, name, declared)
        finally:
            self._under_way -= 1
            content.close()

    async def _upload(self, by: UserId, room: str, content: BinaryIO, name: str, declared: str) -> File:
        path = await self._database.reserve_upload(by, room, content.seek(0, 2))
        ready = await self._in(self._preparing, partial(_thd_prepare, content, name, declared))
        try:
            await self._in(self._carrying, partial(_thd_store, path, ready))
            return await self._database.claim_upload(by, room, path, ready)
        finally:
            ready.close()

    async def find(self, reader: UserId | None, key: str, *, preview: bool) -> FoundFile:
        """Return a file for a reader; raises NotFound where there is none for them."""
        found = await self._database.file_for(reader, key, preview=preview)
        if found is None:
            raise NotFound
        return found

    async def open(self, found: FoundFile, start: int) -> BinaryIO:
        """Return the bytes of a file, which the caller closes, from a place on; raises NotFound."""
        return await self._in(self._carrying, partial(_thd_open, found.path, start))

    async def read(self, file: BinaryIO, most_bytes: int) -> bytes:
        """Return the next piece of a file."""
        return await self._in(self._carrying, partial(file.read, most_bytes))

    async def close(self, file: BinaryIO) -> None:
        """Let go of a file."""
        await self._in(self._carrying, file.close)

    async def _in(self, pool: ThreadPool, work: Callable[[], T]) -> T:
        if pool.joined:
            raise Unavailable("The server is stopping.")
        answer: T = await deferToThreadPool(self._reactor, pool, work)
        return answer


def _thd_prepare(content: BinaryIO, name: str, declared: str) -> uploading.Ready:
    try:
        return uploading.prepare(content, name, declared)
    except log.Refusal as refused:
        raise refusal(Refused(refused.code, refused.detail)) from None


def _thd_store(path: str, ready: uploading.Ready) -> None:
    try:
        uploading.store(path, ready)
    except OSError as error:
        logger.error("An upload cannot be stored: %s", error.strerror or error)  # noqa: TRY400 (it says all)
        raise Unavailable("This cannot be stored just now.", retry_after_s=COME_BACK_S) from None


def _thd_open(path: str, start: int) -> BinaryIO:
    try:
        file: Any = filekeeping.storage().open(path)
    except OSError:
        logger.exception("A file is not in the storage")
        raise NotFound from None
    file.seek(start)
    opened: BinaryIO = file
    return opened
