"""One HTTP connection: bounds what a request holds and how long it takes, drops what could forge a header."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.web import http, server

from realtime import vanished
from realtime.errors import BadRequest, NotAuthenticated, Refusal, TooLarge, Unavailable
from realtime.request import ChatRequest
from realtime.seats import Seats, TurnedAway
from realtime.stall import keep_little_unsent, progress, unsent_bytes
from realtime.target import in_origin_form
from realtime.transports.http import problem_response
from realtime.unsent import Unsent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
    from twisted.python.failure import Failure
    from twisted.web.resource import IResource

    from realtime.limits import HttpLimits
    from realtime.seats import Seat
    from realtime.uploads import Uploads

TOKEN_CHARS = 24
"""A segment of a path that is at least as long may be a secret."""
COME_BACK_S = 10

logger = logging.getLogger(__name__)
access_log = logging.getLogger("realtime.access")


class Channel(http.HTTPChannel):
    """HTTP/1.1 on one connection."""

    site: ChatSite
    seat: Seat
    transport: Any

    def __init__(self) -> None:
        """Begin idle."""
        super().__init__()
        self._deadline: IDelayedCall | None = None
        self._refused = False
        self._answering = False
        self._answered: Any = None
        """A request whose answer the client has not taken yet, where it sent more behind it."""
        self._fresh = True
        self._last_call: IDelayedCall | None = None
        self._leave_place: Callable[[], None] | None = None
        """Gives back the place of the upload under way."""

    def connectionMade(self) -> None:
        """Take a seat."""
        limits = self.site.limits
        self.maxHeaders = limits.headers
        self.totalHeadersSize = self.MAX_LENGTH = limits.header_bytes
        vanished.watch(self.transport, limits.vanished_s)
        keep_little_unsent(self.transport)
        self.seat = self.site.seats.take(self.transport.getPeer())
        self.site.channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Leave the seat."""
        self._receive_no_longer()
        self._upload_no_longer()
        self.site.unsent.taken(self)
        if self._last_call is not None:
            self._last_call.cancel()
        self.site.channels.discard(self)
        self.seat.leave()
        super().connectionLost(reason)

    def hand_over(self) -> tuple[Any, Seat]:
        """Return transport and seat: another protocol has the connection now, and leaves the seat in the end.

        Nothing that still comes here is taken. The request and what belongs to it are let go.
        """
        self.site.channels.discard(self)
        self._refused = True
        for request in self.requests:
            request.notifications.clear()
        self.requests.clear()
        transport, self.transport = self.transport, None
        return transport, self.seat

    def close_when_done(self) -> None:
        """Close now where nothing is being answered, else after the answer.

        Who connected a moment ago is about to ask: that is still answered.
        """
        if self._fresh:
            self._last_call = self.callLater(self.site.limits.fresh_s, self._close_if_idle)
            return
        self.persistent = 0
        if not self._answering or self._answered is not None:
            self.loseConnection()

    def _close_if_idle(self) -> None:
        self._last_call = None
        if not self._answering:
            self.loseConnection()

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802 (Twisted's spelling)
        """Keep no connection for another request once the server is going."""
        return not self.site.departing and bool(super().checkPersistence(request, version))

    def abort(self) -> None:
        """Close without waiting for anything."""
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Take bytes. The first one of a request starts the clock that its last one must beat."""
        if self._refused:
            return
        if self._deadline is None and not self._answering:
            self._deadline = self.callLater(self.site.limits.receive_s, self._too_slow)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """Take a line, unless the request was refused in the middle."""
        if not self._refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 (Twisted's spelling)
        """Refuse a line that is longer than all headers may be together."""
        self._respondToBadRequestAndDisconnect()

    def rawDataReceived(self, data: bytes) -> None:
        """Take a piece of the body, unless the request was refused in the middle."""
        if self._refused:
            return
        super().rawDataReceived(data)
        if self._answering and sum(map(len, self._dataBuffer)) > self._optimisticEagerReadSize:
            # Twisted stops only where the client takes its answer.
            self.transport.pauseProducing()

    def headerReceived(self, line: bytes) -> bool:
        """Take a header, but for names with an underscore, which WSGI cannot tell from a hyphen."""
        if b"_" in line.partition(b":")[0]:
            return True
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:
        """Refuse a body that says that it is too long, before it comes, or an upload that has no place."""
        headers = self.requests[-1].requestHeaders
        hosts = headers.getRawHeaders(b"host", ())
        if len(hosts) > 1 or (self._version == b"HTTP/1.1" and not hosts):
            self._respondToBadRequestAndDisconnect()  # RFC 9112, 3.2
            return
        self._path, host = in_origin_form(self._path)
        if host is not None:
            headers.setRawHeaders(b"host", [host])  # RFC 9112, 3.2.2: whatever the header said
        if self.length is not None and not self.admits_body(self.length):
            return
        if self.site.uploads.is_one(self._command, self._path):
            self._begin_upload()
        if not self._refused:
            super().allHeadersReceived()

    def _begin_upload(self) -> None:
        """Take a place for a body that may be long, and leave it time."""
        uploads = self.site.uploads
        self._leave_place = uploads.take(self.transport.getPeer())
        if self._leave_place is None:
            self._refuse(Unavailable("Too many files are uploaded just now.", retry_after_s=COME_BACK_S))
            return
        if self._deadline is not None:
            self._deadline.delay(uploads.patience_s(self.length))
        Deferred.fromCoroutine(self._ask_who_uploads(self.requests[-1]))

    async def _ask_who_uploads(self, request: Any) -> None:
        """Take the place from who is nobody: while the body comes in, since it may take minutes."""
        refused: Refusal | None = None
        try:
            if await self.site.uploads.known(request) is None:
                refused = NotAuthenticated()
        except Refusal as why:
            refused = why
        under_way = self._leave_place is not None and not self._answering and request in self.requests
        if refused is not None and under_way:
            self._refuse(refused)

    def allContentReceived(self) -> None:
        """Answer the request, unless it was refused in the middle."""
        if not self._refused:
            with self.keeping():
                self.requests[-1].content.flush()
        if self._refused:
            return
        self._receive_no_longer()
        self._answering = True
        self._fresh = False
        super().allContentReceived()

    @property
    def refused(self) -> bool:
        """Whether nothing more is taken of what comes in: its request was refused in the middle."""
        return self._refused

    def requestDone(self, request: Any) -> None:
        """Be ready for the next request, once this one's answer is taken: answers are not piled up."""
        self._upload_no_longer()
        if self._waitingForTransport and self.persistent:
            self._answered = request
            self.setTimeout(self._savedTimeOut)
            return
        self._answering = False
        super().requestDone(request)

    def pauseProducing(self) -> None:
        """Wait for the client, as long as it takes anything at all of what is for it."""
        super().pauseProducing()
        self.site.unsent.watch(self)

    def loseConnection(self) -> None:
        """Close once the client has taken everything, or takes nothing any more."""
        # What was written just now is in neither of the places whose marks tell of progress.
        if unsent_bytes(self.transport) or any(progress(self.transport) or ()):
            self.site.unsent.watch(self)
        super().loseConnection()

    def resumeProducing(self) -> None:
        """Go on: the client has taken everything."""
        self.site.unsent.taken(self)
        super().resumeProducing()
        if self._answered is not None:
            answered, self._answered = self._answered, None
            self.requestDone(answered)

    def admits_body(self, length_bytes: int) -> bool:
        """Tell whether the body under way may be as long as this; where not, the request is refused."""
        if self._refused:
            return False
        limit = self.site.body_limit(self._command, self._path)
        if length_bytes > limit:
            self._refuse(TooLarge(f"A request body holds at most {limit} bytes."))
        return not self._refused

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Refuse the request whose body cannot be kept as it comes in: the disk of TMPDIR is full, say."""
        try:
            yield
        except OSError as error:
            logger.error("What is uploaded cannot be kept in TMPDIR: %s", error.strerror or error)  # noqa: TRY400 (it says all)
            self._refuse(Unavailable("This cannot be taken just now.", retry_after_s=COME_BACK_S))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in the middle of a request, stop listening, and leave the client time to read it."""
        self._refused = True
        self._receive_no_longer()
        self._upload_no_longer()
        self.setTimeout(None)
        access_log.info("%s: %d in the middle of a request", _peer(self.getPeer()), refusal.http_status)
        for request in self.requests:
            if request.content is not None:
                with suppress(OSError):  # what it still holds goes nowhere, which is where it is to go
                    request.content.close()
        self.transport.write(problem_response(refusal))
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is not None:
            half_close()
        self._abortingCall = self.callLater(self.site.limits.linger_s, self.forceAbortClient)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Answer what Twisted's parser refuses as everything else is refused, where Twisted has no body."""
        if not self._refused:
            self._refuse(BadRequest("This is no request that HTTP/1.1 allows."))

    def _too_slow(self) -> None:
        self._deadline = None
        self.timeoutConnection()

    def _upload_no_longer(self) -> None:
        if self._leave_place is not None:
            self._leave_place()
            self._leave_place = None

    def _receive_no_longer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class ChatSite(server.Site):
    """Makes the connections' protocols, counts them, and writes the access log."""

    protocol = Channel  # type: ignore[assignment]
    requestFactory = ChatRequest
    noisy = False

    def __init__(
        self,
        root: IResource,
        *,
        reactor: IReactorTime,
        limits: HttpLimits,
        page_bytes: int,
        seats: Seats,
        uploads: Uploads,
    ) -> None:
        """Serve `root`; `page_bytes` bounds the bodies of requests that are not the API's."""
        super().__init__(root, reactor=reactor, timeout=limits.idle_s)
        self.limits = limits
        self.seats = seats
        self.uploads = uploads
        self.departing = False
        self._clock = reactor
        self._turned_away = 0
        self.channels: set[Channel] = set()
        self.unsent = Unsent(reactor, limits, by_address=seats.by_address)
        self.displayTracebacks = False
        self._page_bytes = page_bytes

    def startFactory(self) -> None:
        """Do without Twisted's own access log."""

    def stopFactory(self) -> None:
        """Do without Twisted's own access log."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return a connection's protocol: where there are too many, one that says so; None closes it."""
        if self.seats.free(addr):
            return super().buildProtocol(addr)
        if self._turned_away >= self.limits.turned_away:
            return None
        self._turned_away += 1
        return TurnedAway(self._clock, self.limits.linger_s, self._left)

    def _left(self) -> None:
        self._turned_away -= 1

    def body_limit(self, method: bytes, uri: bytes) -> int:
        """Return how many bytes the body of a request for `uri` may have."""
        if self.uploads.is_one(method, uri):
            return self.uploads.most_bytes
        return self.limits.api_body_bytes if uri.startswith(b"/api/") else self._page_bytes

    def log(self, request: Any) -> None:
        """Write a request's line of the access log: no query, nothing that looks like a secret."""
        taken_ms = (time.monotonic() - request.started_s) * 1000
        method, path = request.method.decode("latin-1"), shown_path(request.path)
        access_log.info(
            "%s %s %s: %d, %d bytes, %d ms",
            _peer(request.getClientAddress()), method, path, request.code, request.sentLength, taken_ms,
        )  # fmt: skip


def shown_path(path: bytes) -> str:
    """Return a path as a log may show it: long segments, which may be one-time tokens, are cut."""
    segments = path.decode("latin-1")[:500].split("/")
    return "/".join(s if len(s) < TOKEN_CHARS else s[:4] + "…" for s in segments)


def _peer(address: Any) -> str:
    return str(getattr(address, "host", "") or "local")
