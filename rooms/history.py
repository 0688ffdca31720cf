"""The only reads of messages: by keyset, never by OFFSET or COUNT.

Messages are read before the head, the versions and the rights that they are judged by. So a message
committed after a ban is never in an answer that was judged without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.models import Subquery

from rooms import accounts, attaching, mentions, notices, permissions, reactions, summaries, walking
from rooms.messages import (
    Access,
    After,
    Author,
    Before,
    Code,
    Heads,
    Kind,
    Newest,
    Page,
    Posted,
    Refused,
    RoomHead,
    RoomSummary,
    Span,
    UserId,
    Versions,
)
from rooms.models import ChatRoom, Message, SiteState

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

UNASKED = Access(see=True, post=False, moderate=False)
"""The access on pages that no reader was asked for."""

NO_ROOM = Refused(Code.NOT_FOUND, "There is no such room.")
NO_MESSAGE = Refused(Code.NOT_FOUND, "There is no such message.")
WHY_UNSEEN = {
    Code.NOT_FOUND: NO_ROOM,
    Code.FORBIDDEN: Refused(Code.FORBIDDEN, "You are banned from this room."),
    Code.NOT_AUTHENTICATED: Refused(Code.NOT_AUTHENTICATED, "This room is not open to guests: log in."),
}


def posted(row: Message, slug: str, author: Author | None = None) -> Posted:
    """Return a row as readers see it. Its author must have been loaded with it, or be told."""
    if author is None and row.author_id is not None and row.author is not None:
        author = accounts.author(row.author)
    return Posted(
        id=row.id,
        room=slug,
        kind=Kind(row.kind),
        author=author,
        body=row.body or None,
        created_at=row.created_at,
        nonce=row.nonce,
        target=row.target,
        reply_to=row.reply_to,
        redacted=row.redacted,
        edited_at=row.edited_at,
        changed=row.changed,
        mentions=mentions.told(row.details) if row.details else (),
        reactions=reactions.told(row.reactions) if row.reactions else (),
        notice=notices.told(row.details) if row.kind == Kind.NOTICE and row.details else None,
        files=attaching.told(row.files) if row.files else (),
    )


def read(reader: UserId | None, slug: str, span: Span) -> Page | Refused:
    """Return a piece of a room's log for a reader (None: a guest), or why they get none."""
    return read_for([reader], slug, span)[reader]


def read_for(
    readers: Collection[UserId | None], slug: str, span: Span
) -> dict[UserId | None, Page | Refused]:
    """Return a piece of a room's log for each reader, or why they get none, in as many queries as for one."""
    messages, start, more = _span(slug, span)
    ends = ends_for([(reader, slug) for reader in readers])
    return {
        reader: replace(end, messages=messages, start=start, more=more) if isinstance(end, Page) else end
        for (reader, _slug), end in ends.items()
    }


def ends_for(
    wanted: Collection[tuple[UserId | None, str]],
) -> dict[tuple[UserId | None, str], Page | Refused]:
    """Return the end of a room's log, with no message, for each reader and room, or why they get none.

    In four queries, however many are wanted.
    """
    site = SiteState.current()
    rooms = {room.slug: room for room in ChatRoom.objects.filter(slug__in={slug for _reader, slug in wanted})}
    # Where there is no room, as much is asked: nobody learns from the time it takes that one is there.
    keys = {slug: rooms[slug].pk if slug in rooms else 0 for _reader, slug in wanted}
    found = permissions.standings([(keys[slug], reader) for reader, slug in wanted])
    answers: dict[tuple[UserId | None, str], Page | Refused] = {}
    for reader, slug in wanted:
        room = rooms.get(slug)
        may = permissions.access(room, found[room.pk, reader]) if room else permissions.NOBODY
        if room is None or not may.see:
            answers[reader, slug] = WHY_UNSEEN[may.refusal or Code.NOT_FOUND]
        else:
            versions = Versions(site.epoch, site.access_version, room.access_version)
            head = room.last_message_id
            answers[reader, slug] = Page(
                slug, (), more=False, start=0, head=head, versions=versions, access=may
            )
    return answers


def after(slug: str, cursor: int, limit: int) -> Page:
    """Return what follows a cursor, for nobody in particular: who may have it is asked elsewhere.

    A room that is not there (a restored database) has an empty log.
    """
    messages, start, more = _span(slug, After(cursor, limit))
    room, versions = _state(slug)
    return Page(
        slug,
        messages,
        more,
        start,
        room.last_message_id if room else 0,
        versions,
        UNASKED,
    )


def heads(slugs: Collection[str]) -> Heads:
    """Return the epoch, the site's version and how far these rooms' logs go, in one query."""
    the_one = SiteState.objects.filter(pk=SiteState.THE_ONE)
    rows = list(
        ChatRoom.objects.filter(slug__in=list(slugs))
        .order_by()
        .values_list(
            "slug",
            "last_message_id",
            "access_version",
            Subquery(the_one.values("epoch")),
            Subquery(the_one.values("access_version")),
        )
        if slugs
        else ()
    )
    if rows and rows[0][3] is not None:
        epoch, site = rows[0][3], rows[0][4]
    else:
        state = SiteState.current()
        epoch, site = state.epoch, state.access_version
    return Heads(
        epoch,
        site,
        {slug: RoomHead(last, version) for slug, last, version, _e, _s in rows},
    )


def heads_for(reader: UserId | None, slugs: Collection[str]) -> Heads:
    """Return the same, of those of these rooms that a reader may see, in four queries."""
    site = SiteState.current()
    rooms = list(ChatRoom.objects.filter(slug__in=list(slugs)).order_by())
    # Where there are none, as much is asked: nobody learns from the time it takes that a room is there.
    found = permissions.standings([(key, reader) for key in (0, *(room.pk for room in rooms))])
    seen = [room for room in rooms if permissions.access(room, found[room.pk, reader]).see]
    heads = {room.slug: RoomHead(room.last_message_id, room.access_version) for room in seen}
    return Heads(site.epoch, site.access_version, heads)


def rooms_for(reader: UserId | None) -> tuple[str, list[RoomSummary]]:
    """Return the epoch and the rooms of a reader's list, by name, archived ones last."""
    return SiteState.current().epoch, summaries.listed(reader)


def room_for(reader: UserId | None, slug: str) -> RoomSummary | Refused:
    """Return a room as a reader sees it, or why they do not."""
    found = summaries.of_one(reader, ChatRoom.objects.filter(slug=slug).first())
    return found if isinstance(found, RoomSummary) else WHY_UNSEEN[found.refusal or Code.NOT_FOUND]


def _state(slug: str) -> tuple[ChatRoom | None, Versions]:
    site = SiteState.current()
    room = ChatRoom.objects.filter(slug=slug).first()
    return room, Versions(site.epoch, site.access_version, room.access_version if room else 0)


def _span(slug: str, span: Span) -> tuple[tuple[Posted, ...], int, bool]:
    """Return the messages of a span, the cursor after which they lie, and whether it holds more."""
    match span:
        case After(cursor, limit):
            rows = list(walking.after(slug, cursor)[: limit + 1])
            return (
                tuple(posted(row, slug) for row in rows[:limit]),
                cursor,
                len(rows) > limit,
            )
        case Before(cursor, limit):
            return _backwards(walking.before(slug, cursor), slug, limit)
        case Newest(limit):
            return _backwards(walking.before(slug, None), slug, limit)


def _backwards(log: QuerySet[Message], slug: str, limit: int) -> tuple[tuple[Posted, ...], int, bool]:
    if limit == 0:
        return (), 0, False
    rows = list(log[: limit + 1])
    start = rows[limit].pk if len(rows) > limit else 0
    return (
        tuple(posted(row, slug) for row in reversed(rows[:limit])),
        start,
        len(rows) > limit,
    )
