"""Which SQLite is used, and the warning about one that is not safe."""

from __future__ import annotations

import gc
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase

from rooms import sqlite
from rooms.database_checks import warnings_about

ROOT = Path(__file__).parent.parent
USED = (
    "from rooms import sqlite; sqlite.use_newest(); import sqlite3, sqlite3.dbapi2 as driver",
    "print(sqlite3.__name__, driver.__name__)",
)


def used(*before: str) -> list[str]:
    """Return the modules that a fresh process takes for `sqlite3` and its driver."""
    code = "; ".join([*before, *USED])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(
    importlib.util.find_spec("pysqlite3") is None, reason="this platform has no wheel of pysqlite3"
)
def test_the_newer_one_is_used() -> None:
    assert used() == ["pysqlite3", "pysqlite3.dbapi2"]


def test_without_pysqlite3_the_standard_library_serves() -> None:
    assert used("import sys", "sys.modules['pysqlite3'] = None") == ["sqlite3", "sqlite3.dbapi2"]


def test_an_older_pysqlite3_is_left_alone() -> None:
    older = "import sys, types; p = types.ModuleType('pysqlite3'); d = types.ModuleType('pysqlite3.dbapi2')"
    assert used(
        older, "p.sqlite_version_info = (3, 8, 0)", "sys.modules.update({p.__name__: p, d.__name__: d})"
    ) == [
        "sqlite3",
        "sqlite3.dbapi2",
    ]


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2)])
def test_a_sqlite_that_can_damage_its_database_is_warned_of(version: sqlite.Version) -> None:
    [warning] = warnings_about("sqlite", version, sqlite.OPTIONS)
    assert warning.id == "rooms.W004"
    assert "3.51.3" in str(warning.hint)


def test_a_safe_one_is_not_and_on_postgresql_it_does_not_matter() -> None:
    assert [*warnings_about("sqlite", (3, 51, 3), sqlite.OPTIONS)] == []
    assert [*warnings_about("sqlite", (3, 53, 0), sqlite.OPTIONS)] == []
    assert [*warnings_about("postgresql", (3, 40, 1), {})] == []


def test_the_version_looked_at_is_the_one_in_use() -> None:
    expected = [*warnings_about(connection.vendor, sqlite.version(), sqlite.OPTIONS)]
    assert [one for one in run_checks() if one.id == "rooms.W004"] == expected


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"init_command": ""}, ("journal_mode=WAL", "synchronous=FULL")),
        ({"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}, ("synchronous=FULL",)),
        ({"init_command": "pragma journal_mode(delete); pragma synchronous(2)"}, ("journal_mode=WAL",)),
        ({"timeout": 20}, ("timeout",)),
    ],
)
def test_what_loses_acknowledged_messages_or_blocks_is_warned_of(
    changed: dict[str, Any], told: tuple[str, ...]
) -> None:
    [warning] = warnings_about("sqlite", sqlite.SAFE_VERSION, {**sqlite.OPTIONS, **changed})
    assert warning.id == "rooms.W005"
    assert all(one in warning.msg for one in told)
    assert warning.msg.count(";") == len(told) - 1


class FailedStatements(TransactionTestCase):
    """What is left of them, once the collector comes to it in another thread."""

    def test_the_collector_does_not_wait_for_the_thread_whose_they_were(self) -> None:
        failed, waits = threading.Event(), threading.Event()
        begun: list[bool] = []

        def thd_begin_twice() -> None:
            try:
                connection.ensure_connection()
                with pytest.raises(OperationalError, match="locked"):
                    begin(wait_ms=0)
                failed.set()
                begin(wait_ms=10_000, at_work=waits.set)
                begun.append(True)
            finally:
                connection.close()

        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        other = threading.Thread(target=thd_begin_twice)
        with transaction.atomic():
            other.start()
            failed.wait()
            waits.wait()
            gc.collect()
        other.join()
        self.assertEqual(begun, [True])


def begin(wait_ms: int, at_work: Callable[[], None] = lambda: None) -> None:
    """Begin to write, and wait so long for whoever writes now; `at_work` is called once SQLite has begun."""
    connection.connection.execute(f"PRAGMA busy_timeout={wait_ms}")
    connection.connection.set_trace_callback(lambda _sql: at_work())
    with transaction.atomic():
        pass
