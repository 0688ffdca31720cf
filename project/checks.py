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
            f"SQLite {_dotted(sqlite.version())} can damage its database under concurrent writes",
            hint=f"Install pysqlite3 (requirements/sqlite.txt), or SQLite {_dotted(sqlite.SAFE_VERSION)} "
            "or later, or use PostgreSQL.",
            id="project.W001",
        ),
    ]


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
