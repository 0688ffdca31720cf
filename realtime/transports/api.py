"""The HTTP API's plain calls: rooms, pages of history, sending, editing, redacting, health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError

from realtime import queries, wire, wire_bodies, wire_rooms
from realtime.errors import NotAuthenticated, Refusal, Reset, Unavailable, refusal
from realtime.transports.http import Answer, Call, Route, decoded
from rooms.messages import (
    After,
    Before,
    Draft,
    Kind,
    Page,
    Posted,
    Refused,
    RoomSummary,
    Span,
    Stored,
    UserId,
    new_nonce,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twisted.internet.interfaces import IReactorTime

    from realtime.transports.http import Endpoint
    from rooms.messages import Identity


class History(Protocol):
    """What is read for one caller."""

    def read(self, reader: UserId | None, slug: str, span: Span) -> Awaitable[Page | Refused]:
        """Return a piece of a room's log, or why the reader does not get it."""

    def rooms_for(self, reader: UserId | None) -> Awaitable[tuple[str, list[RoomSummary]]]:
        """Return the epoch and the rooms that a reader may see."""

    def ping(self) -> Awaitable[None]:
        """Raise Unavailable where the database does not answer."""


class Posting(Protocol):
    """What takes one draft and tells what became of it."""

    def post(self, draft: Draft) -> Awaitable[Stored | Refused]:
        """Return the outcome; raise Unavailable where there is no room for it."""


class Allowance(Protocol):
    """What knows how fast somebody may send."""

    def origin(self, peer: str, forwarded: str) -> str:
        """Return whom a request counts for."""

    def take(self, caller: Identity, origin: str) -> None:
        """Count one send; raise RateLimited where that is too many."""


class Calls:
    """The endpoints."""

    def __init__(
        self,
        history: History,
        posting: Posting,
        *,
        allowance: Allowance,
        encode: Callable[[Posted], bytes],
        wait: Callable[[Call, Page, int, float], Awaitable[Answer | None]],
        max_body: int,
    ) -> None:
        """Read from `history`, post what `allowance` lets pass; `wait` has who waits for news."""
        self._history = history
        self._posting = posting
        self._allowance = allowance
        self._encode = encode
        self._wait = wait
        self._max_body = max_body

    def routes(self, events: Endpoint) -> list[Route]:
        """Return the API's routes, `events` being the endpoint of the event stream."""
        messages = "/api/rooms/{room}/messages"
        return [
            Route("/api/rooms", {"GET": self.rooms}),
            Route(messages, {"GET": self.messages, "POST": self.post}),
            Route(messages + "/{id}", {"PATCH": self.edit, "DELETE": self.redact}),
            Route(messages + "/{id}/reactions", {"POST": self.react, "DELETE": self.unreact}),
            Route("/api/rooms/{room}/events", {"GET": events}),
        ]

    async def rooms(self, call: Call) -> Answer:
        """GET /api/rooms."""
        epoch, rooms = await self._history.rooms_for(call.reader)
        return Answer(200, wire_rooms.encode_rooms(call.caller, epoch, rooms))

    async def messages(self, call: Call) -> Answer | None:
        """GET /api/rooms/{room}/messages."""
        query = queries.decode_history_query(call.exchange.query)
        page = await self._history.read(call.reader, call.room, query.span)
        if isinstance(page, Refused):
            raise refusal(page)
        check_cursor(page, query.span, query.epoch)
        if query.wait_s and not page.messages and call.exchange.method == "GET":
            return await self._wait(call, page, query.span.limit, query.wait_s)
        return self._page(page, query.span)

    def _page(self, page: Page, span: Span) -> Answer:
        asked = span.cursor if isinstance(span, After | Before) else page.start
        last_id = page.messages[-1].id if page.messages else asked
        messages = [self._encode(posted) for posted in page.messages]
        body = wire.encode_page(page.room, page.versions.epoch, messages, last_id=last_id, more=page.more)
        return Answer(200, body)

    async def post(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/messages."""
        body = _decoded(call, wire_bodies.PostBody, self._max_body)
        stored = await self._posted(
            call, Kind.MESSAGE, body.body, body.nonce, reply_to=body.reply_to, files=tuple(body.files or ())
        )
        return Answer(201 if stored.fresh else 200, self._encode(stored.posted))

    async def edit(self, call: Call) -> Answer:
        """PATCH /api/rooms/{room}/messages/{id}."""
        body = _decoded(call, wire_bodies.EditBody, self._max_body)
        return Answer(200, self._encode((await self._posted(call, Kind.EDIT, body.body, body.nonce)).posted))

    async def redact(self, call: Call) -> Answer:
        """DELETE /api/rooms/{room}/messages/{id}."""
        body = _decoded(call, wire_bodies.RedactBody, self._max_body)
        return Answer(
            200,
            self._encode((await self._posted(call, Kind.REDACTION, body.reason or "", body.nonce)).posted),
        )

    async def react(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/messages/{id}/reactions."""
        stored = await self._reacted(call, Kind.REACTION)
        return Answer(201 if stored.fresh else 200, self._encode(stored.posted))

    async def unreact(self, call: Call) -> Answer:
        """DELETE /api/rooms/{room}/messages/{id}/reactions."""
        return Answer(200, self._encode((await self._reacted(call, Kind.UNREACTION)).posted))

    async def _reacted(self, call: Call, kind: Kind) -> Stored:
        body = decoded(call, wire_rooms.ReactionBody)
        return await self._posted(call, kind, body.body, body.nonce)

    async def _posted(self, call: Call, kind: Kind, body: str, nonce: str | None, **more: Any) -> Stored:
        nonce = nonce or new_nonce()
        if call.caller is None:
            raise NotAuthenticated(nonce=nonce)
        target = None if kind is Kind.MESSAGE else call.message_id
        draft = Draft(call.room, kind, call.caller.user_id, nonce, body, target, **more)
        try:
            self._allowance.take(call.caller, self._allowance.origin(*call.exchange.came_from))
            outcome = await self._posting.post(draft)
        except Refusal as refused:
            raise refused.of(nonce=nonce) from None
        if isinstance(outcome, Refused):
            raise refusal(outcome, nonce=nonce)
        return outcome


class Health:
    """Whether the process is up, and whether it can serve."""

    def __init__(
        self, history: History, clock: IReactorTime, limit_s: float, *, stopping: Callable[[], bool]
    ) -> None:
        """Ask the database through `history`, and wait for it for `limit_s`."""
        self._history = history
        self._clock = clock
        self._limit_s = limit_s
        self._stopping = stopping

    def routes(self) -> list[Route]:
        """Return the two routes."""
        return [Route("/healthz", {"GET": self.alive}), Route("/readyz", {"GET": self.ready})]

    async def alive(self, _call: Call) -> Answer:
        """GET /healthz."""
        return Answer(200, b"ok\n", "text/plain; charset=utf-8")

    async def ready(self, _call: Call) -> Answer:
        """GET /readyz."""
        if self._stopping():
            raise Unavailable("The server is stopping.")
        answer: Deferred[None] = Deferred.fromCoroutine(self._ping())
        try:
            await answer.addTimeout(self._limit_s, self._clock)
        except DeferredTimeoutError:
            raise Unavailable("The database does not answer in time.") from None
        return Answer(200, b"ok\n", "text/plain; charset=utf-8")

    async def _ping(self) -> None:
        await self._history.ping()


def check_cursor(page: Page, span: Span, epoch: str | None) -> None:
    """Raise Reset where the cursor asked for is of another epoch, or beyond the room's newest id."""
    ahead = isinstance(span, After | Before) and span.cursor > page.head
    if ahead or (epoch is not None and epoch != page.versions.epoch):
        raise Reset


def _decoded(call: Call, kind: type[wire_bodies.Body], max_body: int) -> wire_bodies.Body:
    exchange = call.exchange
    return wire_bodies.decode_body(kind, exchange.header("Content-Type"), exchange.body(), max_body=max_body)
