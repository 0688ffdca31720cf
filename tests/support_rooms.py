"""People, rooms and drafts for tests of the log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from rooms import log
from rooms.messages import Appended, Draft, Kind, Outcome, Posted, Refused, Stored, UserId, new_nonce
from rooms.models import ChatRoom

LOBBY = "lobby"
"""The room that the migrations make."""


def person(name: str, **fields: Any) -> User:
    """Make somebody with an account."""
    return User.objects.create_user(name, password="a long passphrase", **fields)


def room(slug: str, **fields: Any) -> ChatRoom:
    """Make a room."""
    return ChatRoom.objects.create(slug=slug, name=slug.title(), **fields)


def message(author: User | None, body: str, *, room: str = LOBBY, nonce: str = "", **fields: Any) -> Draft:
    """Draft a message."""
    return Draft(room, Kind.MESSAGE, _key(author), nonce or new_nonce(), body, **fields)


def edit(author: User, target: Posted, body: str, *, nonce: str = "", **fields: Any) -> Draft:
    """Draft an edit."""
    return Draft(target.room, Kind.EDIT, _key(author), nonce or new_nonce(), body, target.id, **fields)


def redaction(author: User, target: Posted, reason: str = "", *, nonce: str = "", **fields: Any) -> Draft:
    """Draft a redaction."""
    return Draft(target.room, Kind.REDACTION, _key(author), nonce or new_nonce(), reason, target.id, **fields)


def store(*drafts: Draft) -> list[Posted]:
    """Append drafts that must all be stored."""
    return [stored(outcome) for outcome in log.append(drafts).outcomes]


def stored(outcome: Outcome) -> Posted:
    """Return what an outcome says was stored; anything else fails the test."""
    assert isinstance(outcome, Stored), outcome
    return outcome.posted


def refused(appended: Appended) -> Refused:
    """Return the refusal of a single draft; anything else fails the test."""
    [outcome] = appended.outcomes
    assert isinstance(outcome, Refused), outcome
    return outcome


def _key(user: User | None) -> UserId | None:
    return None if user is None else user.pk
