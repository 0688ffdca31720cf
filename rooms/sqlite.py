"""SQLite as the log wants it: which library a process uses, and how its connections are opened.

A settings module imports this, so it needs no settings. The library is that of `pysqlite3` where it is
installed, else the standard library's: SQLite before 3.51.3 can damage a database in WAL mode when a write
meets the log's restart (https://sqlite.org/wal.html#walresetbug), and distributions carry older ones for
years.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper

Version = tuple[int, int, int]

SAFE_VERSION: Version = (3, 51, 3)

LOCK_TIMEOUT_S = 4
"""How long a connection waits for another's write: less than the 5 s in which a sender is answered."""

OPTIONS: dict[str, Any] = {
    "timeout": LOCK_TIMEOUT_S,
    # The room lock of SQLite: whoever is to write takes its turn before reading what it judges by.
    "transaction_mode": "IMMEDIATE",
    # With synchronous=NORMAL a power cut takes back acknowledged commits, and their ids are given again.
    "init_command": ("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"),
}
"""What the entry of the database has for `OPTIONS`."""


def use_newest() -> None:
    """Put pysqlite3's modules in the place of `sqlite3`: to be called before Django imports its backend."""
    try:
        package = importlib.import_module("pysqlite3")
        dbapi2 = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return
    if package.sqlite_version_info > importlib.import_module("sqlite3").sqlite_version_info:
        sys.modules["sqlite3"] = package
        sys.modules["sqlite3.dbapi2"] = dbapi2


def version() -> Version:
    """Return the version of the SQLite library in use."""
    found: Version = importlib.import_module("sqlite3").sqlite_version_info
    return found


def close_failed_cursors(connection: BaseDatabaseWrapper, **_sent: object) -> None:
    """Have a new connection close each cursor whose statement failed: a receiver of `connection_created`.

    Django's own exception keeps the cursor in a cycle, so it dies in whatever thread the collector runs in.
    pysqlite3 then resets its statement, which may be at work again in the thread that it belongs to (one
    `BEGIN` after another that found the database locked), and the collector's thread waits for that one.
    """
    if connection.vendor == "sqlite" and _closing_if_failed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_closing_if_failed)


def _closing_if_failed(execute: Callable[..., Any], *statement: Any) -> Any:
    """Run it: text, parameters, whether they are many, and the context that Django gives its wrappers."""
    try:
        return execute(*statement)
    except Exception:
        statement[-1]["cursor"].close()
        raise
