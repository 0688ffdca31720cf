"""How long to wait after log-ins that failed: by name and by address, whether or not anybody has the name.

A name is also counted apart for each browser that has logged in under it before, which a signed cookie
tells: so a stranger who fails again and again keeps other strangers from trying, not whose name it is.
"""

from __future__ import annotations

import math
import secrets
import unicodedata
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.crypto import salted_hmac

from rooms import origins
from rooms.moderation import LoginFailures
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.http import HttpRequest, HttpResponseBase

FREE_BY_NAME, FREE_BY_ADDRESS = 5, 20
"""Failures before one must wait. An address may be a school's or an office's."""
LONGEST_S = 15 * 60
FORGOTTEN_AFTER = timedelta(days=1)
PRUNED_AT_ONCE = 100
SALT = "rooms.lockouts"
COOKIE = "chat_browser"
COOKIE_AGE_S = 180 * 24 * 3600
COOKIE_NAMES = 5
"""How many names a browser is remembered under."""

_turned_away: ContextVar[bool] = ContextVar("turned_away", default=False)
"""Whether the attempt at hand was not even looked at; Django tells of it as of any that failed."""


def wait_s(name: str, request: HttpRequest | None, now: datetime | None = None) -> int:
    """Return for how many seconds a log-in under this name from there is not looked at, in one query."""
    now = now or timezone.now()
    keys = _keys(name, request)
    rows = LoginFailures.objects.filter(digest__in=list(keys))
    waits = [_pause_s(row.failures - keys[row.digest]) - (now - row.last_at).total_seconds() for row in rows]
    return max(0, *map(math.ceil, waits)) if waits else 0


def _pause_s(beyond: int) -> float:
    """Return how long the pause is after so many failures beyond the free ones: 1, 2, 4 … seconds."""
    if beyond < 0:
        return 0
    return min(2.0 ** min(beyond, 20), LONGEST_S)


def turned_away(*, so: bool) -> None:
    """Take note whether the attempt at hand is refused unseen."""
    _turned_away.set(so)


def failed(name: str, request: HttpRequest | None, now: datetime | None = None) -> None:
    """Count a failure, unless it was turned away: then who waits would wait for ever.

    Counted by the database, so that no process's count is lost. Old rows go, some each time.
    """
    if _turned_away.get():
        _turned_away.set(False)
        return
    now = now or timezone.now()
    old = now - FORGOTTEN_AFTER
    # In one order, each in a statement of its own: two who hold a row each never wait for each other's.
    for digest in sorted(_keys(name, request)):
        fresh = LoginFailures(digest=digest, failures=0, last_at=now)
        LoginFailures.objects.bulk_create([fresh], ignore_conflicts=True)
        count = Case(When(last_at__lte=old, then=Value(1)), default=F("failures") + 1)
        LoginFailures.objects.filter(digest=digest).update(failures=count, last_at=now)
    forgotten = LoginFailures.objects.filter(last_at__lte=old).values_list("pk", flat=True)
    LoginFailures.objects.filter(pk__in=list(forgotten[:PRUNED_AT_ONCE]), last_at__lte=old).delete()


def succeeded(name: str, request: HttpRequest | None) -> None:
    """Forget the name's failures: its owner is there. Those of the address stay."""
    digests = {_name_digest(name), *(digest for digest in _keys(name, request))}
    digests -= set(_address_key(request))
    LoginFailures.objects.filter(digest__in=digests).delete()


def remember_browser(response: HttpResponseBase, request: HttpRequest, name: str) -> None:
    """Have the browser remember that somebody logged in by it under this name."""
    known = [kept for kept in _browsers(request) if kept[0] != _name_digest(name)]
    known.append([_name_digest(name), secrets.token_urlsafe(12)])
    response.set_cookie(
        COOKIE,
        signing.dumps(known[-COOKIE_NAMES:], salt=SALT),
        max_age=COOKIE_AGE_S,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _browsers(request: HttpRequest | None) -> list[list[str]]:
    """Return under which names (digests) this browser has logged in, and what it is called for each."""
    if request is None:
        return []
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_AGE_S)
    except signing.BadSignature:
        return []
    return [list(map(str, one)) for one in known]


def _keys(name: str, request: HttpRequest | None) -> dict[str, int]:
    """Return what an attempt is counted by, and how many failures of each are free."""
    by_name = _name_digest(name)
    browser = next((called for digest, called in _browsers(request) if digest == by_name), None)
    if browser is not None:
        by_name = _digest("browser", f"{by_name}:{browser}")
    return {by_name: FREE_BY_NAME, **_address_key(request)}


def _address_key(request: HttpRequest | None) -> dict[str, int]:
    if request is None:
        return {}
    behind_proxy = bool(settings.SECURE_PROXY_SSL_HEADER)
    proxies = options.trusted_proxies
    address = origins.origin_of_page(request.META, proxies=proxies, behind_proxy=behind_proxy)
    return {_digest("addr", address): FREE_BY_ADDRESS} if address else {}


def _name_digest(name: str) -> str:
    return _digest("name", unicodedata.normalize("NFKC", name).casefold())


def _digest(sort: str, value: str) -> str:
    """Return what stands for a name or an address in the database, which is not to tell either."""
    told = f"{sort}:{value}".encode("utf-8", "surrogatepass")
    return salted_hmac(SALT, told, algorithm="sha256").hexdigest()


def name_in(credentials: dict[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """Return the name that somebody wants to log in under, "" where there is none."""
    from django.contrib.auth import get_user_model

    given = dict(credentials)
    name = given.get(get_user_model().USERNAME_FIELD, given.get("username"))
    return "" if name is None else str(name)
