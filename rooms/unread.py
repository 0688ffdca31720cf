"""How much somebody has not read: for all of their rooms in one statement, each room's share of it bounded.

Of a room's spoken messages after the marker the newest thousand are looked at, and of those that are not
one's own a hundred are counted. So a room of millions costs what a small one does, also for a program that
posts and never reads. Without a marker, members have not read what was said since they belong to the room,
and for others nothing is unread; who was mentioned is told in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from rooms.models import ReadMarker

if TYPE_CHECKING:
    from collections.abc import Collection

    from rooms.messages import UserId

MOST = 100
"""What stands for as many, or more."""

LOOKED_AT = 1000

SPOKEN = {
    "postgresql": """
        rooms_message m
        WHERE m.kind = 'message' AND m.room_id <= r.id
        AND (m.room_id, m.id) > (r.id, coalesce(k.last_read_id, 0))
        ORDER BY m.room_id DESC, m.id DESC
    """,
    "sqlite": """
        rooms_message m INDEXED BY rooms_message_spoken
        WHERE m.kind = 'message' AND m.room_id = r.id AND m.id > coalesce(k.last_read_id, 0)
        ORDER BY m.id DESC
    """,
}
"""What was spoken in a room after the marker, newest first, said so that one index alone has this order.

With `room_id = …` PostgreSQL walks the primary key where it takes the room for a busy one, past all other
rooms' messages: 128 ms where this takes half a millisecond, among 300,000.
"""

STATEMENT = """
    SELECT r.id, k.last_read_id, k.muted,
        CASE WHEN coalesce(k.id, b.id) IS NULL OR r.last_message_id <= k.last_read_id THEN 0 ELSE (
            SELECT count(*) FROM (
                SELECT 1 FROM (
                    SELECT m.author_id, m.created_at FROM {spoken}
                    LIMIT %s
                ) spoken
                WHERE (spoken.author_id IS NULL OR spoken.author_id <> %s)
                AND (k.id IS NOT NULL OR spoken.created_at >= b.created_at)
                LIMIT %s
            ) unread
        ) END,
        (
            SELECT count(*) FROM (
                SELECT 1 FROM rooms_mention n
                WHERE n.user_id = %s AND n.room_id = r.id AND n.message_id > coalesce(k.last_read_id, 0)
                LIMIT %s
            ) named
        )
    FROM rooms_chatroom r
    LEFT JOIN rooms_readmarker k ON k.room_id = r.id AND k.user_id = %s
    LEFT JOIN rooms_membership b ON b.room_id = r.id AND b.user_id = %s
    WHERE r.id IN ({rooms})
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one reader has read of one room: `read` is None where they have no marker there."""

    read: int | None
    unread: int
    mentions: int
    muted: bool


def shares(reader: UserId, rooms: Collection[int]) -> dict[int, Share]:
    """Return what a reader has and has not read of these rooms, by the rooms' keys. One query, or none."""
    if not rooms:
        return {}
    statement, given = query(reader, rooms)
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return {
            key: Share(read, unread, mentions, bool(muted))
            for key, read, muted, unread, mentions in cursor.fetchall()
        }


def query(reader: UserId, rooms: Collection[int]) -> tuple[str, list[Any]]:
    """Return the statement and its parameters: for a test of its plan too."""
    user = ReadMarker._meta.get_field("user").get_db_prep_value(reader, connection)
    statement = STATEMENT.format(spoken=SPOKEN[connection.vendor], rooms=", ".join(["%s"] * len(rooms)))
    return statement, [LOOKED_AT, user, MOST, user, MOST, user, user, *rooms]
