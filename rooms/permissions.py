"""Who may see, post and moderate. One rule, asked at every door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from rooms import accounts
from rooms.messages import Access, Code, UserId, Versions
from rooms.models import Ban, ChatRoom, Membership, SiteState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

NOBODY = Access(see=False, post=False, moderate=False, refusal=Code.NOT_FOUND)
"""The access of everybody to a room that does not exist."""

MODERATORS = frozenset({Membership.Role.OWNER, Membership.Role.MODERATOR})


@dataclass(frozen=True, slots=True)
class Standing:
    """What a rule needs to know of one reader in one room. `role` is None where there is no membership."""

    known: bool
    staff: bool = False
    role: str | None = None
    banned: bool = False


GUEST = Standing(known=False)


def access(room: ChatRoom, standing: Standing) -> Access:
    """Return what somebody of this standing may do in a room. Pure: no query."""
    private = room.visibility == ChatRoom.Visibility.PRIVATE
    moderate = standing.staff or (standing.role in MODERATORS and not standing.banned)
    if not moderate:
        refusal = _refusal(room, standing, private=private)
        if refusal is not None:
            return Access(see=False, post=False, moderate=False, refusal=refusal)
    open_to_posts = room.archived_at is None and (moderate or not room.read_only)
    return Access(see=True, post=standing.known and open_to_posts, moderate=moderate)


def _refusal(room: ChatRoom, standing: Standing, *, private: bool) -> Code | None:
    """Return how somebody who may not see the room is answered, None where they may."""
    if private and (standing.role is None or standing.banned):
        return Code.NOT_FOUND
    if standing.banned:
        return Code.FORBIDDEN
    if not standing.known and not room.open_to_guests:
        return Code.NOT_AUTHENTICATED
    return None


def standings(
    pairs: Collection[tuple[int, UserId | None]],
    known: Mapping[UserId, Any] | None = None,
) -> dict[tuple[int, UserId | None], Standing]:
    """Return the standing of each reader in each room (its key), in three queries however many they are.

    `known` are the users among the readers, by id, where the caller has them already: one query less.
    """
    rooms = {room for room, _user in pairs}
    found = accounts.users_by_id(user for _room, user in pairs) if known is None else known
    users = {key: user for key, user in found.items() if user.is_active}
    roles = {
        (room, accounts.wire_id(user)): role
        for room, user, role in Membership.objects.filter(room__in=rooms, user__in=list(users)).values_list(
            "room_id", "user_id", "role"
        )
    }
    banned = {(room, accounts.wire_id(user)) for room, user in _bans(rooms, users)}
    return {
        (room, user): Standing(
            known=True,
            staff=users[user].is_staff,
            role=roles.get((room, user)),
            banned=(room, user) in banned,
        )
        if user in users
        else GUEST
        for room, user in pairs
    }


def _bans(rooms: Iterable[int], users: Iterable[UserId]) -> Iterable[tuple[int, object]]:
    in_force = Q(until__isnull=True) | Q(until__gt=timezone.now())
    return Ban.objects.filter(in_force, room__in=list(rooms), user__in=list(users)).values_list(
        "room_id", "user_id"
    )


def who_may(slug: str, readers: Collection[UserId | None]) -> tuple[Versions, dict[UserId | None, Access]]:
    """Return what each reader may do in a room, and the versions by which that was judged.

    The versions are read first, so that the answer is at least as new as they say.
    """
    site = SiteState.current()
    room = ChatRoom.objects.filter(slug=slug).first()
    versions = Versions(site.epoch, site.access_version, room.access_version if room else 0)
    found = standings([(room.pk if room else 0, reader) for reader in readers])
    return versions, {reader: access(room, found[room.pk, reader]) if room else NOBODY for reader in readers}
