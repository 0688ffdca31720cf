"""Whether a request is an opening handshake of a WebSocket (RFC 6455, 4.2.1), and one without tricks."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from realtime.errors import BadRequest

SMUGGLING = frozenset(b"\x0b\x0c\x1c\x1d\x1e\x85")
"""Bytes that `str.splitlines` takes for the end of a line and HTTP does not (CVE-2026-44546)."""
VERSION = "13"
KEY_BYTES = 16
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WrongVersion(BadRequest):
    """A handshake of another version: the answer names ours (RFC 6455, 4.2.2)."""


def check_handshake(request: Any) -> None:
    """Raise BadRequest where a request is no opening handshake (RFC 6455, 4.2.1) or could smuggle."""
    headers = list(request.requestHeaders.getAllRawHeaders())
    texts = [
        request.uri,
        *(name for name, _values in headers),
        *(v for _name, values in headers for v in values),
    ]
    if any(not SMUGGLING.isdisjoint(text) for text in texts):
        raise BadRequest("A header holds a control character.")
    asks = request.method == b"GET" and request.clientproto == b"HTTP/1.1"
    if not asks or "websocket" not in _words(request, b"upgrade"):
        raise BadRequest("Upgrade: this address speaks WebSocket only")
    if "upgrade" not in _words(request, b"connection"):
        raise BadRequest("Connection: it must say Upgrade")
    if _words(request, b"sec-websocket-version") != [VERSION]:
        raise WrongVersion(f"Sec-WebSocket-Version: it must be {VERSION}")
    keys = request.requestHeaders.getRawHeaders(b"sec-websocket-key", [])
    if len(keys) != 1 or not _is_key(keys[0].strip()):
        raise BadRequest("Sec-WebSocket-Key: it must be 16 bytes in Base64")
    if not request.requestHeaders.hasHeader(b"host"):
        raise BadRequest("Host: it is missing")
    if request.content.read(1):
        # It would be taken for frames.
        raise BadRequest("A handshake has no body.")


def acceptance(request: Any, subprotocol: str) -> bytes:
    """Return the server's answer (RFC 6455, 4.2.2). The subprotocol is taken where it is offered."""
    key = request.requestHeaders.getRawHeaders(b"sec-websocket-key")[0].strip()
    proof = base64.b64encode(hashlib.sha1(key + MAGIC, usedforsecurity=False).digest())
    chosen = b""
    if subprotocol in offered(request):
        chosen = b"Sec-WebSocket-Protocol: %b\r\n" % subprotocol.encode("ascii")
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n%b"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % (chosen, proof)
    )


def _is_key(text: bytes) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def offered(request: Any) -> list[str]:
    """Return the subprotocols that the client offers."""
    return [
        word
        for value in request.requestHeaders.getRawHeaders(b"sec-websocket-protocol", [])
        for word in _split(value)
    ]


def _words(request: Any, name: bytes) -> list[str]:
    return [
        word.lower() for value in request.requestHeaders.getRawHeaders(name, []) for word in _split(value)
    ]


def _split(value: bytes) -> list[str]:
    return [word.strip() for word in value.decode("latin-1").split(",") if word.strip()]
