"""Tells the servers on this PostgreSQL what a process without a reactor has committed.

A shell, a command, another Django app: their readers sit in other processes. After the commit, and never
inside a transaction, one statement in autocommit says up to which id; where it fails, the servers' poll finds
it a moment later.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from django.db import Error, connection

from rooms import hints
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

_ORIGIN = f"django-{secrets.token_hex(6)}"


def tell(items: Iterable[hints.Item]) -> None:
    """Send items to whoever listens. Nothing is raised: what they are about is committed."""
    if connection.vendor != "postgresql" or not options.listen:
        return
    if connection.in_atomic_block:
        return
    try:
        with connection.cursor() as cursor:
            for payload in hints.payloads(_ORIGIN, items):
                cursor.execute("SELECT pg_notify(%s, %s)", (hints.CHANNEL, payload))
    except Error:
        logger.warning("Other processes were not told of a commit; they find it by their poll", exc_info=True)
