"""Search by text: messages that hold all the words, the newest first, of the rooms that a reader may see.

Only messages are found, by their text as it now reads; withheld text is in no index. What a word is, is told
in `rooms.search_words`; the indexes are `rooms.search_postgresql` and `rooms.search_sqlite`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q

from rooms import history, permissions, search_postgresql, search_sqlite
from rooms.drafts import UNSTORABLE
from rooms.messages import Code, Kind, Posted, Refused, UserId
from rooms.models import ChatRoom, Membership, Message
from rooms.search_words import Mark, Wanted, days, phrases

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

LONGEST = 200
"""How many characters a search may have."""
MARKED_ROOMS = 64
"""How many rooms a search is narrowed to by their marks; where they are more, the rows are asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """Messages, the newest first, and whether there are more below the last of them."""

    messages: tuple[Posted, ...]
    more: bool


def unfit(text: str) -> Refused | None:
    """Return why nothing can be searched by a text, None where it can."""
    if len(text) > LONGEST:
        return Refused.of(Code.BAD_REQUEST, "q: at most %(most)s characters.", most=LONGEST)
    if UNSTORABLE.search(text):
        return Refused(Code.BAD_REQUEST, "q: a NUL or half of a surrogate pair is in no text.")
    return None if phrases(text) else Refused(Code.BAD_REQUEST, "q: there is no word in it.")


def find(
    reader: UserId | None,
    text: str,
    *,
    room: str | None = None,
    author: UserId | None = None,
    before: int | None = None,
    limit: int = 20,
) -> Found | Refused:
    """Return the newest messages with all the words of a text that a reader (None: a guest) may see.

    `room` is a slug: of one that they may not see they are told what they are told everywhere.
    """
    rooms = unfit(text) or _rooms(reader, room)
    if isinstance(rooms, Refused):
        return rooms
    keys = ids(text, room_keys=rooms, author_key=author, before=before, limit=limit + 1)
    rows = list(
        Message.objects.filter(pk__in=keys[:limit], kind=Kind.MESSAGE, redacted=False)
        .exclude(body="")
        .select_related("author", "room")
        .order_by()
    )
    # Rights are asked again once the rows are read: nothing that came after a ban is in the answer.
    standings = permissions.standings({(row.room_id, reader) for row in rows})
    seen = [row for row in rows if permissions.access(row.room, standings[row.room_id, reader]).see]
    seen.sort(key=lambda row: row.pk, reverse=True)
    return Found(tuple(history.posted(row, row.room.slug) for row in seen), more=len(keys) > limit)


def ids(  # noqa: PLR0913  (each narrows by something of its own)
    text: str,
    *,
    room_key: int | None = None,
    room_keys: Collection[int] | None = None,
    author_key: Any = None,
    sent: tuple[date, date] | None = None,
    before: int | None = None,
    after: int | None = None,
    ascending: bool = False,
    limit: int,
) -> list[int]:
    """Return the ids of messages with all the words of a text, in order, whoever asks; of an unfit one none.

    `room_key` and `room_keys` narrow it to rooms, `author_key` to an author, `sent` to days (UTC, both
    included), `before` and `after` to ids beyond those.
    """
    if unfit(text) is not None:
        return []
    if room_key is not None:
        room_keys = [room_key]
    author = None if author_key is None else _author(author_key)
    if (author_key is not None and author is None) or (room_keys is not None and not room_keys):
        return []
    if sent is not None and sent[0] > sent[1]:
        return []
    few = room_keys is not None and len(room_keys) <= MARKED_ROOMS
    groups: list[tuple[Mark, ...]] = []
    if room_keys is not None and few:
        groups.append(tuple(Mark("r", str(key)) for key in sorted(room_keys)))
    if author is not None:
        groups.append((author,))
    if sent is not None:
        groups.append(days(*sent))
    low, high = 0 if after is None else after + 1, _newest_id()
    high = high if before is None else min(high, before - 1)
    read = search_postgresql.ids if connection.vendor == "postgresql" else search_sqlite.ids
    return read(
        Wanted(phrases(text), tuple(groups)),
        limit,
        low=low,
        high=high,
        ascending=ascending,
        rooms=None if few else room_keys,
    )


def index_some() -> bool:
    """Index messages that are not yet, and return whether there may be more; on SQLite there are none."""
    return connection.vendor == "postgresql" and search_postgresql.index_some()


def _newest_id() -> int:
    return next(iter(Message.objects.order_by("-id").values_list("id", flat=True)[:1]), 0)


def _author(key: Any) -> Mark | None:
    """Return the mark of an author; None where nobody can have this key."""
    field: Any = Message._meta.get_field("author").target_field
    try:
        value = field.get_db_prep_value(field.to_python(key), connection)
    except ValidationError:
        return None
    return None if UNSTORABLE.search(str(value)) else Mark("a", str(value))


def _rooms(reader: UserId | None, slug: str | None) -> list[int] | Refused | None:
    """Return the keys of the rooms to be searched, None for all; or why the reader gets nothing."""
    if slug is not None:
        return _one_room(reader, slug)
    standing = permissions.standings([(0, reader)])[0, reader]
    if standing.staff:
        return None
    # Others can only ever see what is public and what they belong to; the one rule then judges these.
    theirs = Q(visibility=ChatRoom.Visibility.PUBLIC)
    if standing.known:
        theirs |= Q(pk__in=Membership.objects.filter(user__in=[reader]).values("room"))
    rooms = list(ChatRoom.objects.filter(theirs).order_by())
    standings = permissions.standings([(room.pk, reader) for room in rooms])
    return [room.pk for room in rooms if permissions.access(room, standings[room.pk, reader]).see]


def _one_room(reader: UserId | None, slug: str) -> list[int] | Refused:
    room = None if UNSTORABLE.search(slug) else ChatRoom.objects.filter(slug=slug).first()
    standing = permissions.standings([(room.pk if room else 0, reader)])
    may = permissions.access(room, standing[room.pk, reader]) if room else permissions.NOBODY
    if room is None or not may.see:
        return history.WHY_UNSEEN[may.refusal or Code.NOT_FOUND]
    return [room.pk]
