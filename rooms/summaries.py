"""Rooms as one reader sees them: their own part in each, in a few queries however many rooms there are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from django.db.models import Q

from rooms import accounts, permissions, unread
from rooms.messages import Access, Author, RoomSummary, UserId
from rooms.models import ChatRoom, Membership, Mute
from rooms.people import in_force

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

Visibility = ChatRoom.Visibility


def listed(reader: UserId | None) -> list[RoomSummary]:
    """Return the rooms of a reader's list, by name, archived ones last: all that they may see.

    Of rooms of two people staff too have only their own there; the others' they reach by their address.
    """
    users = accounts.users_by_id([reader])
    rooms = list(_within_reach(users.get(reader) if reader is not None else None))
    found = permissions.standings([(room.pk, reader) for room in rooms], users)
    judged = [(room, found[room.pk, reader]) for room in rooms]
    seen = [(room, standing, permissions.access(room, standing)) for room, standing in judged]
    summaries = _described(reader, [one for one in seen if one[2].see])
    return sorted(summaries, key=lambda one: (one.archived, one.name.casefold(), one.room))


def _within_reach(user: Any) -> QuerySet[ChatRoom]:
    """Return the rooms that somebody may see, and some that they may not: rights are asked of each."""
    if user is None:
        return ChatRoom.objects.filter(visibility=Visibility.PUBLIC, open_to_guests=True)
    shown = Q(visibility=Visibility.PUBLIC) | Q(pk__in=Membership.objects.filter(user=user).values("room"))
    if user.is_staff:
        shown |= Q(visibility=Visibility.PRIVATE)
    return ChatRoom.objects.filter(shown)


def of_one(reader: UserId | None, room: ChatRoom | None) -> RoomSummary | Access:
    """Return a room as a reader sees it, or the access that keeps them from seeing it."""
    key = room.pk if room is not None else 0
    standing = permissions.standings([(key, reader)])[key, reader]
    may = permissions.access(room, standing) if room is not None else permissions.NOBODY
    if room is None or not may.see:
        return may
    return _described(reader, [(room, standing, may)])[0]


def _described(
    reader: UserId | None, judged: Sequence[tuple[ChatRoom, permissions.Standing, Access]]
) -> list[RoomSummary]:
    plain = {room.pk: _of_all(room, may) for room, _standing, may in judged}
    if reader is None:
        return list(plain.values())
    shares = unread.shares(reader, plain)
    mutes = _mutes(reader, plain)
    people = _people([room.pk for room, _s, _a in judged if room.visibility == Visibility.DIRECT])
    summaries = []
    for room, standing, _may in judged:
        share, two = shares[room.pk], people.get(room.pk, {})
        companion = _companion(reader, two)
        summaries.append(
            replace(
                plain[room.pk],
                name=companion.name if companion is not None else _called(room, two),
                role=standing.role,
                with_=companion,
                read=share.read,
                unread=share.unread,
                mentions=share.mentions,
                muted=share.muted,
                muted_until=mutes.get(room.pk),
            )
        )
    return summaries


def _of_all(room: ChatRoom, may: Access) -> RoomSummary:
    """Return what everybody who may see the room sees of it."""
    return RoomSummary(
        room=room.slug,
        name=room.name,
        topic=room.topic,
        last_id=room.last_message_id,
        access=may,
        archived=room.archived_at is not None,
        private=room.visibility == Visibility.PRIVATE,
        visibility=room.visibility,
        read_only=room.read_only,
        open_to_guests=room.open_to_guests,
        slow_mode=room.slow_mode_s,
    )


def _mutes(reader: Any, rooms: Collection[int]) -> dict[int, datetime | Literal[""]]:
    """Return until when the reader may not post, by room."""
    rows = Mute.objects.filter(in_force(), user=reader, room__in=list(rooms))
    return {room: until or "" for room, until in rows.values_list("room", "until")}


def _people(rooms: Sequence[int]) -> dict[int, dict[UserId, Author]]:
    """Return the two people of each room of two, by their ids, without those whose accounts are gone."""
    found: dict[int, dict[UserId, Author]] = {}
    for row in Membership.objects.filter(room__in=rooms).select_related("user").order_by("pk"):
        one = accounts.author(row.user)
        found.setdefault(row.room_id, {})[one.id] = one
    return found


def _companion(reader: UserId, two: Mapping[UserId, Author]) -> Author | None:
    """Return the other of two people, where the reader is one of them and the other is still there."""
    others = [one for key, one in two.items() if key != reader]
    return others[0] if others and reader in two else None


def _called(room: ChatRoom, two: Mapping[UserId, Author]) -> str:
    """Return a room's name; of one of two people, what they are called now while both are there."""
    return ", ".join(one.name for one in two.values()) if len(two) > 1 else room.name
