"""Server-Sent Events: a subscription whose reader is an endless answer (HTML standard, 9.2)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from realtime import queries, vanished, wire
from realtime.errors import refusal
from realtime.transports.http import Answer
from rooms.messages import Code, Newest, Page, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from realtime.departure import Departure
    from realtime.hub import Hub
    from realtime.limits import StreamLimits
    from realtime.places import Places
    from realtime.subscription import Subscription
    from realtime.tail import Batch
    from realtime.transports.http import Call, Exchange
    from rooms.messages import Credential, Span, UserId

logger = logging.getLogger(__name__)

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {"X-Accel-Buffering": "no"}


class Reads(Protocol):
    """What a stream asks of the database."""

    def read(self, reader: UserId | None, slug: str, span: Span) -> Awaitable[Page | Refused]:
        """Return a piece of a room's log, or why the reader does not get it."""


class Watch(Protocol):
    """Tells when a credential no longer holds."""

    def watch(self, credential: Credential, revoked: Callable[[], None]) -> Callable[[], None]:
        """Have `revoked` called, at most once; what is returned ends the watch."""


def event(kind: bytes, data: bytes, event_id: int | None = None) -> bytes:
    """Return one event. JSON has no line break in it."""
    head = b"" if event_id is None else b"id: %d\n" % event_id
    return b"%bevent: %b\ndata: %b\n\n" % (head, kind, data)


def events(batch: Batch) -> bytes:
    """Return a batch as events, one a message."""
    return b"".join(event(b"message", message.data, message.id) for message in batch.messages)


class EventStreams:
    """The endpoint of the event stream."""

    def __init__(  # noqa: PLR0913 (what a stream lives by)
        self,
        reads: Reads,
        hub: Hub,
        clock: IReactorTime,
        watch: Watch,
        departure: Departure,
        limits: StreamLimits,
        *,
        places: Places,
    ) -> None:
        """Subscribe at `hub`, as far as there are places; end all when the server departs."""
        self._reads = reads
        self._hub = hub
        self._clock = clock
        self._watch = watch
        self._departure = departure
        self._limits = limits
        self._places = places

    async def serve(self, call: Call) -> Answer | None:
        """GET /api/rooms/{room}/events."""
        query = queries.decode_stream_query(call.exchange.query, call.exchange.header("Last-Event-ID"))
        user_id = call.caller.user_id if call.caller else None
        call.exchange.when_gone(self._places.take(user_id))
        page = self._hub.page_at_hand(
            call.room, user_id, cursor=query.after, epoch=query.epoch
        ) or await self._reads.read(user_id, call.room, Newest(0))
        if isinstance(page, Refused):
            raise refusal(page)
        if call.exchange.method == "HEAD" or call.exchange.gone:
            return Answer(200, b"", CONTENT_TYPE)
        after = page.head if query.after is None else query.after
        stale = after > page.head or (query.epoch is not None and query.epoch != page.versions.epoch)
        self._open(call, page, after, stale=stale)
        return None

    def _open(self, call: Call, page: Page, after: int, *, stale: bool) -> None:
        """Subscribe, begin the stream, go live: from the end on, after a reset, where `after` is void."""
        cursor = page.head if stale else after
        user_id = call.caller.user_id if call.caller else None
        stream = _Stream(call.exchange, page.room, self._clock, self._limits)
        stream.subscription = self._hub.attach(
            page.room, stream, user_id=user_id, cursor=cursor, versions=page.versions, access=page.access
        )
        call.exchange.begin(Answer(200, b"", CONTENT_TYPE, HEADERS))
        stream.greet(page, after)
        if stale:
            stream.reset(cursor, page.versions.epoch)
        stream.stay_alive()
        call.exchange.when_gone(stream.gone)
        if call.caller:
            call.exchange.when_gone(self._watch.watch(call.caller.credential, stream.revoked))
        self._departure.add(stream, stream.end)
        call.exchange.when_gone(lambda: self._departure.discard(stream))
        if not call.exchange.gone:
            call.exchange.request.registerProducer(stream, streaming=True)
            stream.subscription.wake()


@implementer(IPushProducer)
class _Stream:
    """One stream: what its subscription reads, for as long as its client takes it."""

    subscription: Subscription

    def __init__(self, exchange: Exchange, room: str, clock: IReactorTime, limits: StreamLimits) -> None:
        self._exchange = exchange
        self._room = room
        self._clock = clock
        self._limits = limits
        channel: Any = exchange.request.channel
        self._transport = channel.transport
        self._paused = False
        self._comment: IDelayedCall | None = None

    def greet(self, page: Page, after: int) -> None:
        """Say how soon to come back, and from where."""
        hello = {"room": page.room, "epoch": page.versions.epoch, "after": after, "last_id": page.head}
        self._write(b"retry: %d\n" % self._limits.retry_ms + event(b"hello", wire.encode(hello), after))

    # The subscription's reader

    def messages(self, batch: Batch) -> None:
        self._write(batch.once(events))

    def reset(self, after: int, epoch: str) -> None:
        self._write(event(b"reset", wire.encode_reset(self._room, after=after, epoch=epoch), after))

    def left(self, code: Code) -> None:
        self._write(event(b"left", wire.encode_left(self._room, code)))
        self.end()

    def revoked(self) -> None:
        """Tell that the session or token no longer holds."""
        self.left(Code.NOT_AUTHENTICATED)

    # The transport's producer

    def pauseProducing(self) -> None:
        self._paused = True
        self.subscription.pause()

    def resumeProducing(self) -> None:
        self._paused = False
        self.subscription.resume()

    def stopProducing(self) -> None:
        self.subscription.end()

    def end(self) -> None:
        """End the stream; its client comes back, or was told not to."""
        if not self._exchange.gone:
            self._exchange.request.unregisterProducer()
            self._exchange.finish()

    def gone(self) -> None:
        """Free what the stream held."""
        self.subscription.end()
        if self._comment is not None:
            self._comment.cancel()

    def stay_alive(self) -> None:
        """Write a comment now and then, so that nobody on the way takes the connection for dead."""
        self._comment = self._clock.callLater(self._limits.comment_s, self._say_alive)

    def _say_alive(self) -> None:
        if vanished.is_gone(self._transport, 1.5 * self._limits.comment_s):
            logger.info("An event stream whose client's host is gone is dropped")
            self._transport.abortConnection()
            return
        if not self._paused:
            self._write(b":\n\n")
        self.stay_alive()

    def _write(self, data: bytes) -> None:
        if not self._exchange.gone:
            self._exchange.request.write(data)
