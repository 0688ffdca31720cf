"""The one-time link by which a new site gets its first administrator.

Only a digest of it is kept, with the moment of its end. It works once, and never where a superuser exists.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from rooms.models import SiteState

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

TOKEN_BYTES = 32
LINK_LIVES = timedelta(hours=24)


class NotThisLinkError(Exception):
    """The link was never given, was used, or was replaced by another; or a superuser exists."""


class ExpiredLinkError(Exception):
    """The link was given, and is too old."""


def is_needed() -> bool:
    """Tell whether the site has no superuser yet."""
    return not get_user_model()._default_manager.filter(is_superuser=True).exists()


def issue_link() -> str | None:
    """Return the path of a new link, good for 24 hours, which replaces any before it.

    None where a superuser exists: that one makes others.

    Raises:
        django.db.OperationalError: somebody holds the state of the site just now.
    """
    if not is_needed():
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        state = _locked_state(nowait=True)
        if not is_needed():
            return None
        state.first_admin_digest = _digest(token)
        state.first_admin_expires_at = timezone.now() + LINK_LIVES
        state.save(update_fields=["first_admin_digest", "first_admin_expires_at"])
    return reverse("rooms:first_admin", args=[token])


def check(token: str) -> None:
    """Return where the link of this token would work now.

    Raises:
        NotThisLinkError: it never will.
        ExpiredLinkError: it is too old.
    """
    _check(SiteState.current(), token)


def use(token: str, values: dict[str, Any]) -> AbstractBaseUser:
    """Make a superuser as `createsuperuser` does, and void the link, in one transaction.

    `values` are those of the site's user model, with `password`. Of several calls that come at once,
    the lock lets one through; the others find the link used.

    Raises:
        NotThisLinkError: it does not work; nothing was made.
        ExpiredLinkError: it is too old; nothing was made.
    """
    with transaction.atomic():
        state = _locked_state()
        _check(state, token)
        manager: Any = get_user_model()._default_manager
        user: AbstractBaseUser = manager.create_superuser(**values)
        state.first_admin_digest = ""
        state.first_admin_expires_at = None
        state.save(update_fields=["first_admin_digest", "first_admin_expires_at"])
        return user


def _locked_state(*, nowait: bool = False) -> SiteState:
    key = SiteState.current().pk
    # SQLite waits for nobody: the whole of it is locked already, or cannot be.
    nowait = nowait and connection.features.has_select_for_update_nowait
    return SiteState.objects.select_for_update(nowait=nowait).get(pk=key)


def _check(state: SiteState, token: str) -> None:
    if not state.first_admin_digest or not constant_time_compare(state.first_admin_digest, _digest(token)):
        raise NotThisLinkError
    if not is_needed():
        raise NotThisLinkError
    if state.first_admin_expires_at is None or state.first_admin_expires_at <= timezone.now():
        raise ExpiredLinkError


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
