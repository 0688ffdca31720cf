"""Files, to whoever may see them: whole, or one range (RFC 9110, 14), no faster than they are taken."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from realtime.errors import Unavailable
from realtime.transports.http import Answer, Call, Route

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.limits import FileLimits
    from realtime.transports.http import Exchange
    from rooms.messages import FoundFile, UserId

logger = logging.getLogger(__name__)

COME_BACK_S = 5
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class Serving(Protocol):
    """What finds and reads files."""

    def find(self, reader: UserId | None, key: str, *, preview: bool) -> Awaitable[FoundFile]:
        """Return a file for a reader; raises NotFound."""

    def open(self, found: FoundFile, start: int) -> Awaitable[BinaryIO]:
        """Return its bytes from a place on; raises NotFound."""

    def read(self, file: BinaryIO, most_bytes: int) -> Awaitable[bytes]:
        """Return the next piece."""

    def close(self, file: BinaryIO) -> Awaitable[None]:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of a file are asked for: from one to the one before `end`."""

    start: int
    end: int


class Downloads:
    """The endpoints below `/files/`."""

    def __init__(self, files: Serving, clock: IReactorTime, limits: FileLimits) -> None:
        """Serve what `files` finds, so many at once."""
        self._files = files
        self._clock = clock
        self._limits = limits
        self._under_way = 0

    def routes(self) -> list[Route]:
        """Return the routes. A name is for people alone: it is not looked at."""
        return [
            Route("/files/{file}/{name}", {"GET": self.whole}),
            Route("/files/{file}/preview/{name}", {"GET": self.preview}),
        ]

    async def whole(self, call: Call) -> Answer | None:
        """GET /files/{file}/{name}."""
        return await self._serve(call, preview=False)

    async def preview(self, call: Call) -> Answer | None:
        """GET /files/{file}/preview/{name}."""
        return await self._serve(call, preview=True)

    async def _serve(self, call: Call, *, preview: bool) -> Answer | None:
        exchange = call.exchange
        found = await self._files.find(call.reader, call.names["file"], preview=preview)
        if _holds(exchange.header("If-None-Match"), found.tag):
            return Answer(304, b"", found.content_type, found.headers)
        # RFC 9110, 14.2: a range is of what GET brings.
        part = _part(exchange, found) if exchange.method == "GET" else None
        if part is not None and part.start >= part.end:
            unmet = {**found.headers, "Content-Range": f"bytes */{found.size}"}
            return Answer(416, b"", found.content_type, unmet)
        status, headers = 200, dict(found.headers)
        if part is not None:
            status = 206
            headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{found.size}"
        part = part or Part(0, found.size)
        headers["Content-Length"] = str(part.end - part.start)
        head = Answer(status, b"", found.content_type, headers)
        if exchange.method == "HEAD":
            if exchange.begin(head):
                exchange.request.write(b"")
                exchange.finish()
            return None
        await self._send(exchange, found, part, head)
        return None

    async def _send(self, exchange: Exchange, found: FoundFile, part: Part, head: Answer) -> None:
        if self._under_way >= self._limits.downloads:
            raise Unavailable("Too many files are read just now.", retry_after_s=COME_BACK_S)
        self._under_way += 1
        try:
            file = await self._files.open(found, part.start)
            try:
                if exchange.begin(head):
                    flow = _Flow(exchange, self._clock, self._limits.piece_s)
                    await self._pieces(exchange, file, part.end - part.start, flow)
            finally:
                await self._files.close(file)
        finally:
            self._under_way -= 1

    async def _pieces(self, exchange: Exchange, file: BinaryIO, left: int, flow: _Flow) -> None:
        while left and not exchange.gone:
            piece = await self._files.read(file, min(left, self._limits.piece_bytes))
            if not piece:
                logger.error("A file in the storage is shorter than it was")
                flow.cut()
                return
            left -= len(piece)
            if not exchange.gone:
                exchange.request.write(piece)
                await flow.taken()
        flow.end()


@implementer(IPushProducer)
class _Flow:
    """How fast one answer goes: no piece is read before the one before it was taken."""

    def __init__(self, exchange: Exchange, clock: IReactorTime, piece_s: float) -> None:
        self._exchange = exchange
        self._clock = clock
        self._piece_s = piece_s
        self._patience: IDelayedCall | None = None
        self._resumed: Deferred[None] | None = None
        exchange.request.registerProducer(self, streaming=True)
        exchange.when_gone(self._go_on)

    async def taken(self) -> None:
        """Return once the client takes more, or is gone."""
        if self._resumed is not None:
            await self._resumed

    def end(self) -> None:
        """End the answer, unless nobody is there any more."""
        if not self._exchange.gone:
            self._exchange.request.unregisterProducer()
            self._exchange.finish()

    def cut(self) -> None:
        """Close the connection: the answer is shorter than was told."""
        if not self._exchange.gone:
            self._exchange.request.unregisterProducer()
            self._exchange.request.loseConnection()

    def pauseProducing(self) -> None:
        if self._resumed is None and not self._exchange.gone:
            self._resumed = Deferred()
            self._patience = self._clock.callLater(self._piece_s, self._give_up)

    def resumeProducing(self) -> None:
        self._go_on()

    def stopProducing(self) -> None:
        self._go_on()

    def _give_up(self) -> None:
        channel: Any = self._exchange.request.channel
        logger.info("A download that goes too slowly is cut off")
        channel.abort()

    def _go_on(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)


def _part(exchange: Exchange, found: FoundFile) -> Part | None:
    """Return the range that is asked for, None where the whole is sent. One of no length is not there."""
    asked = RANGE.fullmatch(exchange.header("Range").strip())
    still = exchange.header("If-Range").strip()
    if asked is None or asked[0] == "bytes=-" or (still and still != found.tag):
        return None
    first, last = asked.groups()
    if not first:
        return Part(max(0, found.size - int(last)), found.size)
    end = min(int(last) + 1, found.size) if last else found.size
    return None if last and int(last) < int(first) else Part(int(first), end)


def _holds(tags: str, tag: str) -> bool:
    """Tell whether an If-None-Match names a tag (RFC 9110, 13.1.2: weak comparison)."""
    named = [one.strip().removeprefix("W/") for one in tags.split(",")]
    return tag in named or named == ["*"]
