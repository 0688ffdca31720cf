"""The realtime service as a Django app: commands and checks, no models."""

from __future__ import annotations

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """What moves committed messages to their readers."""

    name = "realtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself."""
        from realtime import checks  # noqa: F401  (needs the app registry)
