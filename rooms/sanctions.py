"""Mutes, bans and suspensions: imposed for a time or for good, lifted; they end by themselves.

A ban takes away neither membership nor role: both give nothing while it lasts. Who may not impose a sanction
on somebody may not lift it either, so nobody lets themselves go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rooms import accounts, bounds, doing, log
from rooms.actions import BanPerson, Deed, MutePerson, Suspend, Unban, Unmute, Unsuspend
from rooms.answers import Sanctioned
from rooms.doing import NOT_BELOW
from rooms.messages import Code, Event, Refused, UserId
from rooms.models import Ban, Mute, Suspension
from rooms.people import in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms.actions import Action
    from rooms.doing import Doing

MINUTES_MOST = 525_600
"""A year: what is to last longer is for good."""
LISTED_MOST = 1000

NOT_ONESELF = Refused(Code.FORBIDDEN, "Nobody does this to themselves.")
NOT_MUTED = Refused(Code.NOT_FOUND, "This person is not muted here.")
NOT_BANNED = Refused(Code.NOT_FOUND, "This person is not banned here.")
NOT_SUSPENDED = Refused(Code.NOT_FOUND, "This person is not suspended.")


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of sanction in a room: its rows, and how imposing and lifting it are called and told."""

    rows: type[Ban | Mute]
    imposing: Deed
    imposed: Event
    lifting: Deed
    lifted: Event
    missing: Refused


MUTE = Sort(Mute, Deed.MUTE, Event.MUTED, Deed.UNMUTE, Event.UNMUTED, NOT_MUTED)
BAN = Sort(Ban, Deed.BAN, Event.BANNED, Deed.UNBAN, Event.UNBANNED, NOT_BANNED)


def mute(doing: Doing, action: MutePerson) -> Sanctioned:
    """Let somebody read and not post."""
    return impose(doing, MUTE, action.user, action.minutes, action.reason)


def unmute(doing: Doing, action: Unmute) -> None:
    """Let somebody post again."""
    lift(doing, MUTE, action.user)


def ban(doing: Doing, action: BanPerson) -> Sanctioned:
    """Shut somebody out of a room."""
    return impose(doing, BAN, action.user, action.minutes, action.reason)


def unban(doing: Doing, action: Unban) -> None:
    """Let somebody in again."""
    lift(doing, BAN, action.user)


def impose(doing: Doing, sort: Sort, user: UserId, minutes: int | None, reason: str) -> Sanctioned:
    """Sanction somebody in the room, anew where they are already, and return the sanction.

    Raises:
        rooms.log.Refusal: there is no such person, their rank is not below, or a field is no good.
    """
    wanted = _wanted(minutes, reason)
    person = _below(doing, user)
    sort.rows.objects.update_or_create(room=doing.here, user=person, defaults=wanted)
    doing.tell(sort.imposed, person, until=wanted["until"])
    _note(doing, sort.imposing, person, wanted)
    return Sanctioned(accounts.author(person), wanted["reason"], wanted["created_at"], wanted["until"])


def lift(doing: Doing, sort: Sort, user: UserId) -> None:
    """End a sanction in the room.

    Raises:
        rooms.log.Refusal: there is no such person, their rank is not below, or there is none in force.
    """
    person = _below(doing, user)
    row = sort.rows.objects.filter(in_force(), room=doing.here, user=person).first()
    if row is None:
        raise log.Refusal(sort.missing)
    row.delete()
    doing.tell(sort.lifted, person)
    doing.note(sort.lifting, person)


def suspend(doing: Doing, action: Suspend) -> None:
    """Shut somebody out of the site; where they are already, anew."""
    wanted = _wanted(action.minutes, action.reason)
    person = _below(doing, action.user)
    Suspension.objects.update_or_create(user=person, defaults=wanted)
    _note(doing, action.deed, person, wanted)


def unsuspend(doing: Doing, action: Unsuspend) -> None:
    """Let somebody into the site again."""
    person = _below(doing, action.user)
    row = Suspension.objects.filter(in_force(), user=person).first()
    if row is None:
        raise log.Refusal(NOT_SUSPENDED)
    row.delete()
    doing.note(action.deed, person)


def in_force_in(slug: str, sort: Sort, by: UserId | None) -> tuple[Sanctioned, ...]:
    """Return the sanctions of a room for one of its moderators, the newest first.

    Raises:
        rooms.log.Refusal: they may not see them, or there is no such room for them.
    """
    room = doing.begin(sort.imposing, by, slug, trusted=False, lock=False).here
    rows = sort.rows.objects.filter(in_force(), room=room).select_related("user").order_by("-created_at")
    return tuple(
        Sanctioned(accounts.author(row.user), row.reason, row.created_at, row.until)
        for row in rows[:LISTED_MOST]
    )


def _wanted(minutes: int | None, reason: str) -> dict[str, Any]:
    """Return the fields of a sanction from now on, for so many minutes or for good."""
    now = timezone.now()
    until = None
    if minutes is not None:
        until = now + timedelta(minutes=bounds.number("minutes", minutes, 1, MINUTES_MOST))
    return {
        "reason": bounds.line("reason", reason, bounds.REASON_LENGTH),
        "until": until,
        "created_at": now,
    }


def _below(doing: Doing, key: UserId) -> Any:
    """Return somebody whom the doer may sanction: not themselves. Superusers stand above the staff.

    Raises:
        rooms.log.Refusal: there is no such person, or their rank is not below.
    """
    by_superuser = bool(getattr(doing.user, "is_superuser", False))
    on_site = doing.room is None
    person = doing.person(key) if on_site and by_superuser else doing.below(key)
    if on_site and person.is_superuser and not (by_superuser or doing.trusted):
        raise log.Refusal(NOT_BELOW)
    if doing.is_own(person) and not doing.trusted:
        raise log.Refusal(NOT_ONESELF)
    return person


def _note(doing: Doing, deed: Deed, person: Any, wanted: dict[str, Any]) -> None:
    until: datetime | None = wanted["until"]
    details = {"until": until.isoformat()} if until else None
    doing.note(deed, person, reason=wanted["reason"], details=details)


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {
    MutePerson: mute,
    Unmute: unmute,
    BanPerson: ban,
    Unban: unban,
    Suspend: suspend,
    Unsuspend: unsuspend,
}
