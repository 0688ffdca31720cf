"""What `manage.py check`, and every start, says of the database that the rooms are in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, router

from rooms import sqlite
from rooms.models import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

VENDORS = ("postgresql", "sqlite")
PRAGMA = re.compile(r"pragma\s+(?:main\.)?(\w+)\s*[=(]\s*'?(\w+)", re.IGNORECASE)
JOURNAL, DURABLE = {"wal"}, {"full", "extra", "2", "3"}
TIMEOUT_BELOW_S = 5
DJANGOS_TIMEOUT_S = 5.0
"""Python's own, where none is set."""


@checks.register(checks.Tags.compatibility)
def database_keeps_order(**_context: Any) -> list[checks.CheckMessage]:
    """Return why the database would not give ids in the order in which messages become visible."""
    if connection.vendor not in VENDORS:
        return [
            checks.Error(
                f"The database is PostgreSQL or SQLite, not {connection.vendor}.",
                hint="The log relies on their locks.",
                id="rooms.E009",
            )
        ]
    return list(_of_sqlite() if connection.vendor == "sqlite" else _of_postgresql())


def _of_sqlite() -> Iterator[checks.CheckMessage]:
    if _options().get("transaction_mode") not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield checks.Error(
            'On SQLite, DATABASES["default"]["OPTIONS"]["transaction_mode"] is "IMMEDIATE".',
            hint="That is the room lock of SQLite: a transaction takes its turn before it reads. "
            "rooms.sqlite.OPTIONS has it.",
            id="rooms.E010",
        )


def _of_postgresql() -> Iterator[checks.CheckMessage]:
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    level = _options().get("isolation_level")
    if level is not None and level != IsolationLevel.READ_COMMITTED:
        yield checks.Error(
            'DATABASES["default"]["OPTIONS"]["isolation_level"] is READ COMMITTED, or not there.',
            hint="Whoever waited for a room's lock must see what was written meanwhile.",
            id="rooms.E020",
        )


@checks.register(checks.Tags.compatibility)
def sqlite_is_safe(**_context: Any) -> list[checks.CheckMessage]:
    """Return what can damage the file, lose what was acknowledged, or keep readers waiting, on SQLite."""
    return list(warnings_about(connection.vendor, sqlite.version(), _options()))


def warnings_about(
    vendor: str, version: sqlite.Version, options: dict[str, Any]
) -> Iterator[checks.CheckMessage]:
    """Yield what is to be said of a database with these OPTIONS on a machine with this version of SQLite."""
    if vendor != "sqlite":
        return
    if version < sqlite.SAFE_VERSION:
        yield checks.Warning(
            f"SQLite {_dotted(version)} can damage its database under concurrent writes",
            hint=f"Install pysqlite3 (requirements/sqlite.txt) and call rooms.sqlite.use_newest() in the "
            f"settings, or install SQLite {_dotted(sqlite.SAFE_VERSION)} or later, or use PostgreSQL.",
            id="rooms.W004",
        )
    if faults := list(_faults_of_options(options)):
        yield checks.Warning(
            f'DATABASES["default"]["OPTIONS"]: {"; ".join(faults)}.',
            hint="Take rooms.sqlite.OPTIONS, and your own beside them.",
            id="rooms.W005",
        )


def _faults_of_options(options: dict[str, Any]) -> Iterator[str]:
    pragmas = {name.lower(): value.lower() for name, value in PRAGMA.findall(options.get("init_command", ""))}
    if pragmas.get("journal_mode") not in JOURNAL:
        yield "without journal_mode=WAL in init_command whoever reads keeps the writer waiting"
    if pragmas.get("synchronous") not in DURABLE:
        yield "without synchronous=FULL in init_command a power cut may take back what was acknowledged"
    if options.get("timeout", DJANGOS_TIMEOUT_S) >= TIMEOUT_BELOW_S:
        yield f"timeout is below {TIMEOUT_BELOW_S} seconds, in which a sender is answered"


def _dotted(version: sqlite.Version) -> str:
    return ".".join(map(str, version))


@checks.register(checks.Tags.compatibility)
def connections_are_kept(**_context: Any) -> list[checks.CheckMessage]:
    """Return it where each unit of work of a server would make a connection of its own."""
    if connection.settings_dict.get("CONN_MAX_AGE") != 0:
        return []
    return [
        checks.Warning(
            'DATABASES["default"]["CONN_MAX_AGE"] is 0: every commit and every read would connect anew.',
            hint="Set it to 600, with CONN_HEALTH_CHECKS; on SQLite to None.",
            id="rooms.W006",
        )
    ]


@checks.register(checks.Tags.compatibility)
def one_database_has_it_all(**_context: Any) -> list[checks.CheckMessage]:
    """Return it where a router leads the rooms, or the accounts, to another database."""
    asked = [model for model in (Message, get_user_model()) if not _is_in_default(model)]
    return [
        checks.Error(
            f'{model._meta.label} is read and written in the database "{DEFAULT_DB_ALIAS}".',
            hint=f"One of DATABASE_ROUTERS, {settings.DATABASE_ROUTERS}, leads elsewhere. The log reads what "
            "it has locked, and a replica is behind.",
            id="rooms.E021",
        )
        for model in asked
    ]


def _is_in_default(model: Any) -> bool:
    return {router.db_for_read(model), router.db_for_write(model)} == {DEFAULT_DB_ALIAS}


def _options() -> dict[str, Any]:
    found: dict[str, Any] = connection.settings_dict.get("OPTIONS", {})
    return found
