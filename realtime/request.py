"""One HTTP request: its body bounded, its answer no heavier than there is room for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.web import server

from realtime.stall import UNSENT_BYTES

if TYPE_CHECKING:
    from twisted.web.resource import IResource


class ChatRequest(server.Request):
    """A request whose body is bounded while it comes in, also where its length was not told."""

    channel: Any
    content: Any
    started_s = 0.0

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        """Leave bodies alone: Django parses those of its own pages."""
        super().__init__(channel, *args, **{**kwargs, "parsePOSTFormSubmission": False})

    def getClientAddress(self) -> Any:  # noqa: N802 (Twisted's spelling)
        """Return where the client is: nowhere, behind a UNIX socket, which what asks here does not know."""
        address = super().getClientAddress()
        return IPv4Address("TCP", "", 0) if isinstance(address, UNIXAddress) else address

    def getHost(self) -> Any:
        """Return where this was asked, in the same way."""
        address = super().getHost()
        return IPv4Address("TCP", "localhost", 80) if isinstance(address, UNIXAddress) else address

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's spelling)
        """Make room for the body: in memory, or where it is long or of no known length by a file."""
        with self.channel.keeping():
            super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body, unless it is too much."""
        channel = self.channel
        if not channel.refused and channel.admits_body(self.content.tell() + len(data)):
            with channel.keeping():
                super().handleContentChunk(data)

    def write(self, data: bytes) -> None:
        """Answer; before much of it, make room. Who is gone has no channel."""
        if len(data) > UNSENT_BYTES and self.channel is not None:
            self.channel.site.unsent.make_room(self.channel, len(data))
        super().write(data)

    def process(self) -> None:
        """Answer, remembering when that began."""
        self.started_s = time.monotonic()
        super().process()

    def _handleStar(self) -> None:  # noqa: N802 (Twisted's spelling)
        """Answer what is asked about the server as a whole, in the same way."""
        self.setHeader(b"Server", b"chat")
        super()._handleStar()

    def render(self, resrc: IResource) -> None:
        """Answer by a resource, without telling which versions of what answer."""
        self.setHeader(b"Server", b"chat")
        super().render(resrc)
