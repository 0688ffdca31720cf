"""One transaction after the other at the same thing, over all processes, where no row stands for it."""

from __future__ import annotations

from zlib import crc32

from django.db import connection

OURS = 0x63686174
"""Keeps our locks apart from those of the site: `chat`, in ASCII."""


def one_by_one(what: str) -> None:
    """Wait until no other transaction is at the same; on SQLite there is one at a time anyhow.

    See PostgreSQL's manual, 13.3.5 (advisory locks).
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [OURS, crc32(what.encode()) - 2**31])
