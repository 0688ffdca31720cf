"""The whole service in this process, on a port of its own, and clients of it at the level of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.wsgi import get_wsgi_application
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from realtime.config import Config
from realtime.service import ChatService
from rooms.accounts import issue_token
from tests.support_bytes import Connection, Response, Socket
from tests.support_rooms import person

WAIT_S = 15


class Talker(Protocol):
    """A connection that keeps what it hears and lets a test wait for it."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        self._look()

    def connectionLost(self, reason: Any = None) -> None:
        """Take note."""
        self.lost = True
        self._look()

    async def until(self, condition: Callable[[], bool], clock: Any) -> None:
        """Wait until something is so."""
        if not condition():
            done: Deferred[None] = Deferred()
            self._waiting.append((condition, done))
            await done.addTimeout(WAIT_S, clock)

    async def hears(self, text: bytes, clock: Any) -> bytes:
        """Wait until something was said, and return all that was."""
        await self.until(lambda: text in self.heard, clock)
        return self.heard

    async def is_lost(self, clock: Any) -> None:
        """Wait until the connection is lost."""
        await self.until(lambda: self.lost, clock)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: Any) -> None:
        """Send a request."""
        heard = Connection()
        heard.protocol = _Relay(self)
        heard.ask(method, path, body, **headers)

    def socket(self) -> Socket:
        """Return this connection as a WebSocket; what was heard of the handshake is taken away."""
        _head, _, self.heard = self.heard.partition(b"\r\n\r\n")
        heard = Connection()
        heard.protocol = _Relay(self)
        return _HeardSocket(heard, self)

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, done in waiting:
            if condition():
                done.callback(None)
            else:
                self._waiting.append((condition, done))


class _Relay:
    """Sends what a test's connection tells the server over a real one."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker

    def dataReceived(self, data: bytes) -> None:
        assert self._talker.transport is not None
        self._talker.transport.write(data)


class _HeardSocket(Socket):
    """A WebSocket whose frames come from a real connection."""

    def __init__(self, connection: Connection, talker: Talker) -> None:
        super().__init__(connection)
        self._talker = talker

    def frames(self) -> list[tuple[int, bytes]]:
        self.connection.clear()
        self.connection.write(self._talker.heard)
        self._talker.heard = b""
        return super().frames()


class ServiceCase(TestCase):
    """Starts a service on a free port; ana has an account and a token."""

    timeout = 60
    config = Config(poll_interval_s=0)
    application: Any = None
    token: dict[str, Any]

    async def start(self) -> ChatService:
        """Start the service; the test's end stops it."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.ana = person("ana")
        self.token = {"Authorization": f"Bearer {issue_token(self.ana, 'tests')}"}
        self.service = ChatService(
            reactor,
            self.config,
            [TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")],
            self.application or get_wsgi_application(),
        )
        self.addCleanup(lambda: Deferred.fromCoroutine(self.service.stop()))
        await self.service.start()
        return self.service

    async def connect(self) -> Talker:
        """Return a new connection."""
        address: Any = self.service.ports[0].getHost()
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", address.port)
        talker: Talker = await connectProtocol(endpoint, Talker())
        self.addCleanup(self._hang_up, talker)
        return talker

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: Any) -> Response:
        """Ask on a connection of its own and return the answer."""
        talker = await self.connect()
        talker.ask(method, path, body, Connection="close", **headers)
        await talker.is_lost(self.reactor)
        return Response.parse(talker.heard)

    async def socket(self, **headers: Any) -> tuple[Talker, Socket]:
        """Open a WebSocket; hello has been heard."""
        talker = await self.connect()
        handshake: dict[str, Any] = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        talker.ask("GET", "/ws", **handshake, **headers)
        await talker.hears(b'"type":"hello"', self.reactor)
        return talker, talker.socket()

    async def _hang_up(self, talker: Talker) -> None:
        if not talker.lost:
            transport: Any = talker.transport
            transport.abortConnection()
            await talker.is_lost(self.reactor)
