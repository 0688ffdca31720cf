"""People with tokens, and more than one room, for tests of the running chat."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection

from rooms import accounts
from tests.support_rooms import person


@dataclass(frozen=True)
class Caller:
    """Somebody with an account and a token."""

    user: User
    token: str


def caller(name: str, **fields: object) -> Caller:
    """Make somebody who calls."""
    user = person(name, **fields)
    return Caller(user, accounts.issue_token(user, "test"))


def leave_the_database() -> None:
    """Close this process's connection, so that what follows sees no snapshot or lock of ours."""
    connection.close()
