"""The HTTP API's call that takes a file for a room: its body, which was bounded while it came in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from realtime.queries import decode_fields
from realtime.transports.http import Answer, Call, Route
from realtime.wire import encode

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from rooms.messages import File, Identity, UserId


class Taking(Protocol):
    """What takes files."""

    def upload(self, by: UserId, room: str, content: BinaryIO, name: str, declared: str) -> Awaitable[File]:
        """Return what is told of an upload, whose bytes are closed in the end; raises Refusal."""


class Allowance(Protocol):
    """What knows how fast somebody may send."""

    def origin(self, peer: str, forwarded: str) -> str:
        """Return whom a request counts for."""

    def take(self, caller: Identity, origin: str) -> None:
        """Count one send; raise RateLimited where that is too many."""


class UploadCalls:
    """The endpoint."""

    def __init__(self, files: Taking, allowance: Allowance) -> None:
        """Give to `files` what `allowance` lets pass."""
        self._files = files
        self._allowance = allowance

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/api/rooms/{room}/files", {"POST": self.upload})]

    async def upload(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/files."""
        by = call.known
        name = decode_fields(call.exchange.query).get("name", "")
        if call.caller is not None:
            self._allowance.take(call.caller, self._allowance.origin(*call.exchange.came_from))
        declared = call.exchange.header("Content-Type")
        file = await self._files.upload(by, call.room, _content(call), name, declared)
        return Answer(201, encode({"file": file.told()}))


def _content(call: Call) -> BinaryIO:
    """Return the request's body as a file of our own: the request's is closed when its client hangs up."""
    request: Any = call.exchange.request
    content: BinaryIO = request.content
    request.content = io.BytesIO()
    return content
