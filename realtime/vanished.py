"""Finds out that a peer's host is gone, by TCP itself: for connections on which the peer need say nothing.

Its time-out for what is not acknowledged (TCP_USER_TIMEOUT) is of no use: it also ends the connections of
those who read slowly, since a window that stays closed counts for it.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

PROBES = 3

_INFO = struct.Struct("8x13I")
"""The beginning of Linux's `struct tcp_info` (linux/tcp.h): eight bytes, then numbers of 32 bits."""
_UNACKNOWLEDGED, _SINCE_ACKNOWLEDGEMENT_MS = 4, 12


def watch(transport: Any, limit_s: int) -> None:
    """Have the kernel ask a silent peer, and end the connection where it does not answer for `limit_s`.

    Unix sockets, and platforms without an option, do without. See tcp(7).
    """
    connection = _tcp(transport)
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    pause_s = limit_s // (PROBES + 1)
    options = {"TCP_KEEPIDLE": pause_s, "TCP_KEEPINTVL": pause_s, "TCP_KEEPCNT": PROBES}
    for name, value in options.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def is_gone(transport: Any, limit_s: float) -> bool:
    """Tell whether what was sent has not been acknowledged, nor anything else, for `limit_s`.

    The kernel asks no peer to whom something is under way. A slow reader acknowledges that it was asked.
    """
    connection = _tcp(transport)
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return False
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    if len(info) < _INFO.size:
        return False
    told = _INFO.unpack(info)
    return bool(told[_UNACKNOWLEDGED]) and told[_SINCE_ACKNOWLEDGEMENT_MS] >= 1000 * limit_s


def _tcp(transport: Any) -> socket.socket | None:
    while not hasattr(transport, "socket") and hasattr(transport, "transport"):  # under TLS
        transport = transport.transport
    connection: socket.socket | None = getattr(transport, "socket", None)
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    return connection
