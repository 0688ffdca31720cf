"""The site as a Django app: it has no models, only checks of its own settings, and care for SQLite."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from project import sqlite


class ProjectConfig(AppConfig):
    """Registers the checks, and what each new connection is given."""

    name = "project"

    def ready(self) -> None:
        """Register them."""
        from project import checks  # noqa: F401  (needs the app registry)

        connection_created.connect(sqlite.close_failed_cursors)
