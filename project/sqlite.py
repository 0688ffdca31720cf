"""Which SQLite this process uses: that of `pysqlite3` where it is installed, else the standard library's.

SQLite before 3.51.3 can damage a database in WAL mode when a write meets the log's restart
(https://sqlite.org/wal.html#walresetbug), and distributions carry older ones for years.
"""

from __future__ import annotations

import importlib
import sys

Version = tuple[int, int, int]

SAFE_VERSION: Version = (3, 51, 3)


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
