"""The whole service on a clock, the work of its threads done by the test's own: real database, no socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import connection
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from realtime.config import Config
from realtime.service import ChatService, Pools
from rooms.accounts import issue_token
from tests.support_bytes import Connection, Response, Socket

TURNS = 10_000


class Turns(Clock):
    """A reactor whose turns a test takes."""

    def callFromThread(self, function: Callable[..., Any], *given: Any, **named: Any) -> None:
        """Call it in one of the next turns."""
        self.callLater(0, function, *given, **named)

    def settle(self) -> None:
        """Take turns until nothing is left that is due."""
        for _turn in range(TURNS):
            if not any(call.getTime() <= self.seconds() for call in self.getDelayedCalls()):
                return
            self.advance(0)
        raise AssertionError("It never settles.")


class NoThreads:
    """A thread pool without threads: what it is given is done at once."""

    joined = False

    def __init__(self, name: str) -> None:
        self.name = name

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Take note."""
        self.joined = True

    def callInThreadWithCallback(
        self, told: Callable[[bool, Any], None], work: Callable[..., Any], *given: Any, **named: Any
    ) -> None:
        """Do it, and tell what came of it."""
        try:
            result = work(*given, **named)
        except Exception:  # noqa: BLE001 (it is for who asked)
            told(False, Failure())
        else:
            told(True, result)


class Inline:
    """A service that hears of commits, and those who ask it."""

    def __init__(
        self, *, around: Callable[[], AbstractContextManager[None]] | None = None, **config: Any
    ) -> None:
        """Start it; `around` is entered around its work instead of what looks after a thread's connection."""
        self.turns = Turns()
        pools: Any = Pools(*(NoThreads(name) for name in Pools.__dataclass_fields__))  # type: ignore[arg-type]
        given = {"poll_interval_s": 0, "listen": False, "sends_burst": 100_000, **config}
        self.service = ChatService(self.turns, Config(**given), [], lambda *_wsgi: [], pools=pools)
        if around is not None:
            self.service.database._around = around
        self._tokens: dict[int, str] = {}
        Deferred.fromCoroutine(self.service.start())
        self.turns.settle()

    def close(self) -> None:
        """Stop."""
        Deferred.fromCoroutine(self.service.stop())
        for _step in range(40):
            self.turns.settle()
            self.turns.advance(0.5)
        for pool in self.service._pools.all():
            pool.stop()

    def connect(self) -> Connection:
        """Return a new connection."""
        channel: Any = self.service.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 4444))
        heard = Connection()
        heard.protocol = channel
        channel.makeConnection(heard)
        return heard

    def begin(
        self, method: str, path: str, body: Any = None, *, by: Any = None, **headers: Any
    ) -> Connection:
        """Ask on a connection of its own, which is returned with what is there by now."""
        heard = self.connect()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        heard.ask(method, path, data, **self._token(by), **headers)
        self.turns.settle()
        return heard

    def ask(self, method: str, path: str, body: Any = None, *, by: Any = None, **headers: Any) -> Response:
        """Ask, and return the answer."""
        return self.begin(method, path, body, by=by, **headers).response()

    def socket(self, by: Any = None) -> Socket:
        """Return a WebSocket; hello has been heard."""
        heard = self.begin(
            "GET",
            "/ws",
            by=by,
            Upgrade="websocket",
            Connection="Upgrade",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        )
        head, _, rest = heard.value().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        heard.clear()
        heard.write(rest)
        socket = Socket(heard)
        assert socket.told()[0]["type"] == "hello"
        return socket

    def send(self, socket: Socket, **frame: Any) -> list[Any]:
        """Send a frame, and return what is told by then."""
        socket.send(frame)
        self.turns.settle()
        return socket.told()

    def _token(self, person: Any) -> dict[str, str]:
        if person is None:
            return {}
        if person.pk not in self._tokens:
            self._tokens[person.pk] = issue_token(person, "tests")
            self.turns.settle()
        return {"Authorization": f"Bearer {self._tokens[person.pk]}"}


@contextmanager
def counting() -> Iterator[list[str]]:
    """Collect the statements of the test's thread."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found
