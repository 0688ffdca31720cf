"""The site as a Django app: it has no models, only checks of its own settings."""

from __future__ import annotations

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the checks."""

    name = "project"

    def ready(self) -> None:
        """Import what registers itself."""
        from project import checks  # noqa: F401  (needs the app registry)
