"""Whether a connection that cannot take what waits for it takes anything at all."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    Mark = tuple[int, ...]

UNSENT_BYTES = 131_072


def keep_little_unsent(transport: Any) -> None:
    """Have the kernel take no more than `UNSENT_BYTES` that cannot be sent yet (TCP_NOTSENT_LOWAT, tcp(7)).

    It would take megabytes for each slow reader: memory that nobody counts, behind which a ping waits, too.
    """
    connection = _socket(transport)
    if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)


def progress(transport: Any) -> Mark | None:
    """Return a mark that changes when the peer took some of what is under way to it, None where unknown.

    Twisted tells only when all was taken. What is buffered is public in `FileDescriptor`; a TLS transport has
    the TCP one below itself. The kernel takes more only once a good part of its own buffer is free, which a
    slow peer may need minutes for: so what waits there counts too. All zeros: nothing waits.
    """
    below = _buffered(transport)
    if below is None:
        return None
    return len(below.dataBuffer), below.offset, _in_the_kernel(below)


def unsent_bytes(transport: Any) -> int:
    """Return how much is held here for a peer that does not take it."""
    below = _buffered(transport)
    if below is None:
        return 0
    return len(below.dataBuffer) - int(below.offset) + int(getattr(below, "_tempDataLen", 0))


def _buffered(transport: Any) -> Any:
    """Return the transport that buffers, which is below that of TLS, or None."""
    while transport is not None and not hasattr(transport, "dataBuffer"):
        transport = getattr(transport, "transport", None)
    return transport


def _socket(transport: Any) -> socket.socket | None:
    connection = getattr(_buffered(transport), "socket", None)
    return connection if isinstance(connection, socket.socket) else None


def _in_the_kernel(transport: Any) -> int:
    """Return how many bytes the peer has not acknowledged (SIOCOUTQ, tcp(7)); 0 where that is unknown."""
    connection = _socket(transport)
    if connection is None:
        return 0
    try:
        told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int(struct.unpack("i", told)[0])


class StallWatch:
    """Calls `stalled` when, between `paused` and `resumed`, nothing at all was taken for `limit_s`.

    Where nothing waits any longer, the watch ends by itself.
    """

    CHECKS = 4

    def __init__(
        self,
        clock: IReactorTime,
        limit_s: float,
        mark: Callable[[], Mark | None],
        stalled: Callable[[], None],
    ) -> None:
        """Ask `mark` now and then whether something was taken."""
        self._clock = clock
        self._limit_s = limit_s
        self._mark = mark
        self._stalled = stalled
        self._call: IDelayedCall | None = None

    def paused(self) -> None:
        """Take note that something waits for the peer."""
        if self._call is None:
            self._wait(self._mark(), self.CHECKS)

    def resumed(self) -> None:
        """Take note that all was taken, or that the connection is gone."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    @property
    def watching(self) -> bool:
        """Whether something waits."""
        return self._call is not None

    def _wait(self, mark: Mark | None, left: int) -> None:
        self._call = self._clock.callLater(self._limit_s / self.CHECKS, self._check, mark, left)

    def _check(self, before: Mark | None, left: int) -> None:
        self._call = None
        now = self._mark()
        if now is not None and not any(now):
            return
        if now != before:
            self._wait(now, self.CHECKS)
        elif left > 1:
            self._wait(before, left - 1)
        else:
            self._stalled()
