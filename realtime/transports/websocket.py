"""WebSocket: the guard before an upgrade, and the connection after it. The one user of autobahn.

autobahn reads the handshake's headers a second time, and splits them where HTTP does not. So it is given
none of the client's but those that it needs, after all were judged.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, cast

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import PreparedMessage
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.web import resource, server
from twisted.web.http_headers import Headers
from zope.interface import implementer

from realtime import wire
from realtime.at_once import in_turn
from realtime.errors import InternalError, Refusal, Unavailable
from realtime.handshake import check_handshake, offered
from realtime.stall import StallWatch, progress
from realtime.transports.http import Exchange, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from realtime.at_once import Write
    from realtime.client import Client, Peer
    from realtime.departure import Departure
    from realtime.limits import SocketLimits
    from realtime.places import Places
    from realtime.tail import Batch
    from realtime.transports.doorkeeper import Doorkeeper
    from rooms.messages import Credential, Identity

logger = logging.getLogger(__name__)

SUBPROTOCOL = "chat.v1"
HANDSHAKE = (b"Host", b"Upgrade", b"Connection", b"Sec-WebSocket-Key", b"Sec-WebSocket-Version")
P = ParamSpec("P")


class Watch(Protocol):
    """Tells when a credential no longer holds."""

    def watch(self, credential: Credential, revoked: Callable[[], None]) -> Callable[[], None]:
        """Have `revoked` called, at most once; what is returned ends the watch."""


class Epochs(Protocol):
    """Knows the database's epoch."""

    def epoch(self) -> Awaitable[str]:
        """Return it; raise Unavailable where the database does not answer."""


def _guarded(method: Callable[Concatenate[Socket, P], None]) -> Callable[Concatenate[Socket, P], None]:
    """Log what a callback of autobahn's raises, which would be swallowed, and close with 1011."""

    @functools.wraps(method)
    def call(self: Socket, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:
            logger.exception("%s failed", method.__name__)
            self.close(1011, "internal error")

    return cast("Callable[Concatenate[Socket, P], None]", call)


@functools.lru_cache(maxsize=8)
def rendering(limit_bytes: int) -> Callable[[Batch], tuple[bytes, ...]]:
    """Return the function that makes frames of a batch; the same one each time, as `Batch.once` asks."""

    def frames(batch: Batch) -> tuple[bytes, ...]:
        parts = wire.message_frames(batch.room, batch.prev, batch.messages, limit_bytes)
        return tuple(as_sent(part) for part in parts)

    return frames


def as_sent(text: bytes) -> bytes:
    """Return one frame of text as a server sends it: neither masked nor compressed."""
    prepared = PreparedMessage(text, isBinary=False, applyMask=False, doNotCompress=True)
    return prepared.payloadHybi


@implementer(IPushProducer)
class Socket(WebSocketServerProtocol):
    """One connection."""

    transport: Any

    def __init__(
        self,
        party: Party,
        caller: Identity | None,
        epoch: str,
        leave: Callable[[], None],
        refused: Refusal | None = None,
        *,
        origin: str = "",
    ) -> None:
        """Be for `caller`, at `origin`, or only tell that it is refused; `leave` is called at the end."""
        super().__init__()
        self._party = party
        self._caller = caller
        self._epoch = epoch
        self._leave = leave
        self._refused = refused
        self._frames = rendering(party.limits.out_bytes)
        self._write: Write = in_turn
        self._unwatch: Callable[[], None] = _nothing
        self._tick: IDelayedCall | None = None
        self._drop: IDelayedCall | None = None
        self._heard_s = 0.0
        self._over = False
        self.client: Client = party.make_client(self, caller, origin)
        self._stall = StallWatch(
            party.clock, party.limits.stall_s, lambda: progress(self.transport), self._takes_nothing
        )

    # What autobahn tells

    def onConnect(self, request: Any) -> str | None:
        """Choose the subprotocol."""
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    @_guarded
    def onOpen(self) -> None:
        """Greet, and be ready."""
        # The HTTP channel has been the transport's producer so far.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, streaming=True)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._write = self._party.way_out(self.transport)
        if self._refused is not None:
            self._go(self._refused, self._refused.close_code, "overloaded")
            return
        self.send(wire.encode_hello(self._caller, self._epoch, "chat"))
        self._heard_s = self._party.clock.seconds()
        self._tick = self._party.clock.callLater(self._party.limits.ping_s, self._ask)
        if self._caller is not None:
            self._unwatch = self._party.watch.watch(self._caller.credential, self._revoked)
        self._party.departure.add(self, self._depart)

    @_guarded
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Take a frame."""
        if not self._over:
            self.client.received(payload, is_text=not isBinary)

    @_guarded
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Free everything."""
        self._end()

    def dataReceived(self, data: bytes) -> None:
        """Take note that the peer lives."""
        self._heard_s = self._party.clock.seconds()
        super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Take note that the connection is gone, also one that never opened."""
        super().connectionLost(reason)
        self._end()
        if self._drop is not None and self._drop.active():
            self._drop.cancel()
        self._party.departure.discard(self)
        self._leave()

    # The client's peer

    def send(self, frame: bytes) -> None:
        """Send one frame of text."""
        if self.state == self.STATE_OPEN:
            self.sendData(as_sent(frame))

    def send_batch(self, batch: Batch) -> None:
        """Send frames that are made once for all connections."""
        if self.state == self.STATE_OPEN:
            for frame in batch.once(self._frames):
                self.sendData(frame)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write bytes, autobahn's or ours, after all that was written before them.

        autobahn itself computes for each write a text that nobody reads, and counts what nobody asks for.
        Once the connection is open, its own queue holds only what it was asked to chop.
        """
        if self.state != self.STATE_OPEN or sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        else:
            self._write(self.transport, data)

    def close(self, code: int, reason: str) -> None:
        """Close with a code; autobahn's own `sendClose` refuses most of those that we need."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=reason.encode())
        self._end()

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """Send a close frame, ours or autobahn's, and drop the connection if no answer comes in time."""
        super().sendCloseFrame(code=code, reasonUtf8=reasonUtf8, isReply=isReply)
        self._drop_later()
        # The peer's answer must be read, also where nothing more was.
        self.transport.resumeProducing()

    def _drop_later(self) -> None:
        if self._drop is None:
            self._drop = self._party.clock.callLater(self._party.limits.close_s, self._drop_now)

    def _drop_now(self) -> None:
        self.transport.abortConnection()

    def pause_reading(self) -> None:
        """Take nothing more from the peer for now."""
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Go on."""
        self.transport.resumeProducing()

    # The transport's producer

    def pauseProducing(self) -> None:
        """Give the peer nothing more: it does not take what it has been given."""
        self._stall.paused()
        self.client.pause()

    def resumeProducing(self) -> None:
        """Go on: the peer has taken everything. What it said meanwhile was not listened to."""
        self._heard_s = self._party.clock.seconds()
        self._stall.resumed()
        if not self._over:
            self.client.resume()

    def stopProducing(self) -> None:
        """End: the connection is going."""
        self._end()

    def _takes_nothing(self) -> None:
        logger.info("A WebSocket whose peer takes nothing is closed")
        self.close(1013, "too slow")

    def _revoked(self) -> None:
        self.close(1008, "logged out")

    def _depart(self) -> None:
        back_s = self._party.departure.spread_s
        self._go(Unavailable("The server restarts.", retry_after_s=back_s), 1012, "restarting")

    def _go(self, why: Refusal, code: int, reason: str) -> None:
        """Tell why, and when to come back, and close."""
        self.send(wire.encode(why.frame()))
        self.close(code, reason)

    def _ask(self) -> None:
        """Ask a silent peer whether it lives; drop one that was asked and stayed silent."""
        limits = self._party.limits
        silent_s = self._party.clock.seconds() - self._heard_s
        wait_s = limits.ping_s - silent_s
        if silent_s >= limits.ping_s + limits.pong_s and not self._stall.watching:
            logger.debug("A WebSocket whose peer is silent is dropped")
            self._end()
            self.dropConnection(abort=True)
            return
        if silent_s >= limits.ping_s:
            self.sendPing(b"")
            wait_s = limits.pong_s
        self._tick = self._party.clock.callLater(wait_s, self._ask)

    def _end(self) -> None:
        """Do nothing more for the client. Twice is once."""
        if self._over:
            return
        self._over = True
        self._stall.resumed()
        self._unwatch()
        self.client.closed()
        if self._tick is not None and self._tick.active():
            self._tick.cancel()


class Party:
    """What all connections have in common."""

    def __init__(  # noqa: PLR0913 (what all connections live by)
        self,
        clock: IReactorTime,
        limits: SocketLimits,
        *,
        make_client: Callable[[Peer, Identity | None, str], Client],
        origin: Callable[[str, str], str],
        watch: Watch,
        departure: Departure,
        way_out: Callable[[Any], Write],
    ) -> None:
        """Make autobahn's factory, with none of its unsafe defaults left."""
        self.clock = clock
        self.limits = limits
        self.make_client = make_client
        self.origin = origin
        self.watch = watch
        self.departure = departure
        self.way_out = way_out
        self.factory = WebSocketServerFactory(protocols=[SUBPROTOCOL], server="", reactor=clock)
        self.factory.setProtocolOptions(
            versions=[13],
            webStatus=False,
            failByDrop=False,
            maxFramePayloadSize=limits.in_bytes,
            maxMessagePayloadSize=limits.in_bytes,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
            tcpNoDelay=True,
        )


class _Seated:
    """What `WebSocketResource` asks for a protocol: has made one already."""

    def __init__(self, socket: Socket, party: Party) -> None:
        self._socket = socket
        socket.factory = party.factory

    def buildProtocol(self, _address: IAddress) -> Socket:
        return self._socket


class Upgrade(resource.Resource):
    """The resource at /ws: judges, authenticates, then gives the connection to a `Socket`."""

    isLeaf = True

    def __init__(self, party: Party, door: Doorkeeper, epochs: Epochs, places: Places) -> None:
        """Let in whom `door` lets in, as far as there are places."""
        super().__init__()
        self._party = party
        self._door = door
        self._epochs = epochs
        self._places = places

    def render(self, request: Any) -> int:
        """Answer, soon."""
        Deferred.fromCoroutine(self._guard(Exchange(request)))
        return int(server.NOT_DONE_YET)

    async def _guard(self, exchange: Exchange) -> None:
        try:
            check_handshake(exchange.request)
            caller = await self._door.admit(exchange.request)
            self._door.check_origin(exchange.request)
            epoch = await self._epochs.epoch()
            if not exchange.gone:
                self._upgrade(exchange, caller, epoch)
        except Refusal as refusal:
            exchange.answer(problem(refusal))
        except Exception:
            logger.exception("An upgrade to WebSocket failed")
            exchange.answer(problem(InternalError()))

    def _upgrade(self, exchange: Exchange, caller: Identity | None, epoch: str) -> None:
        request = exchange.request
        channel: Any = request.channel
        leave_place, refused = self._place(caller)
        origin = self._party.origin(*exchange.came_from)
        seat = channel.hand_over()
        kept = [(name, request.requestHeaders.getRawHeaders(name, [])[-1:]) for name in HANDSHAKE]
        if SUBPROTOCOL in offered(request):
            kept.append((b"Sec-WebSocket-Protocol", [SUBPROTOCOL.encode()]))
        request.requestHeaders = Headers(dict(kept))
        request.uri = b"/ws"

        def leave() -> None:
            leave_place()
            seat.leave()

        socket = Socket(self._party, caller, epoch, leave, refused, origin=origin)
        WebSocketResource(_Seated(socket, self._party)).render(request)

    def _place(self, caller: Identity | None) -> tuple[Callable[[], None], Refusal | None]:
        """Take a place. A browser cannot read a refused upgrade: who gets none hears so on the socket."""
        try:
            return self._places.take(caller.user_id if caller else None), None
        except Refusal as refused:
            return _nothing, refused


def _nothing() -> None:
    """Have nothing to end: no credential to watch, no place to give back."""
