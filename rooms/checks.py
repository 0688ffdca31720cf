"""What `manage.py check`, and every start, refuses in the settings that the rooms rely on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.core.files.storage import InvalidStorageError
from django.utils.module_loading import import_string

from rooms import filekeeping, filetypes
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BODY = 10_000
"""That many code points of four bytes, escaped, still fit a frame of 64 KiB."""

MOST_MB_A_DAY = 1_000_000
LONGEST_EDIT_WINDOW_S = 10 * 365 * 24 * 3600
MOST_DAYS = 36_500
"""A hundred years, for which text may be kept without being kept for good."""

SESSION_ENGINES = ("django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db")
PATIENCE = "rooms.backends.PatienceBackend"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
ACCOUNT_FIELDS = ("is_active", "is_staff", "is_superuser")


@checks.register
def settings_are_sound(**_context: Any) -> list[checks.CheckMessage]:
    """Return what is wrong with the settings of the chat itself."""
    return list(_wrong_settings())


def _wrong_settings() -> Iterator[checks.CheckMessage]:
    chosen: Any = options  # which may hold anything yet
    limit = chosen.max_body
    if type(limit) is not int or not 1 <= limit <= MAX_BODY:
        yield checks.Error(f"CHAT_MAX_BODY is a number of code points from 1 to {MAX_BODY}.", id="rooms.E001")
    window = chosen.edit_window_s
    if type(window) is not int or not 0 <= window <= LONGEST_EDIT_WINDOW_S:
        told = f"CHAT_EDIT_WINDOW_S is a number of seconds from 0 (for ever) to {LONGEST_EDIT_WINDOW_S}."
        yield checks.Error(told, id="rooms.E012")
    if type(chosen.signup) is not bool:
        yield checks.Error("CHAT_SIGNUP is True or False.", id="rooms.E002")
    if type(chosen.members_create_rooms) is not bool:
        yield checks.Error("CHAT_MEMBERS_CREATE_ROOMS is True or False.", id="rooms.E011")
    days = chosen.keep_days
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        yield checks.Error(f"CHAT_KEEP_DAYS is a number of days from 0 to {MOST_DAYS}.", id="rooms.E015")
    yield from _wrong_uploads()
    path = chosen.display_name
    if path and not _is_function(path):
        yield checks.Error(
            f"CHAT_DISPLAY_NAME names no function: {path!r}.",
            hint="It is the dotted path of a function that takes a user and returns their public name.",
            id="rooms.E003",
        )


def _wrong_uploads() -> Iterator[checks.CheckMessage]:
    for fault in filetypes.faults(options.upload_types):
        yield checks.Error(f"CHAT_UPLOAD_TYPES: {fault}.", id="rooms.E016")
    share: Any = options.upload_mb_per_day
    if type(share) is not int or not 0 <= share <= MOST_MB_A_DAY:
        told = f"CHAT_UPLOAD_MB_PER_DAY is a number of MiB from 0 (without end) to {MOST_MB_A_DAY}."
        yield checks.Error(told, id="rooms.E017")
    try:
        kept = filekeeping.storage()
    except (InvalidStorageError, ImproperlyConfigured) as error:
        yield checks.Error(f"STORAGES: where files are kept cannot be used: {error}", id="rooms.E018")
        return
    place, folders = getattr(kept, "location", None), cast("list[Any]", settings.STATICFILES_DIRS)
    served = [settings.STATIC_ROOT, *(one[1] if isinstance(one, tuple) else one for one in folders)]
    if place and any(Path(place).is_relative_to(one) for one in served if one):
        yield checks.Error(
            f"STORAGES: files are kept in {place}, which everybody is served.",
            hint="Only those who may see a room get its files: keep them elsewhere.",
            id="rooms.E019",
        )


def _is_function(path: object) -> bool:
    if str(path).startswith("."):  # relative to nothing, of which Python tells by a TypeError
        return False
    try:
        return callable(import_string(str(path)))
    except ImportError:
        return False


@checks.register(checks.Tags.security)
def sessions_are_readable(**_context: Any) -> list[checks.CheckMessage]:
    """Return what would keep sockets and streams from knowing who a session is, or from judging CSRF."""
    found: list[checks.CheckMessage] = []
    if settings.SESSION_ENGINE not in SESSION_ENGINES:
        found.append(
            checks.Error(
                f"SESSION_ENGINE is one of {', '.join(SESSION_ENGINES)}.",
                hint="The sessions of open connections are read again from the database, many at a time.",
                id="rooms.E004",
            )
        )
    if settings.CSRF_USE_SESSIONS:
        found.append(
            checks.Error(
                "CSRF_USE_SESSIONS is False.",
                hint="The API judges a request by the CSRF cookie, without the session being loaded.",
                id="rooms.E005",
            )
        )
    return found


@checks.register(checks.Tags.security)
def backends_are_known(**_context: Any) -> list[checks.CheckMessage]:
    """Return which ways to log in cannot be loaded, or let in accounts that the chat then turns away."""
    found: list[checks.CheckMessage] = []
    for path in settings.AUTHENTICATION_BACKENDS:
        try:
            backend = import_string(path)
        except ImportError:
            found.append(
                checks.Error(f"AUTHENTICATION_BACKENDS: {path!r} cannot be loaded.", id="rooms.E007")
            )
            continue
        if getattr(backend, "__name__", "").startswith("AllowAllUsers"):
            found.append(
                checks.Warning(
                    f"{path} logs disabled accounts in; the chat does not know them.",
                    hint="Use the backend of the same name without AllowAllUsers.",
                    id="rooms.W001",
                )
            )
    return found


@checks.register(checks.Tags.security)
def backends_keep_the_rules(**_context: Any) -> list[checks.CheckMessage]:
    """Return which ways to log in let somebody in whom the chat turns away, or try as fast as they like."""
    found: list[checks.CheckMessage] = []
    backends = list(settings.AUTHENTICATION_BACKENDS)
    if backends[:1] != [PATIENCE]:
        found.append(
            checks.Warning(
                "AUTHENTICATION_BACKENDS: log-ins that fail may be tried again at once.",
                hint=f"Put {PATIENCE} before all others.",
                id="rooms.W002",
            )
        )
    found += [
        checks.Warning(
            f"{path} lets people who are suspended see pages.",
            hint=_instead(path),
            id="rooms.W003",
        )
        for path in backends
        if _lets_the_suspended_in(path)
    ]
    return found


def _lets_the_suspended_in(path: str) -> bool:
    """Tell whether a backend is Django's own, or derives from it past ours."""
    from rooms.backends import AccountBackend

    try:
        backend = import_string(path)
    except ImportError:  # told of above
        return False
    return (
        isinstance(backend, type)
        and issubclass(backend, ModelBackend)
        and not issubclass(backend, AccountBackend)
    )


def _instead(path: str) -> str:
    if path == MODEL_BACKEND:
        return "Use rooms.backends.AccountBackend in its place; everybody logs in once more."
    return "Derive it from rooms.backends.AccountBackend, after what it derives from now."


@checks.register(checks.Tags.models)
def accounts_have_what_is_asked(**_context: Any) -> list[checks.CheckMessage]:
    """Return what the site's user model lacks."""
    fields = get_user_model()._meta
    lacking = [name for name in ACCOUNT_FIELDS if not _has_field(fields, name)]
    if not lacking:
        return []
    return [
        checks.Error(
            f"{settings.AUTH_USER_MODEL} has no field {', '.join(lacking)}.",
            hint="Derive it from AbstractUser, or from AbstractBaseUser with PermissionsMixin and these.",
            id="rooms.E008",
        )
    ]


def _has_field(fields: Any, name: str) -> bool:
    try:
        fields.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
