"""Clients of the public protocol for many at once: one event loop, no thread each, every wait bounded."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"
PATIENCE_S = 8.0
"""How long a client waits for an answer: longer than the five seconds in which the server owes one."""

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


class Gone(Exception):  # noqa: N818 (how a conversation ends)
    """The connection ended, was refused, or nothing came in time. `code`: what a WebSocket's close said."""

    def __init__(self, why: str, code: int | None = None) -> None:
        """Carry why."""
        super().__init__(why)
        self.code = code


class NotWelcome(Exception):  # noqa: N818 (an answer)
    """An upgrade or a stream was answered with this status."""

    def __init__(self, status: int) -> None:
        """Carry the status."""
        super().__init__(str(status))
        self.status = status


@asynccontextmanager
async def bounded(limit_s: float) -> AsyncIterator[None]:
    """Turn whatever ends a connection, and silence for so long, into Gone."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (
        TimeoutError,
        OSError,
        asyncio.IncompleteReadError,
        asyncio.LimitOverrunError,
        ValueError,
    ) as error:
        raise Gone(f"{type(error).__name__}: {error}") from None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Line:
    """A TCP connection to the server. Hanging up needs no peer and no time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the two halves."""
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int, *, receive_bytes: int | None = None) -> Line:
        """Connect; with `receive_bytes`, behind a receive buffer of that size."""
        if receive_bytes is None:
            return cls(*await asyncio.open_connection(HOST, port))
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, (HOST, port))
        except BaseException:
            made.close()
            raise
        return cls(*await asyncio.open_connection(sock=made, limit=receive_bytes))

    def hang_up(self) -> None:
        """End the connection with a reset, so that no port of ours waits."""
        made = self.writer.get_extra_info("socket")
        if made is not None and made.fileno() != -1:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        """Send a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method != "GET":
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers of an answer."""
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in raw[1:] if line)
        return int(raw[0].split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks of a body (RFC 9112, 7.1)."""
        while size := int((await self.reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            chunk = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            yield chunk

    async def body(self, headers: dict[str, str]) -> bytes:
        """Return the whole body of an answer."""
        if headers.get("transfer-encoding") == "chunked":
            return b"".join([chunk async for chunk in self.chunks()])
        return await self.reader.readexactly(int(headers.get("content-length", "0")))


def bearer(token: str) -> dict[str, str]:
    """Return the header that says who is calling."""
    return {"Authorization": f"Bearer {token}"}


async def call(
    port: int,
    method: str,
    path: str,
    *,
    token: str = "",
    body: object = None,
    limit_s: float = PATIENCE_S,
) -> Answer:
    """Make a call of the API on a connection of its own; raise Gone where no whole answer comes."""
    headers = {"Connection": "close", **(bearer(token) if token else {})}
    data = b""
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    async with bounded(limit_s):
        line = await Line.to(port)
        try:
            await line.ask(method, path, headers, data)
            status, told = await line.head()
            return Answer(status, told, await line.body(told))
        finally:
            line.hang_up()


class EventStream:
    """Server-Sent Events of a room."""

    def __init__(self, line: Line) -> None:
        """Take an open stream."""
        self._line = line
        self._chunks = line.chunks()
        self._text = b""

    @classmethod
    async def open(cls, port: int, token: str, path: str, *, limit_s: float = PATIENCE_S) -> EventStream:
        """Open a stream.

        Raises:
            Gone: no answer.
            NotWelcome: another status than 200.
        """
        async with bounded(limit_s):
            line = await Line.to(port)
            try:
                await line.ask("GET", path, bearer(token))
                status, _headers = await line.head()
            except BaseException:
                line.hang_up()
                raise
        if status != 200:
            line.hang_up()
            raise NotWelcome(status)
        return cls(line)

    def __enter__(self) -> Self:
        """Take part in `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Hang up."""
        self._line.hang_up()

    async def event(self, limit_s: float) -> tuple[str, Any]:
        """Return the next event's name and data; comments only show that the stream is alive."""
        while True:
            block = await self._block(limit_s)
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            if "data" in fields:
                return fields.get("event", "message"), json.loads(fields["data"])

    async def _block(self, limit_s: float) -> str:
        while b"\n\n" not in self._text:
            async with bounded(limit_s):
                more = await anext(self._chunks, b"")
            if not more:
                raise Gone("the stream ended")
            self._text += more
        block, self._text = self._text.split(b"\n\n", 1)
        return block.decode()


class WebSocket:
    """A WebSocket (RFC 6455) that speaks JSON."""

    def __init__(self, line: Line) -> None:
        """Take a connection that was upgraded."""
        self._line = line

    @classmethod
    async def open(
        cls, port: int, token: str, *, limit_s: float = PATIENCE_S, receive_bytes: int | None = None
    ) -> WebSocket:
        """Connect and upgrade.

        Raises:
            Gone: no answer.
            NotWelcome: another status than 101.
        """
        headers = {
            **bearer(token),
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "chat.v1",
        }
        async with bounded(limit_s):
            line = await Line.to(port, receive_bytes=receive_bytes)
            try:
                await line.ask("GET", "/ws", headers)
                status, _headers = await line.head()
            except BaseException:
                line.hang_up()
                raise
        if status != 101:
            line.hang_up()
            raise NotWelcome(status)
        return cls(line)

    def __enter__(self) -> Self:
        """Take part in `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Hang up."""
        self._line.hang_up()

    def hang_up(self) -> None:
        """End the connection without a word."""
        self._line.hang_up()

    def send(self, **frame: Any) -> None:
        """Send a frame of JSON."""
        self._send(TEXT, json.dumps(frame).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        long = (len(payload) + 3) // 4
        number = int.from_bytes(payload, "big") ^ int.from_bytes((mask * long)[: len(payload)], "big")
        masked = number.to_bytes(len(payload), "big")
        self._line.writer.write(bytes([0x80 | opcode]) + _length(len(payload)) + mask + masked)

    async def receive(self, limit_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the next frame of JSON; pings are answered.

        Raises:
            Gone: the server closed, the connection ended, or no frame came in time.
        """
        async with bounded(limit_s):
            while True:
                opcode, payload = await self._frame()
                if opcode == TEXT:
                    frame: dict[str, Any] = json.loads(payload)
                    return frame
                if opcode == PING:
                    self._send(PONG, payload)
                elif opcode == CLOSE:
                    code = int.from_bytes(payload[:2], "big") if payload else 1005
                    raise Gone(f"closed: {code}", code)

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._line.reader.readexactly(2)
        if length >= 126:
            length = int.from_bytes(await self._line.reader.readexactly(2 if length == 126 else 8), "big")
        return first & 0x0F, await self._line.reader.readexactly(length)


def _length(count: int) -> bytes:
    if count < 126:
        return bytes([0x80 | count])
    return bytes([0x80 | 126]) + count.to_bytes(2, "big")
