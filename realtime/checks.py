"""What `manage.py check`, and every start, says of what the realtime service needs of a site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import LocalePrefixPattern, RoutePattern

from realtime import config, deadline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OWN_PATHS = ("/ws", "/api/", "/files/", "/healthz", "/readyz")
"""What `runchat` answers itself, before any page: one ending in a slash is a folder."""

DJANGOS_STORAGE = "django.contrib.staticfiles.storage.StaticFilesStorage"

PLAIN = re.compile(r"[\w/.~-]*")
"""What of a regular expression for a path stands for itself."""


@checks.register
def settings_are_sound(**_context: Any) -> list[checks.CheckMessage]:
    """Return one error for each setting that cannot be used."""
    return [checks.Error(told, id="realtime.E001") for told in config.refused(settings)]


@checks.register(checks.Tags.compatibility)
def driver_can_be_interrupted(**_context: Any) -> list[checks.CheckMessage]:
    """Return it where Django speaks to PostgreSQL by a driver whose calls no deadline would end."""
    if deadline.can_end_calls():
        return []
    return [
        checks.Error(
            "Django takes psycopg 3 for PostgreSQL, since it is installed; the chat needs psycopg2.",
            hint="Uninstall psycopg; psycopg2-binary is among the chat's requirements.",
            id="realtime.E002",
        )
    ]


@checks.register(checks.Tags.urls)
def paths_are_its_own(**_context: Any) -> list[checks.CheckMessage]:
    """Return which pages of the site nobody would reach, since the service answers there."""
    taken = [*OWN_PATHS, settings.STATIC_URL] if _serves_files() else list(OWN_PATHS)
    hidden = sorted(set(_hidden(get_resolver().url_patterns, "/", taken))) if settings.ROOT_URLCONF else []
    if not hidden:
        return []
    return [
        checks.Warning(
            f"runchat answers {', '.join(taken)} itself; these pages of the site are not reached: "
            f"{', '.join(hidden)}.",
            hint="Move them, or serve them by another server, under another name.",
            id="realtime.W001",
        )
    ]


def _serves_files() -> bool:
    return bool(settings.STATIC_URL) and settings.STATIC_URL.startswith("/")


def _hidden(patterns: Sequence[Any], before: str, taken: Sequence[str]) -> Iterator[str]:
    """Yield where pages begin that are below what is taken, as far as their addresses are told."""
    for one in patterns:
        told, whole = _told(one.pattern)
        address = before + told
        if any(address.startswith(path) if path.endswith("/") else address == path for path in taken):
            if not _is_of_static_files(one):
                yield address
        elif whole and not isinstance(one, URLPattern):
            yield from _hidden(one.url_patterns, address, taken)


def _told(pattern: Any) -> tuple[str, bool]:
    """Return what an address begins with by a pattern, and whether that is all of it."""
    if isinstance(pattern, LocalePrefixPattern):
        return pattern.language_prefix, True
    if isinstance(pattern, RoutePattern):
        route = str(pattern)
        return route.partition("<")[0], "<" not in route
    text = str(pattern).removeprefix("^").removeprefix(r"\A")
    plain = PLAIN.match(text)
    told = plain[0] if plain else ""
    return told, text.removesuffix("$").removesuffix(r"\Z") == told


def _is_of_static_files(pattern: Any) -> bool:
    """Tell whether it is Django's own for development (`django.conf.urls.static`), which shows the same."""
    module = getattr(getattr(pattern, "callback", None), "__module__", "")
    return module in {"django.views.static", "django.contrib.staticfiles.views"}


@checks.register(checks.Tags.staticfiles)
def files_can_be_kept(**_context: Any) -> list[checks.CheckMessage]:
    """Return what keeps browsers from getting the static files, or from keeping them."""
    if not settings.STATIC_URL or settings.STATIC_URL == "/":
        return [checks.Error('STATIC_URL is a folder, such as "static/".', id="realtime.E003")]
    backend = settings.STORAGES.get("staticfiles", {}).get("BACKEND")
    if settings.STATIC_ROOT or backend != DJANGOS_STORAGE:
        return []
    return [
        checks.Warning(
            "STORAGES: browsers ask for each of some sixty scripts, anew for each page.",
            hint='Let "staticfiles" be {"BACKEND": "realtime.edition.EditionStorage"}.',
            id="realtime.W002",
        )
    ]
