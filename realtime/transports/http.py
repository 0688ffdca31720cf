"""What all HTTP calls have in common: requests, answers, problems, and who is asking from where."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.web import resource, server
from twisted.web.http import NO_BODY_CODES

from realtime import wire_rooms
from realtime.errors import InternalError, MethodNotAllowed, NotAuthenticated, NotFound, Refusal
from rooms.messages import FILE_KEY, MAX_ID, user_id

if TYPE_CHECKING:
    from realtime.transports.doorkeeper import Doorkeeper
    from rooms.messages import Identity, UserId

logger = logging.getLogger(__name__)

JSON = "application/json"
PROBLEM = "application/problem+json"
ME = "me"
"""Stands in a path for whoever asks."""

NUMBER = "[0-9]{1,19}"
PARTS = {
    "room": "[a-z0-9-]{1,64}",
    "id": NUMBER,
    "invitation": NUMBER,
    "report": NUMBER,
    "file": FILE_KEY,
    "name": r"[^/]{1,1000}",
    "user": r"[^/\x00-\x1f\x7f\ud800-\udfff]{1,255}",
}
"""What the named parts of a path look like. Keys of people are whatever the site's user model has."""

NUMBERS = {name for name, pattern in PARTS.items() if pattern == NUMBER}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Every one of them is kept by nobody: `Cache-Control: no-store`."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(refusal: Refusal) -> Answer:
    """Return the answer that a refusal is (RFC 9457)."""
    headers: dict[str, str] = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    if isinstance(refusal, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.allow:
        headers["Allow"] = ", ".join(refusal.allow)
    body = json.dumps(refusal.problem(), ensure_ascii=False).encode()
    return Answer(refusal.http_status, body, PROBLEM, headers)


def problem_response(refusal: Refusal) -> bytes:
    """Return a refusal as all the bytes of a response, for where no request is there to answer. It closes."""
    answer = problem(refusal)
    more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = (
        f"HTTP/1.1 {answer.status} {refusal.title}\r\nConnection: close\r\nCache-Control: no-store\r\n{more}"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode("ascii") + answer.body


class Exchange:
    """One request and the answer to it, for as long as its client is there."""

    def __init__(self, request: server.Request) -> None:
        """Watch whether the client hangs up."""
        self.request = request
        self.gone = False
        self._when_gone: list[Callable[[], None]] = []
        request.notifyFinish().addBoth(self._is_gone)

    @property
    def method(self) -> str:
        """The request's method."""
        return str(self.request.method.decode("latin-1"))

    @property
    def path(self) -> str:
        """The request's path, percent-encoding undone; what is no UTF-8 in it matches nothing."""
        return unquote_to_bytes(self.request.path).decode("utf-8", "replace")

    @property
    def query(self) -> bytes:
        """What follows the question mark."""
        return bytes(self.request.uri.partition(b"?")[2])

    def header(self, name: str) -> str:
        """Return a header's value, "" where it is absent. The last one counts, as in Twisted."""
        value = self.request.getHeader(name.lower().encode("ascii"))
        return value.decode("latin-1") if value is not None else ""

    @property
    def came_from(self) -> tuple[str, str]:
        """The connection's address, "" where it has none, and all of X-Forwarded-For."""
        told = self.request.requestHeaders.getRawHeaders(b"x-forwarded-for", [])
        peer = str(getattr(self.request.getClientAddress(), "host", ""))
        return peer, b",".join(told).decode("latin-1")

    def body(self) -> bytes:
        """Return the request's body, which was bounded while it came in."""
        content: Any = self.request.content
        content.seek(0)
        return bytes(content.read())

    def when_gone(self, call: Callable[[], None]) -> None:
        """Have something called once the client has hung up or was answered; at once where it has been."""
        if self.gone:
            call()
        else:
            self._when_gone.append(call)

    def begin(self, answer: Answer) -> bool:
        """Set the head of an answer. False where nobody is there any more."""
        if self.gone:
            return False
        request = self.request
        request.setResponseCode(answer.status)
        headers = {
            "Content-Type": answer.content_type,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **answer.headers,
        }
        for name, value in headers.items():
            request.setHeader(name.encode("ascii"), value.encode("latin-1"))
        return True

    def answer(self, answer: Answer) -> None:
        """Answer, unless nobody is there any more."""
        if not self.begin(answer):
            return
        if answer.status not in NO_BODY_CODES:  # RFC 9110, 8.6
            self.request.setHeader(b"Content-Length", b"%d" % len(answer.body))
        self.request.write(b"" if self.method == "HEAD" else answer.body)
        self.finish()

    def finish(self) -> None:
        """End the answer."""
        if not self.gone:
            self.request.finish()

    def _is_gone(self, _result: object) -> None:
        self.gone = True
        calls, self._when_gone = self._when_gone, []
        for call in calls:
            call()


@dataclass(frozen=True, slots=True)
class Call:
    """An exchange with what the door has found out: who asks (None: a guest), and what the path names."""

    exchange: Exchange
    caller: Identity | None
    names: Mapping[str, str]

    @property
    def reader(self) -> UserId | None:
        """Who asks, as the database knows them."""
        return self.caller.user_id if self.caller else None

    @property
    def room(self) -> str:
        """The room that the path names."""
        return self.names["room"]

    @property
    def message_id(self) -> int:
        """The message that the path names."""
        return self.number("id")

    def number(self, name: str) -> int:
        """Return a number in the path: of a message, an invitation, a report."""
        return int(self.names[name])

    @property
    def is_me(self) -> bool:
        """Tell whether the person in the path is called `me`."""
        return self.names["user"] == ME

    @property
    def is_about_caller(self) -> bool:
        """Tell whether the person in the path is who asks."""
        return self.is_me or (self.caller is not None and str(self.person) == str(self.caller.user_id))

    @property
    def person(self) -> UserId:
        """The person that the path names, who need not exist.

        Raises:
            NotAuthenticated: it is the caller, who is a guest.
        """
        if self.is_me:
            return self.known
        return user_id(self.names["user"])

    @property
    def known(self) -> UserId:
        """Who asks.

        Raises:
            NotAuthenticated: it is a guest.
        """
        if self.caller is None:
            raise NotAuthenticated
        return self.caller.user_id


def decoded(call: Call, kind: type[wire_rooms.Body]) -> wire_rooms.Body:
    """Return the body of a call, which is JSON; raises BadRequest, which names the field."""
    return wire_rooms.decode(kind, call.exchange.header("Content-Type"), call.exchange.body())


Endpoint = Callable[[Call], Awaitable[Answer | None]]
"""Answers a call. None: the endpoint answers by itself, or nobody is there to be answered."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the API, with named parts as `{room}` in it, and its methods."""

    path: str
    methods: Mapping[str, Endpoint]

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return what the path names, None where it is another's."""
        found = _pattern(self.path).fullmatch(path)
        names = found.groupdict() if found else None
        if names and any(not 0 < int(names[name]) <= MAX_ID for name in NUMBERS & names.keys()):
            return None
        return names


def _merged(routes: Sequence[Route]) -> list[Route]:
    """Return one route a path, with all its methods."""
    methods: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        methods.setdefault(route.path, {}).update(route.methods)
    return [Route(path, found) for path, found in methods.items()]


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", lambda part: f"(?P<{part[1]}>{PARTS[part[1]]})", path))


class Api(resource.Resource):
    """All calls of the HTTP API: finds the endpoint, asks the door, answers; what fails becomes a problem."""

    isLeaf = True

    def __init__(self, routes: Sequence[Route], door: Doorkeeper | None) -> None:
        """Serve these routes to whoever the door lets in; without a door, to all."""
        super().__init__()
        self._routes = _merged(routes)
        self._door = door

    def render(self, request: Any) -> int:
        """Answer, soon."""
        Deferred.fromCoroutine(self._serve(Exchange(request)))
        return int(server.NOT_DONE_YET)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            answer = await self._answer(exchange)
        except Refusal as refusal:
            answer = problem(refusal)
        except Exception:
            logger.exception("%s on the API failed", exchange.method)
            answer = problem(InternalError())
        if answer is not None:
            exchange.answer(answer)

    async def _answer(self, exchange: Exchange) -> Answer | None:
        route, names = self._find(exchange.path)
        if self._door is not None:
            self._door.check_host(exchange.request)
        methods = route.methods
        allow = tuple(sorted({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
        if exchange.method == "OPTIONS":
            return Answer(204, b"", headers={"Allow": ", ".join(allow)})
        endpoint = methods.get("GET" if exchange.method == "HEAD" else exchange.method)
        if endpoint is None:
            raise MethodNotAllowed(allow=allow)
        caller = await self._door.admit(exchange.request) if self._door is not None else None
        return await endpoint(Call(exchange, caller, names))

    def _find(self, path: str) -> tuple[Route, Mapping[str, str]]:
        for route in self._routes:
            names = route.match(path)
            if names is not None:
                return route, names
        raise NotFound
