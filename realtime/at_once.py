"""Bytes given to a TCP socket in the moment they are written, where nothing waits before them.

Twisted's own `write` keeps what it is given, has epoll tell when the socket takes it, and sends it in the
reactor's next round: two more calls of the system for each write, though nearly every socket takes everything
at once. What a socket does not take here is the transport's, like all that follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.tcp import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[Any, bytes], None]


def way_out(transport: Any) -> Write:
    """Return the function that writes to such a transport: at once to plain TCP, else by its own `write`."""
    return at_once if isinstance(transport, Connection) and not transport.TLS else in_turn


def usual_way_out(_transport: Any) -> Write:
    """Return the function that writes to any transport by its own `write`."""
    return in_turn


def in_turn(transport: Any, data: bytes) -> None:
    """Leave it to the transport."""
    transport.write(data)


def at_once(transport: Connection, data: bytes) -> None:
    """Send it now, unless something waits; leave to the transport what the socket does not take.

    Nothing that waits is overtaken. A connection that is lost, or going, is found out by the transport, as
    for each of its writes; so is a buffer that is full, which pauses its producer.
    """
    sent = 0
    # What waits is in two buffers, of which only the first has a public name.
    waits = transport.dataBuffer or transport._tempDataBuffer  # noqa: SLF001
    if not waits and transport.connected and not transport.disconnecting:
        try:
            sent = transport.socket.send(data)
        except OSError:
            # Full, or broken: the transport's own attempt tells which, and ends the connection if it must.
            sent = 0
    if sent < len(data):
        transport.write(data[sent:])
