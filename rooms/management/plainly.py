"""What commands of the rooms have in common: what goes wrong is one line, and who and where is looked up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import DatabaseError

from rooms import log
from rooms.models import ChatRoom

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn a refusal, an argument that is no text, and a database that does not answer, into one line.

    Raises:
        CommandError: in their place.
    """
    try:
        yield
    except log.Refusal as refused:
        raise CommandError(refused.detail) from None
    except UnicodeEncodeError as error:  # a word of the command line may be any bytes (PEP 383)
        raise CommandError(f"{str(error.object)!r} is not in UTF-8.") from None
    except DatabaseError as error:
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise CommandError(f"The database does not answer: {told[0]}") from None


def room(slug: str) -> ChatRoom:
    """Return a room by its address.

    Raises:
        CommandError: there is none.
    """
    found: ChatRoom | None = ChatRoom.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no room {slug!r}.")
    return found


def user(name: str) -> Any:
    """Return somebody by what they log in with.

    Raises:
        CommandError: there is nobody.
    """
    users = get_user_model()
    found = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()
    if found is None:
        raise CommandError(f"There is no user {name!r}.")
    return found
