"""What `manage.py check`, and every start, says of this site's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from project import sqlite
from project.databases import SQLITE


@checks.register(checks.Tags.compatibility)
def sqlite_is_safe(**_context: Any) -> list[checks.CheckMessage]:
    """Warn of a SQLite that can damage a database in WAL mode, where the site uses SQLite."""
    if settings.DATABASES["default"]["ENGINE"] != SQLITE or sqlite.version() >= sqlite.SAFE_VERSION:
        return []
    return [
        checks.Warning(
            f"SQLite {'.'.join(map(str, sqlite.version()))} can damage its database when several connections write.",
            hint=f"Install pysqlite3 (requirements/sqlite.txt), a SQLite of {'.'.join(map(str, sqlite.SAFE_VERSION))}"
            " or later, or use PostgreSQL.",
            id="project.W001",
        ),
    ]
