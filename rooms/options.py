"""The chat's settings as the rooms read them: what the site has in its settings module, else a default."""

from __future__ import annotations

from typing import Generic, TypeVar

from django.conf import settings

Value = TypeVar("Value")


class Option(Generic[Value]):
    """One setting: read anew at each look, so that whoever overrides it in a test is heard."""

    def __init__(self, name: str, default: Value) -> None:
        """Read the setting of this name; `default` is what holds where the site does not have it."""
        self.name = name
        self.default = default

    def __get__(self, _instance: object, _owner: type) -> Value:
        """Return the value."""
        value: Value = getattr(settings, self.name, self.default)
        return value


class Options:
    """What the rooms may be told. `rooms.checks` tells the bounds; docs/operations.md what each sets."""

    signup = Option("CHAT_SIGNUP", default=False)
    members_create_rooms = Option("CHAT_MEMBERS_CREATE_ROOMS", default=True)
    display_name = Option("CHAT_DISPLAY_NAME", "")
    max_body = Option("CHAT_MAX_BODY", 4_000)
    edit_window_s = Option("CHAT_EDIT_WINDOW_S", 0)
    keep_days = Option("CHAT_KEEP_DAYS", 0)
    uploads = Option("CHAT_UPLOADS", 1)
    upload_max_mb = Option("CHAT_UPLOAD_MAX_MB", 10)
    upload_mb_per_day = Option("CHAT_UPLOAD_MB_PER_DAY", 200)
    upload_types = Option("CHAT_UPLOAD_TYPES", ("*/*",))
    listen = Option("CHAT_LISTEN", 1)
    trusted_proxies = Option("CHAT_TRUSTED_PROXIES", 0)


options = Options()
