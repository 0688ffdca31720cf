"""What `manage.py check`, and every start, says of this site's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from project import sqlite
from project.databases import SQLITE


@checks.register(checks.Tags.compatibility)
def database_is_safe(**_context: Any) -> list[checks.CheckMessage]:
    """Warn of a SQLite that can damage a database in WAL mode, where the site uses SQLite."""
    return warnings_about(settings.DATABASES["default"]["ENGINE"], sqlite.version())


def warnings_about(engine: str, version: sqlite.Version) -> list[checks.CheckMessage]:
    """Return what is to be said of a database engine on a machine with this version of SQLite."""
    if engine != SQLITE or version >= sqlite.SAFE_VERSION:
        return []
    return [
        checks.Warning(
            f"SQLite {_dotted(version)} can damage its database under concurrent writes",
            hint=f"Install pysqlite3 (requirements/sqlite.txt), or SQLite {_dotted(sqlite.SAFE_VERSION)} "
            "or later, or use PostgreSQL.",
            id="project.W001",
        ),
    ]


def _dotted(version: sqlite.Version) -> str:
    return ".".join(map(str, version))
