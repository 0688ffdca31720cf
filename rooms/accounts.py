"""Who somebody is: sessions and tokens, and the name that others see."""

from __future__ import annotations

import secrets
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from rooms import statements
from rooms.drafts import UNSTORABLE
from rooms.messages import Author, Credential, Identity, UserId
from rooms.models import ApiToken
from rooms.options import options
from rooms.people import Suspension, in_force

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

TOKEN_BYTES = 32


def wire_id(key: object) -> UserId:
    """Return a user's primary key as it crosses threads and the wire."""
    return key if isinstance(key, int) else str(key)


def display_name(user: AbstractBaseUser) -> str:
    """Return the public name of a user, never an e-mail address.

    `CHAT_DISPLAY_NAME`, the dotted path of a function of the user, decides where it is set.
    Else it is the user name; where that is an e-mail address, the short name; where that is one too
    or empty, `user-` and the key.
    """
    path = options.display_name
    if path:
        return str(import_string(path)(user))
    short = getattr(user, "get_short_name", str)()
    candidates = (user.get_username(), short)
    return next((name for name in candidates if name and "@" not in name), f"user-{user.pk}")


def author(user: AbstractBaseUser) -> Author:
    """Return a user as the author of messages."""
    return Author(wire_id(user.pk), display_name(user))


def holds(user: Any) -> bool:
    """Tell whether an account that `users_by_id` found may be used: neither disabled nor suspended."""
    return bool(user.is_active) and not user.chat_is_suspended


def users_by_id(ids: Iterable[UserId | None]) -> dict[UserId, Any]:
    """Return the users that exist among these, in one query; `holds` tells whose account may be used."""
    known = {key for key in ids if key is not None}
    found = statements.people(get_user_model()._default_manager, known) if known else []
    return {wire_id(user.pk): user for user in (users().filter(pk__in=known) if found is None else found)}


def users() -> QuerySet[Any]:
    """Return all users, each with what `holds` asks of it."""
    suspended = Suspension.objects.filter(in_force(), user=OuterRef("pk"))
    return get_user_model()._default_manager.annotate(chat_is_suspended=Exists(suspended))


def find(key: UserId) -> Any | None:
    """Return the user of a key that came over the wire, None where there is none, or it is no key at all."""
    found = key_of(key)
    return users().filter(pk=found).first() if found is not None else None


def key_of(key: object) -> Any:
    """Return the primary key of a user that something says, None where it says none."""
    if key is None or (isinstance(key, str) and UNSTORABLE.search(key)):
        return None
    field = get_user_model()._meta.pk
    try:
        value = field.to_python(key)
        field.run_validators(value)  # a number that no database holds would be an error of the statement
    except ValidationError:
        return None
    return value


def issue_token(user: AbstractBaseUser, name: str) -> str:
    """Make a Bearer token for a user and return it. It cannot be shown again.

    Raises:
        ValidationError: the name is empty or too long.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = ApiToken(user_id=user.pk, name=name.strip(), digest=Credential.of_token(token).token_digest or "")
    row.full_clean()
    row.save()
    return token


def identify(credential: Credential) -> Identity | None:
    """Return who this is, or None where the credential is unknown, expired, or its account is not active."""
    return still_valid([credential])[credential]


def still_valid(
    credentials: Collection[Credential],
) -> dict[Credential, Identity | None]:
    """Return who each of these is now, None where it no longer holds, in at most three queries."""
    owners: dict[Credential, tuple[Any, str | None]] = {
        **_session_owners({c.session_key: c for c in credentials if c.session_key}),
        **_token_owners({c.token_digest: c for c in credentials if c.token_digest}),
    }
    users = users_by_id(wire_id(key) for key, _hash in owners.values())
    answer: dict[Credential, Identity | None] = dict.fromkeys(credentials)
    for credential, (key, auth_hash) in owners.items():
        user = users.get(wire_id(key))
        if user is not None and holds(user) and (auth_hash is None or _hash_holds(user, auth_hash)):
            answer[credential] = Identity(wire_id(user.pk), display_name(user), credential, _since(user))
    return answer


def _since(user: Any) -> datetime | None:
    """Return when an account was made, as far as that matters: staff is never new."""
    made_at = getattr(user, "date_joined", None)
    return made_at if isinstance(made_at, datetime) and not user.is_staff else None


def _session_owners(
    credentials: dict[str, Credential],
) -> dict[Credential, tuple[Any, str]]:
    """Return the user key and the authentication hash of each session that is alive."""
    if not credentials:
        return {}
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = store.get_model_class().objects.filter(
        session_key__in=list(credentials), expire_date__gt=timezone.now()
    )
    owners = {}
    for row in rows:
        data = store.decode(row.session_data)
        key = key_of(data.get(SESSION_KEY))
        if key is not None and data.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS:
            owners[credentials[row.session_key]] = (key, data.get(HASH_SESSION_KEY, ""))
    return owners


def _token_owners(
    credentials: dict[str, Credential],
) -> dict[Credential, tuple[Any, None]]:
    """Return the user key of each token that exists."""
    if not credentials:
        return {}
    rows = ApiToken.objects.filter(digest__in=list(credentials)).values_list("digest", "user_id")
    return {credentials[digest]: (key, None) for digest, key in rows}


def _hash_holds(user: Any, kept: str) -> bool:
    """Tell whether a session was opened with the password that the user still has."""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(kept, one) for one in hashes)
