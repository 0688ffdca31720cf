"""Settings with one that cannot be used."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

CHAT_CONNECTIONS = 0
