"""A connection whose bytes a test sees, and what is said on it: HTTP responses, WebSocket frames."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure


class Connection(StringTransport):
    """A TCP connection whose other end is the test."""

    protocol: Any
    producer: Any

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "127.0.0.1", 4444))
        self.closed = False
        self.aborted = False
        self.half_closed = False
        self.dataBuffer = b""
        self.offset = 0

    def tell(self, data: bytes) -> None:
        """Send bytes to the server, unless it has closed."""
        if not self.closed:
            self.protocol.dataReceived(data)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: Any) -> None:
        """Send a request."""
        lines = [f"{method} {path} HTTP/1.1"]
        given = {"Host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            given["Content-Length"] = str(len(body))
        lines += [f"{name}: {value}" for name, value in given.items() if value]
        self.tell("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def response(self) -> Response:
        """Return the one response so far."""
        return Response.parse(self.value())

    def hang_up(self) -> None:
        """Lose the connection from the client's side."""
        if not self.closed:
            self.closed = True
            self.protocol.connectionLost(Failure(ConnectionDone()))

    def loseConnection(self) -> None:
        """Take note; the connection is lost as soon as it is written out, which is now."""
        super().loseConnection()
        self.hang_up()

    def loseWriteConnection(self) -> None:
        """Take note."""
        self.half_closed = True

    def abortConnection(self) -> None:
        """Take note."""
        self.aborted = True
        self.hang_up()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing."""


@dataclass
class Response:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes = field(repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Response:
        """Parse one."""
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), raw
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = unchunked(body)
        return cls(int(first.split()[1]), headers, body, raw)

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["code"])


def unchunked(body: bytes) -> bytes:
    """Return what came so far of a body in chunks."""
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        found += body[:length]
        body = body[length + 2 :]
        if not length:
            break
    return found


class Socket:
    """A WebSocket client at the level of frames."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.head = b""
        self.left = b""

    def send(self, told: Any) -> None:
        """Send JSON in a frame of text."""
        self.send_frame(1, json.dumps(told).encode())

    def send_frame(self, opcode: int, payload: bytes) -> None:
        """Send a masked frame."""
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        self.connection.tell(head + b"\0\0\0\0" + payload)

    def frames(self) -> list[tuple[int, bytes]]:
        """Return the frames that came since the last look: opcode and payload."""
        data, found = self.left + self.connection.value(), []
        self.connection.clear()
        while len(data) >= 2:
            opcode, length, at = data[0] & 15, data[1] & 127, 2
            if length == 126:
                (length,), at = struct.unpack("!H", data[2:4]), 4
            elif length == 127:
                (length,), at = struct.unpack("!Q", data[2:10]), 10
            found.append((opcode, data[at : at + length]))
            data = data[at + length :]
        self.left = data
        return found

    def told(self) -> list[Any]:
        """Return the JSON of the text frames that came since the last look."""
        return [json.loads(payload) for opcode, payload in self.frames() if opcode == 1]

    def closed_with(self) -> int | None:
        """Return the code of the close frame that came, if one did."""
        for opcode, payload in self.frames():
            if opcode == 8:
                return int(struct.unpack("!H", payload[:2])[0])
        return None
