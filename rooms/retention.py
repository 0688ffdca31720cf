"""Takes out of the logs what is older than its room keeps. Redactions stay, so that whoever comes back obeys.

A room's `keep_days` says for how long its text is kept, or else the setting CHAT_KEEP_DAYS; 0 is for good. A
message goes together with what changed it since, since an edit whose target is gone could not be redacted any
more. Cursors stay good: a log with gaps is read like any other, and no id is given again. The head of a room
stays where it is, also when that row is gone.

Rows go a hundred at a time, each time under the room's lock, which an append holds as well while it reads
its targets and writes. What is done is done: cut off anywhere, the next run goes on with what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from rooms import filekeeping, walking
from rooms.messages import Kind
from rooms.models import Attachment, ChatRoom, Message
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from django.db.models import QuerySet

AT_ONCE = 100
"""How many rows one transaction takes out: it holds the room for some hundredths of a second."""
LOOKED_AT = 1000
"""How many rows in a row may be too young, since clocks were set back and forth, before it is the end."""

STAYS = Q(kind=Kind.REDACTION.value)


@dataclass(frozen=True, slots=True)
class Old:
    """How many rows of a room are older than it keeps them."""

    room: str
    rows: int


def days_kept(room: ChatRoom) -> int:
    """Return for how many days a room's text is kept, 0 for good."""
    return room.keep_days if room.keep_days is not None else options.keep_days


def _since(room: ChatRoom) -> datetime | None:
    """Return the moment after which what was said in a room is kept, None where all is."""
    days = days_kept(room)
    return timezone.now() - timedelta(days=days) if days else None


def old(slug: str | None = None) -> list[Old]:
    """Return how many rows would go, by room, for those where any would. It reads all of them."""
    found = []
    for room in _rooms(slug):
        if (since := _since(room)) is None:
            continue
        aged = _log(room).filter(created_at__lt=since)
        with_them = _log(room).filter(target__in=aged.values("pk"), created_at__gte=since)
        if rows := aged.count() + with_them.count():
            found.append(Old(room.slug, rows))
    return found


def prune(slug: str | None = None) -> Generator[Old]:
    """Take out what is older than it is kept, in one room or in all, and yield how many rows went each time.

    No transaction may be open, or they all would be one.
    """
    for room in _rooms(slug):
        last = 0
        while (near := _next(room, last)) is not None:
            keys, last = near
            yield from _take_out(room, keys)


def _rooms(slug: str | None) -> Iterator[ChatRoom]:
    rooms = ChatRoom.objects.order_by("pk")
    return (rooms.filter(slug=slug) if slug is not None else rooms).iterator()


def _log(room: ChatRoom) -> QuerySet[Message]:
    """Return the rows of a room that do not stay whatever their age."""
    return Message._base_manager.filter(room=room).exclude(STAYS)


def _next(room: ChatRoom, last: int) -> tuple[list[int], int] | None:
    """Return the keys of the next old rows after one, and the last row looked at; None at the end."""
    room.refresh_from_db(fields=["keep_days"])
    since = _since(room)
    if since is None:
        return None
    ahead = walking.after(room.slug, last).exclude(STAYS)
    rows = list(ahead.values_list("pk", "created_at")[:LOOKED_AT])
    aged = [key for key, created_at in rows if created_at < since][:AT_ONCE]
    if not aged:
        return None
    return aged, aged[-1]


def _take_out(room: ChatRoom, keys: list[int]) -> Iterator[Old]:
    """Take out rows of a room: first what changed them, which may be more than fits one transaction.

    How long the room keeps its text is asked again under its lock: it may have been told to keep it longer.
    """
    more = True
    while more:
        with transaction.atomic():
            aged = _still_aged(ChatRoom.objects.select_for_update(no_key=True).get(pk=room.pk), keys)
            if not aged:
                return
            dependent = Message._base_manager.filter(target__in=aged).exclude(STAYS).exclude(pk__in=aged)
            changes = list(dependent.values_list("pk", flat=True)[: AT_ONCE + 1])
            more = len(changes) > AT_ONCE
            wanted = changes[:AT_ONCE] if more else [*changes, *aged]
            filekeeping.discard(Attachment.objects.filter(message__in=wanted))
            gone, by_model = Message._base_manager.filter(pk__in=wanted).delete()
            rows = by_model.get(Message._meta.label, 0) if gone else 0
        yield Old(room.slug, rows)


def _still_aged(held: ChatRoom, keys: list[int]) -> list[int]:
    """Return those of these rows that a locked room keeps no longer."""
    since = _since(held)
    if since is None:
        return []
    rows = Message._base_manager.filter(pk__in=keys, created_at__lt=since)
    return list(rows.values_list("pk", flat=True))
