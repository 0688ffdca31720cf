"""The `DATABASES` setting from a URL: SQLite or PostgreSQL, with what this site relies on in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from rooms import sqlite

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
CONNECT_TIMEOUT_S = 5
CONNECTION_AGE_S = 600


def direct(url: str) -> dict[str, Any] | None:
    """Return the entry that `LISTEN_DATABASE_URL` names, None where it is empty.

    Raises `ImproperlyConfigured` where it is not PostgreSQL's, as `database` does.
    """
    if not url:
        return None
    if not url.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured("LISTEN_DATABASE_URL begins with postgresql://")
    try:
        return _postgresql({**dj_database_url.parse(url)})
    except ValueError:
        raise ImproperlyConfigured(
            "LISTEN_DATABASE_URL is not a database's URL, or its parts are not %-quoted"
        ) from None


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """Return one entry of `DATABASES`: what `url` names, or the SQLite file in `data_dir` where it is empty.

    Options in the URL's query go before ours. A URL that cannot be used raises
    `ImproperlyConfigured`; it is never shown, since it may hold a password.
    """
    if not url:
        return _sqlite({"ENGINE": SQLITE, "NAME": str(data_dir / "db.sqlite3")})
    try:
        parsed: dict[str, Any] = {**dj_database_url.parse(url)}
    except ValueError:
        raise ImproperlyConfigured(
            "DATABASE_URL is not a database's URL, or its parts are not %-quoted"
        ) from None
    if parsed["ENGINE"] == SQLITE:
        return _sqlite(parsed)
    if parsed["ENGINE"] == POSTGRESQL:
        return _postgresql(parsed)
    raise ImproperlyConfigured("DATABASE_URL begins with postgresql:// or sqlite:///")


def _sqlite(parsed: dict[str, Any]) -> dict[str, Any]:
    if parsed["NAME"] == ":memory:":
        # Each thread would have a database of its own.
        raise ImproperlyConfigured("DATABASE_URL names a file for SQLite: sqlite:////absolute/path")
    return {
        "ENGINE": SQLITE,
        "NAME": str(Path(parsed["NAME"]).absolute()),
        "CONN_MAX_AGE": None,
        "OPTIONS": {**sqlite.OPTIONS, **parsed.get("OPTIONS", {})},
    }


def _postgresql(parsed: dict[str, Any]) -> dict[str, Any]:
    options = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "chat"}
    return {
        **parsed,
        # Pool threads keep their connections; a dead one is found at the next unit of work and replaced.
        "CONN_MAX_AGE": CONNECTION_AGE_S,
        "CONN_HEALTH_CHECKS": True,
        # Readers page by keyset; a server-side cursor would break behind a pooler in transaction mode.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {**options, **parsed.get("OPTIONS", {})},
    }
