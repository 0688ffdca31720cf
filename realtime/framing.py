"""Frames of RFC 6455 on a connection that is open: autobahn's reading, checks and closing. Its one user.

autobahn's protocol keeps some ninety attributes for each connection, most of which stay what they were at
first, and computes texts for a debug log that is off. Here a connection begins as one that autobahn has
opened once, in memory: what it has in common with all others belongs to the class, and of its own it keeps
only what differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import PreparedMessage
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.defer import Deferred
from twisted.protocols.policies import ProtocolWrapper

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from realtime.at_once import Write
    from realtime.limits import SocketLimits

OPENING = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def as_sent(text: bytes) -> bytes:
    """Return one frame of text as a server sends it: neither masked nor compressed."""
    prepared = PreparedMessage(text, isBinary=False, applyMask=False, doNotCompress=True)
    return prepared.payloadHybi


class Framing(WebSocketServerProtocol):
    """An open connection. Made by `opened`, given its transport by `take_over`."""

    transport: Any
    utf8validator: Any
    message_data: Any
    is_closed = property(lambda _self: Deferred())
    """Nobody waits for it."""

    def __init__(self) -> None:
        """Begin as all others: not as autobahn's own, which makes two Deferreds and more."""

    def take_over(self, transport: Any, write: Write) -> None:
        """Have another protocol's transport, and write to it by `write`. The handshake is its opener's."""
        self.transport = transport
        self._write = write
        if isinstance(transport, ProtocolWrapper):  # under TLS
            transport.wrappedProtocol = self
        else:
            transport.protocol = self

    @property
    def peer(self) -> str:  # type: ignore[override]
        """Who it is, for autobahn's log."""
        return str(self.transport.getPeer())

    def dataReceived(self, data: bytes) -> None:
        """Read frames, without a text for each piece."""
        self._dataReceived(data)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write bytes, autobahn's or ours, after all that was written before them. They are never chopped."""
        self._write(self.transport, data)

    def onFrameBegin(self) -> None:
        """Begin a frame: a message that has not all come yet has a validator of its own until it ends."""
        frame = self.current_frame
        if not self.inside_message and not (frame.fin and len(self.data) >= frame.length):
            self.utf8validator = Utf8Validator()
        super().onFrameBegin()

    def onFrameEnd(self) -> bool | None:
        """End a frame, and keep nothing of it."""
        read_on = super().onFrameEnd()
        self.current_frame_masker = None
        if not self.inside_message and self.utf8validator is not type(self).utf8validator:
            del self.utf8validator
        return read_on

    def onMessageEnd(self) -> None:
        """Give the message to who takes it: nobody listens to autobahn's signals."""
        if not self.failedByMe:
            self.onMessage(b"".join(self.message_data), self.message_is_binary)
        self.message_data = None

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Take note that the connection is gone, without a text on how."""
        self.state = self.STATE_CLOSED


Kind = TypeVar("Kind", bound=Framing)


def opened(kind: type[Kind], clock: IReactorTime, limits: SocketLimits) -> type[Kind]:
    """Return the class of connections that autobahn takes for open, with none of its unsafe defaults left."""
    factory = WebSocketServerFactory(server="", reactor=clock)
    factory.setProtocolOptions(
        versions=[13],
        webStatus=False,
        failByDrop=False,
        maxFramePayloadSize=limits.in_bytes,
        maxMessagePayloadSize=limits.in_bytes,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        autoPingInterval=0,
    )
    one = WebSocketServerProtocol()
    own = {*vars(one), "transport", "peer"}
    one.factory = factory
    one.makeConnection(_Nowhere())
    one.dataReceived(OPENING)
    if one.state != one.STATE_OPEN:
        raise RuntimeError("autobahn does not take its own example for an opening handshake.")
    known = {name: value for name, value in vars(one).items() if name not in own}
    return cast("type[Kind]", type(kind.__name__, (kind,), known))


class _Nowhere:
    """The transport of the connection that all others are like."""

    def write(self, data: bytes) -> None:
        """Drop it."""
