"""WebSocket: the guard before an upgrade, and the connection after it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web import resource, server
from zope.interface import implementer

from realtime import vanished, wire
from realtime.errors import InternalError, Refusal, Unavailable
from realtime.framing import Framing, as_sent, opened
from realtime.handshake import VERSION, WrongVersion, acceptance, check_handshake
from realtime.stall import StallWatch, progress
from realtime.transports.http import Exchange, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
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


@implementer(IPushProducer)
class Socket(Framing):
    """One connection."""

    _unwatch: Callable[[], None] | None = None
    _stall: StallWatch | None = None
    _tick: IDelayedCall | None = None
    _drop: IDelayedCall | None = None
    _asked_s = 0.0
    _pinged = False
    _over = False

    def __init__(
        self, party: Party, caller: Identity | None, leave: Callable[[], None], *, origin: str = ""
    ) -> None:
        """Be for `caller`, at `origin`; `leave` is called at the end."""
        super().__init__()
        self._party = party
        self._leave = leave
        self._heard_s = party.clock.seconds()
        self.client: Client = party.make_client(self, caller, origin)

    def open(self, transport: Any, head: bytes, epoch: str, refused: Refusal | None) -> None:
        """Take over a transport: answer the handshake by `head`, then greet, or only tell what is refused."""
        party = self._party
        self.take_over(transport, party.way_out(transport))
        # The HTTP channel has been the transport's producer so far, and has paused it.
        transport.unregisterProducer()
        transport.registerProducer(self, streaming=True)
        transport.resumeProducing()
        if refused is not None:
            self.sendData(head)
            self._go(refused, refused.close_code, "overloaded")
            return
        caller = self.client.caller
        self.sendData(head + as_sent(wire.encode_hello(caller, epoch, "chat")))
        self._tick = party.clock.callLater(party.limits.ping_s, self._ask)
        if caller is not None:
            self._unwatch = party.watch.watch(caller.credential, self._revoked)
        party.departure.add(self, self._depart)

    # What autobahn tells

    @_guarded
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Take a frame."""
        if not self._over:
            self.client.received(payload, is_text=not isBinary)

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
            for frame in batch.once(self._party.frames):
                self.sendData(frame)

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
        self._watch_stall()
        self.client.pause()

    def resumeProducing(self) -> None:
        """Go on: the peer has taken everything. What it said meanwhile was not listened to."""
        self._heard_s = self._party.clock.seconds()
        self._watch_stall_no_longer()
        if not self._over:
            self.client.resume()

    def stopProducing(self) -> None:
        """End: the connection is going."""
        self._end()

    def _watch_stall(self) -> None:
        if self._stall is None:
            party = self._party
            self._stall = StallWatch(
                party.clock, party.limits.stall_s, lambda: progress(self.transport), self._takes_nothing
            )
        self._stall.paused()

    def _watch_stall_no_longer(self) -> None:
        if self._stall is not None:
            self._stall.resumed()

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
        """Ask a silent peer whether it lives; drop one that was asked and stayed silent.

        Who still has something to take cannot hear the question: for its slowness it has longer.
        """
        limits = self._party.limits
        now_s = self._party.clock.seconds()
        wait_s = self._heard_s + limits.ping_s - now_s
        if wait_s <= 0:
            wait_s = limits.pong_s
            asked = self._asked_s > self._heard_s
            behind = any(progress(self.transport) or ())
            if asked and (vanished.is_gone(self.transport, limits.pong_s) if behind else self._pinged):
                logger.debug("A WebSocket whose peer is silent is dropped")
                self._end()
                self.dropConnection(abort=True)
                return
            if behind:
                self._watch_stall()
            else:
                self.sendPing(b"")
            self._asked_s, self._pinged = now_s, not behind
        self._tick = self._party.clock.callLater(wait_s, self._ask)

    def _end(self) -> None:
        """Do nothing more for the client. Twice is once."""
        if self._over:
            return
        self._over = True
        self._watch_stall_no_longer()
        if self._unwatch is not None:
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
        """Take it."""
        self.clock = clock
        self.limits = limits
        self.make_client = make_client
        self.origin = origin
        self.watch = watch
        self.departure = departure
        self.way_out = way_out
        self.frames = rendering(limits.out_bytes)
        self.socket = opened(Socket, clock, limits)


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
        except WrongVersion as refusal:
            exchange.answer(replace(problem(refusal), headers={"Sec-WebSocket-Version": VERSION}))
        except Refusal as refusal:
            exchange.answer(problem(refusal))
        except Exception:
            logger.exception("An upgrade to WebSocket failed")
            exchange.answer(problem(InternalError()))

    def _upgrade(self, exchange: Exchange, caller: Identity | None, epoch: str) -> None:
        request = exchange.request
        leave_place, refused = self._place(caller)
        origin = self._party.origin(*exchange.came_from)
        head = acceptance(request, SUBPROTOCOL)
        channel: Any = request.channel
        transport, seat = channel.hand_over()

        def leave() -> None:
            leave_place()
            seat.leave()

        socket = self._party.socket(self._party, caller, leave, origin=origin)
        socket.open(transport, head, epoch, refused)

    def _place(self, caller: Identity | None) -> tuple[Callable[[], None], Refusal | None]:
        """Take a place. A browser cannot read a refused upgrade: who gets none hears so on the socket."""
        try:
            return self._places.take(caller.user_id if caller else None), None
        except Refusal as refused:
            return _nothing, refused


def _nothing() -> None:
    """Have nothing to end: no credential to watch, no place to give back."""
