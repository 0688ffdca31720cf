"""The service's settings, checked: read from Django's settings object, which is passed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

LONGEST_BODY = 10_000
"""Code points: as many of four bytes each still fit a client's frame of 64 KiB."""


class ConfigError(Exception):
    """A setting cannot be used; the message names it."""


def _setting(name: str, default: float, least: float, most: float) -> Any:
    return field(default=default, metadata={"setting": name, "least": least, "most": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What an operator may choose. Each field's setting, default and bounds (included) stand beside it.

    `poll_interval_s` is how often the database is asked what other processes wrote; 0 never asks. A
    redaction is to hold everywhere within a second, so the default leaves a quarter of it for the query.
    `listen` is 1 where processes on one PostgreSQL tell each other at once what they wrote; with 0 nobody
    tells or hears anything, and the poll alone finds it.
    `send_at_once` is 1 where a WebSocket's bytes go to its socket as they are written, without TLS; with 0
    all go through the transport, in the reactor's next round.
    `connections` bounds those open at once, of which nine in ten may be sockets, streams and parked polls.
    `connections_per_user` bounds the latter of one user, `connections_per_address` all of one address; 0
    does not, nor is anything bound by address where a proxy speaks for everybody.
    `sends_per_minute` is how fast a user may send, edit, redact and react, `sends_burst` how often at once;
    `sends_per_minute_new` holds for accounts made in the last `new_account_hours`. `sends_per_minute_address`
    is for all of one address, half a minute's at once; 0 does not bound it. `trusted_proxies` is how many
    proxies of the site's own tell by X-Forwarded-For who asked them. All are a process's own.
    `minify` is 1 where scripts lose comments and spaces on their way; with DEBUG they keep them.
    `page_request_bytes` bounds what is sent to Django's pages; the API takes 64 KiB, and files of
    `upload_max_mb` MiB where `uploads` is 1.
    """

    max_body: int = _setting("CHAT_MAX_BODY", 4_000, 1, LONGEST_BODY)
    poll_interval_s: float = _setting("CHAT_POLL_INTERVAL_S", 0.75, 0, 60)
    listen: int = _setting("CHAT_LISTEN", 1, 0, 1)
    send_at_once: int = _setting("CHAT_SEND_AT_ONCE", 1, 0, 1)
    connections: int = _setting("CHAT_CONNECTIONS", 10_000, 1, 1_000_000)
    connections_per_user: int = _setting("CHAT_CONNECTIONS_PER_USER", 50, 1, 1_000_000)
    connections_per_address: int = _setting("CHAT_CONNECTIONS_PER_ADDRESS", 1_000, 0, 1_000_000)
    sends_per_minute: int = _setting("CHAT_SENDS_PER_MINUTE", 120, 1, 1_000_000)
    sends_burst: int = _setting("CHAT_SENDS_BURST", 40, 1, 1_000_000)
    sends_per_minute_new: int = _setting("CHAT_SENDS_PER_MINUTE_NEW", 20, 1, 1_000_000)
    new_account_hours: int = _setting("CHAT_NEW_ACCOUNT_HOURS", 24, 0, 8_760)
    sends_per_minute_address: int = _setting("CHAT_SENDS_PER_MINUTE_ADDRESS", 1_200, 0, 1_000_000)
    trusted_proxies: int = _setting("CHAT_TRUSTED_PROXIES", 0, 0, 10)
    minify: int = _setting("CHAT_MINIFY", 1, 0, 1)
    page_threads: int = _setting("CHAT_PAGE_THREADS", 10, 1, 200)
    read_threads: int = _setting("CHAT_READ_THREADS", 4, 1, 64)
    page_request_bytes: int = _setting("CHAT_PAGE_REQUEST_BYTES", 2_621_440, 65_536, 2**31)
    uploads: int = _setting("CHAT_UPLOADS", 1, 0, 1)
    upload_max_mb: int = _setting("CHAT_UPLOAD_MAX_MB", 10, 1, 1_024)


def from_settings(settings: object) -> Config:
    """Return the configuration that Django's settings give.

    Raises:
        ConfigError: the first setting that is of the wrong type or out of its bounds.
    """
    for told in refused(settings):
        raise ConfigError(told)
    given: dict[str, Any] = {
        f.name: getattr(settings, f.metadata["setting"], f.default) for f in fields(Config)
    }
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        given["connections_per_address"] = 0
        if not given["trusted_proxies"]:
            given["sends_per_minute_address"] = 0
    if getattr(settings, "DEBUG", False):
        given["minify"] = 0
    return Config(**given)


def refused(settings: object) -> Iterator[str]:
    """Yield one line for each setting that cannot be used."""
    for f in fields(Config):
        name, least, most = (f.metadata[key] for key in ("setting", "least", "most"))
        value = getattr(settings, name, f.default)
        kinds = (int, float) if isinstance(f.default, float) else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
            sort = "a number" if float in kinds else "an integer"
            yield f"{name} is {sort} from {least} to {most}; it is {value!r}."
