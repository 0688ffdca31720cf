"""Finds out that a peer's host is gone, by TCP itself: for connections on which nobody need say anything."""

from __future__ import annotations

import socket
from typing import Any

PROBES = 3


def watch(transport: Any, limit_s: int) -> None:
    """Have the kernel end a connection whose peer has acknowledged nothing for `limit_s`.

    A silent one is asked first, so that it is found as well as one that is sent to. Unix sockets, and
    platforms without an option, do without. See tcp(7).
    """
    while not hasattr(transport, "socket") and hasattr(transport, "transport"):  # under TLS
        transport = transport.transport
    connection: socket.socket | None = getattr(transport, "socket", None)
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    pause_s = limit_s // (PROBES + 1)
    options = {
        "TCP_KEEPIDLE": pause_s,
        "TCP_KEEPINTVL": pause_s,
        "TCP_KEEPCNT": PROBES,
        "TCP_USER_TIMEOUT": 1000 * limit_s,
    }
    for name, value in options.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
