"""A WebSocket client that hides nothing (RFC 6455): independent of the library that the server uses."""

from __future__ import annotations

import base64
import json
import os
import socket
from types import TracebackType
from typing import Any, Self

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
TIMEOUT_S = 20


class Refused(Exception):  # noqa: N818 (an answer, as a client sees it)
    """The upgrade was refused, with this status."""

    def __init__(self, status: int, head: str) -> None:
        """Carry the answer."""
        super().__init__(f"{status}: {head}")
        self.status = status
        self.head = head


class Closed(Exception):  # noqa: N818 (how a conversation ends)
    """The server closed; `code` is None where the connection just ended."""

    def __init__(self, code: int | None) -> None:
        """Carry the close code."""
        super().__init__(str(code))
        self.code = code


class WebSocket:
    """One connection. Frames of JSON go and come as dictionaries."""

    def __init__(
        self, port: int, *, token: str = "", headers: tuple[str, ...] = (), path: str = "/ws"
    ) -> None:
        """Connect and upgrade.

        Raises:
            Refused: the server answered with another status than 101.
            OSError: it did not answer.
        """
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._buffer = b""
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: chat.v1",
            *([f"Authorization: Bearer {token}"] if token else []),
            *headers,
        ]
        try:
            self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            _expect_upgrade(self._until(b"\r\n\r\n").decode("latin-1"))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        """Take part in `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Hang up."""
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection without a word."""
        self._socket.close()

    def send(self, **frame: Any) -> None:
        """Send a frame of JSON."""
        self.send_raw(json.dumps(frame).encode())

    def send_raw(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send a whole message of any bytes."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._socket.sendall(bytes([0x80 | opcode]) + _length(len(payload)) + mask + masked)

    def receive(self) -> dict[str, Any]:
        """Return the next frame of JSON; pings are answered.

        Raises:
            Closed: the server closed, or the connection ended.
        """
        while True:
            opcode, payload = self._frame()
            if opcode == TEXT:
                frame: dict[str, Any] = json.loads(payload)
                return frame
            if opcode == PING:
                self.send_raw(payload, PONG)
            elif opcode == CLOSE:
                raise Closed(int.from_bytes(payload[:2], "big") if payload else 1005)

    def receive_type(self, *types: str) -> dict[str, Any]:
        """Return the next frame of one of these types, passing over others."""
        while (frame := self.receive())["type"] not in types:
            pass
        return frame

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._exactly(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        return first & 0x0F, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        found, self._buffer = self._buffer.split(mark, 1)
        return found

    def _more(self) -> None:
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise Closed(None)
        self._buffer += data


def _expect_upgrade(head: str) -> None:
    status = int(head.split(" ", 2)[1])
    if status != 101:
        raise Refused(status, head)


def _length(count: int) -> bytes:
    if count < 126:
        return bytes([0x80 | count])
    if count < 65536:
        return bytes([0x80 | 126]) + count.to_bytes(2, "big")
    return bytes([0x80 | 127]) + count.to_bytes(8, "big")
