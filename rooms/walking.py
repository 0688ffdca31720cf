"""One room's log in its order, asked for so that the index of (room, id) alone has that order.

With `room = …` PostgreSQL may walk the primary key: it takes a quiet room for one like all others, and walks
past what was said everywhere else to find that there is nothing. So it is asked for a stretch of (room, id).
SQLite, which has no statistics unless somebody runs ANALYZE, takes that index by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import BooleanField, F, Func, Subquery, Value

from rooms.models import ChatRoom, Message

if TYPE_CHECKING:
    from django.db.models import QuerySet


def after(slug: str, cursor: int) -> QuerySet[Message]:
    """Return what comes after a cursor in a room's log, ascending."""
    room = _key(slug)
    if connection.vendor != "postgresql":
        return _rows().filter(room=room, id__gt=cursor).order_by("id")
    beyond = _compared(">", room, cursor)
    return _rows().filter(beyond, room__lte=room).order_by("room_id", "id")


def before(slug: str, cursor: int | None) -> QuerySet[Message]:
    """Return what comes before an id in a room's log, or all of it, descending."""
    room = _key(slug)
    if connection.vendor != "postgresql":
        rows = _rows().filter(room=room)
        return (rows if cursor is None else rows.filter(id__lt=cursor)).order_by("-id")
    rows = _rows().filter(room__gte=room).order_by("-room_id", "-id")
    return rows.filter(room__lte=room) if cursor is None else rows.filter(_compared("<", room, cursor))


def _rows() -> QuerySet[Message]:
    return Message.objects.select_related("author")


def _key(slug: str) -> Subquery:
    return Subquery(ChatRoom.objects.filter(slug=slug).order_by().values("pk")[:1])


def _compared(sign: str, room: Subquery, cursor: int) -> Func:
    """Return `(room, id) sign (…, …)`, PostgreSQL's "Row Constructor Comparison" (9.25.5)."""
    return Func(
        _pair(F("room_id"), F("id")),
        _pair(room, Value(cursor)),
        template="%(expressions)s",
        arg_joiner=f" {sign} ",
        output_field=BooleanField(),
    )


def _pair(first: Any, second: Any) -> Func:
    return Func(first, second, template="(%(expressions)s)", output_field=BooleanField())
