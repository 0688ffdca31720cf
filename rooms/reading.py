"""What somebody has read, and wants to be told of. It concerns nobody else, and waits for no room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from rooms import bounds, unread
from rooms.actions import MarkRead, MuteForOneself
from rooms.answers import Reading
from rooms.messages import MAX_ID
from rooms.models import ReadMarker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rooms.actions import Action
    from rooms.doing import Doing
    from rooms.models import ChatRoom

FORWARD = """
    INSERT INTO rooms_readmarker (room_id, user_id, last_read_id, muted) VALUES (%s, %s, %s, %s)
    ON CONFLICT (room_id, user_id) DO UPDATE SET last_read_id = excluded.last_read_id
    WHERE rooms_readmarker.last_read_id < excluded.last_read_id
"""
"""Forward only, whichever of two comes last: one statement, which PostgreSQL and SQLite have alike."""


def mark_read(doing: Doing, action: MarkRead) -> Reading:
    """Move one's marker forward, never back, and not beyond what is there. Return what is unread now.

    Raises:
        rooms.log.Refusal: it is no id.
    """
    room, user = doing.here, doing.somebody()
    bounds.number("id", action.id, 0, MAX_ID)
    key = ReadMarker._meta.get_field("user").get_db_prep_value(user.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(FORWARD, [room.pk, key, min(action.id, room.last_message_id), False])
    share = unread.shares(user.pk, [room.pk])[room.pk]
    return Reading(share.read or 0, share.unread, share.mentions)


def mute_for_oneself(doing: Doing, action: MuteForOneself) -> bool:
    """Be told of nothing in a room, or of everything again, and return which."""
    ReadMarker.objects.bulk_create(
        [_fresh(doing.here, doing.somebody(), muted=action.muted)],
        update_conflicts=True,
        unique_fields=["room", "user"],
        update_fields=["muted"],
    )
    return action.muted


def begin(room: ChatRoom, users: Iterable[Any]) -> None:
    """Begin to count for people who come to belong to a room: nothing of what was said before is unread."""
    ReadMarker.objects.bulk_create([_fresh(room, user) for user in users], ignore_conflicts=True)


def _fresh(room: ChatRoom, user: Any, *, muted: bool = False) -> ReadMarker:
    return ReadMarker(room=room, user_id=user.pk, last_read_id=room.last_message_id, muted=muted)


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {
    MarkRead: mark_read,
    MuteForOneself: mute_for_oneself,
}
