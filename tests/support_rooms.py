"""People, rooms and drafts for tests of the log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from rooms import history, log
from rooms.messages import (
    Appended,
    Draft,
    Kind,
    Notice,
    Outcome,
    Posted,
    Refused,
    Stored,
    UserId,
    new_nonce,
)
from rooms.models import ChatRoom, Membership

LOBBY = "lobby"
"""The room that the migrations make."""


def person(name: str, **fields: Any) -> User:
    """Make somebody with an account."""
    return User.objects.create_user(name, password="a long passphrase", **fields)


def room(slug: str, **fields: Any) -> ChatRoom:
    """Make a room."""
    return ChatRoom.objects.create(slug=slug, name=slug.title(), **fields)


def owned(slug: str, owner: User, **fields: Any) -> ChatRoom:
    """Make a room that belongs to somebody."""
    made = room(slug, **fields)
    Membership.objects.create(room=made, user=owner, role=Membership.Role.OWNER)
    return made


def message(author: User | None, body: str, *, room: str = LOBBY, nonce: str = "", **fields: Any) -> Draft:
    """Draft a message."""
    return Draft(room, Kind.MESSAGE, _key(author), nonce or new_nonce(), body, **fields)


def edit(author: User, target: Posted, body: str, *, nonce: str = "", **fields: Any) -> Draft:
    """Draft an edit."""
    return Draft(target.room, Kind.EDIT, _key(author), nonce or new_nonce(), body, target.id, **fields)


def redaction(author: User, target: Posted, reason: str = "", *, nonce: str = "", **fields: Any) -> Draft:
    """Draft a redaction."""
    return Draft(target.room, Kind.REDACTION, _key(author), nonce or new_nonce(), reason, target.id, **fields)


def reaction(author: User | None, target: Posted, body: str, *, nonce: str = "", **fields: Any) -> Draft:
    """Draft a reaction."""
    return Draft(target.room, Kind.REACTION, _key(author), nonce or new_nonce(), body, target.id, **fields)


def unreaction(author: User | None, target: Posted, body: str, *, nonce: str = "", **fields: Any) -> Draft:
    """Draft the end of a reaction."""
    return Draft(target.room, Kind.UNREACTION, _key(author), nonce or new_nonce(), body, target.id, **fields)


def notice(told: Notice, author: User | None = None, *, room: str = LOBBY, nonce: str = "") -> Draft:
    """Draft a notice, as the server's own code does."""
    return Draft(room, Kind.NOTICE, _key(author), nonce or new_nonce(), trusted=True, notice=told)


def read_all(slug: str = LOBBY) -> tuple[Posted, ...]:
    """Return a room's whole log, as it reads now."""
    return history.after(slug, 0, 1_000).messages


def read_one(posted: Posted) -> Posted:
    """Return a message as it reads now."""
    [found] = history.after(posted.room, posted.id - 1, 1).messages
    return found


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
