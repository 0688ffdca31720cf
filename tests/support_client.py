"""What a test of a caller on a WebSocket says, and what it is told."""

from __future__ import annotations

from typing import Any

from tests.support_bytes import Socket
from tests.support_edge import COOKIE, Edge


def hello(edge: Edge, **headers: Any) -> Socket:
    """Connect, and hear the greeting."""
    socket = edge.socket(**(headers or COOKIE))
    assert socket.told()[0]["type"] == "hello"
    return socket


def join(socket: Socket, **fields: Any) -> list[Any]:
    """Join a room, and return what is told."""
    socket.send({"type": "join", "room": "lobby", **fields})
    return socket.told()


def overhear(socket: Socket, *rooms: str) -> list[tuple[str, int]]:
    """Overhear rooms, and return where each ends."""
    socket.send({"type": "overhear", "rooms": rooms})
    (told,) = socket.told()
    assert told["type"] == "overhearing"
    return [(one["room"], one["last_id"]) for one in told["rooms"]]


def send(socket: Socket, nonce: str, room: str = "lobby", **fields: Any) -> None:
    """Send a message."""
    socket.send({"type": "send", "room": room, "body": f"say {nonce}", "nonce": nonce, **fields})


def ids(frames: list[Any]) -> list[int]:
    """Return the ids of messages in frames."""
    return [m["id"] for frame in frames if frame["type"] == "messages" for m in frame["messages"]]
