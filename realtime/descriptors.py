"""How many connections this process may have descriptors for (RLIMIT_NOFILE, setrlimit(2))."""

from __future__ import annotations

import logging
import resource
from contextlib import suppress

from realtime.listening import NotStarted

logger = logging.getLogger(__name__)

BESIDE_CONNECTIONS = 512
"""Descriptors for all else: databases, files under way, those who hear that there is no place."""


def room_for(connections: int) -> int:
    """Return how many of so many connections there may be, having raised the soft limit as far as they need.

    Raises:
        NotStarted: there may be none.
    """
    wanted = connections + BESIDE_CONNECTIONS
    may_be_open = _raised_to(wanted)
    if may_be_open >= wanted:
        return connections
    if may_be_open <= BESIDE_CONNECTIONS:
        raise NotStarted(
            f"At most {may_be_open} files may be open (ulimit -n): the server needs more than "
            f"{BESIDE_CONNECTIONS}, and {wanted} for {connections} connections (CHAT_CONNECTIONS)."
        )
    there = may_be_open - BESIDE_CONNECTIONS
    logger.warning(
        "At most %d files may be open (ulimit -n): room for %d connections, where CHAT_CONNECTIONS is %d",
        may_be_open, there, connections,
    )  # fmt: skip
    return there


def _raised_to(wanted: int) -> int:
    """Return how many files may be open once the soft limit is what is wanted, or what it can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # Some systems allow less than the hard limit says.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
