"""What `manage.py check`, and every start, refuses in the realtime service's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from realtime import config


@checks.register
def settings_are_sound(**_context: Any) -> list[checks.CheckMessage]:
    """Return one error for each setting that cannot be used."""
    return [checks.Error(told, id="realtime.E001") for told in config.refused(settings)]
