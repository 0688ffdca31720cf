"""Writes the audit trail: who did what to whom, when, why. In the transaction of the deed itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rooms import accounts
from rooms.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from rooms.actions import Deed
    from rooms.models import ChatRoom

NAME_LENGTH = 150


def note(deed: Deed, actor: AbstractBaseUser | None, **about: Any) -> None:
    """Write one entry, of what `entry` takes."""
    entry(deed, actor, **about).save()


def entry(  # noqa: PLR0913  (each is a column of the trail)
    deed: Deed,
    actor: AbstractBaseUser | None,
    *,
    room: ChatRoom | None = None,
    person: AbstractBaseUser | None = None,
    message_id: int | None = None,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Return an entry, to be written. Without an actor, the server itself did it."""
    return AuditEntry(
        deed=deed.value,
        actor_id=actor.pk if actor is not None else None,
        actor_name=_name(actor),
        room=room,
        person_id=person.pk if person is not None else None,
        person_name=_name(person),
        message_id=message_id,
        reason=reason,
        details=dict(details) if details else None,
    )


def _name(user: AbstractBaseUser | None) -> str:
    return accounts.display_name(user)[:NAME_LENGTH] if user is not None else ""
