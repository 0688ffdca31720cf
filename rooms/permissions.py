"""Who may see, post and moderate. One rule, asked at every door."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import TYPE_CHECKING, Any

from rooms import accounts, statements
from rooms.actions import Deed
from rooms.messages import Access, Code, UserId, Versions
from rooms.models import ChatRoom, Membership, SiteState
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
    muted: bool = False


GUEST = Standing(known=False)


class Need(Enum):
    """What somebody must be to do something in a room that they see."""

    SIGHT = auto()
    ACCOUNT = auto()
    POSTING = auto()
    MODERATION = auto()
    MANAGEMENT = auto()
    STAFF = auto()


NEEDS = {
    Deed.SEE: Need.SIGHT,
    Deed.POST: Need.POSTING,
    Deed.REACT: Need.POSTING,
    Deed.EDIT_OWN: Need.POSTING,
    Deed.REDACT_OWN: Need.ACCOUNT,
    Deed.REDACT: Need.MODERATION,
    Deed.MARK_READ: Need.ACCOUNT,
    Deed.MUTE_FOR_ONESELF: Need.ACCOUNT,
    Deed.REPORT: Need.ACCOUNT,
    Deed.JOIN: Need.ACCOUNT,
    Deed.LEAVE: Need.ACCOUNT,
    Deed.REDACT_ALL_OF: Need.MODERATION,
    Deed.MUTE: Need.MODERATION,
    Deed.UNMUTE: Need.MODERATION,
    Deed.BAN: Need.MODERATION,
    Deed.UNBAN: Need.MODERATION,
    Deed.SET_SLOW_MODE: Need.MODERATION,
    Deed.SET_TOPIC: Need.MODERATION,
    Deed.SEE_REPORTS: Need.MODERATION,
    Deed.SETTLE_REPORT: Need.MODERATION,
    Deed.INVITE: Need.MODERATION,
    Deed.REVOKE_INVITATION: Need.MODERATION,
    Deed.REMOVE: Need.MODERATION,
    Deed.RENAME: Need.MANAGEMENT,
    Deed.SET_READ_ONLY: Need.MANAGEMENT,
    Deed.ARCHIVE: Need.MANAGEMENT,
    Deed.SET_VISIBILITY: Need.MANAGEMENT,
    Deed.OPEN_TO_GUESTS: Need.MANAGEMENT,
    Deed.SET_KEEP_DAYS: Need.STAFF,
    Deed.SET_ROLE: Need.MANAGEMENT,
    Deed.PURGE: Need.STAFF,
}
"""What each deed in a room needs. Those of `Deed` that are not here are not done in a room."""

NOT_IN_DIRECT = frozenset(
    {
        Deed.JOIN, Deed.LEAVE, Deed.INVITE, Deed.REVOKE_INVITATION, Deed.REMOVE, Deed.SET_ROLE, Deed.RENAME,
        Deed.SET_TOPIC, Deed.SET_VISIBILITY, Deed.OPEN_TO_GUESTS, Deed.BAN, Deed.UNBAN, Deed.SET_READ_ONLY,
        Deed.SET_SLOW_MODE,
    }
)  # fmt: skip
"""What nobody does in a room of two, whoever they are."""


class Rank(IntEnum):
    """Whom somebody can be overruled by: those above, never their equals."""

    MEMBER = 0
    MODERATOR = 1
    OWNER = 2
    STAFF = 3


def rank(role: str | None, *, staff: bool) -> Rank:
    """Return the rank of somebody with this role in a room, None where they have none. Pure: no query."""
    if staff:
        return Rank.STAFF
    return {Membership.Role.OWNER.value: Rank.OWNER, Membership.Role.MODERATOR.value: Rank.MODERATOR}.get(
        role or "", Rank.MEMBER
    )


def rank_in(room: ChatRoom | None, user: Any) -> Rank:
    """Return the rank of an account in a room, whether or not the account may be used just now.

    Somebody suspended for an hour is not to be found stripped of everything afterwards.
    """
    roles = Membership.objects.filter(room=room, user=user).values_list("role", flat=True)
    return rank(roles.first(), staff=user.is_staff)


def access(room: ChatRoom, standing: Standing) -> Access:
    """Return what somebody of this standing may do in a room. Pure: no query."""
    closed = room.visibility != ChatRoom.Visibility.PUBLIC
    moderate = standing.staff or (standing.role in MODERATORS and not standing.banned)
    manage = standing.staff or (standing.role == Membership.Role.OWNER and not standing.banned)
    if not moderate:
        refusal = _refusal(room, standing, private=closed)
        if refusal is not None:
            return Access(see=False, post=False, moderate=False, refusal=refusal)
    open_to_posts = room.archived_at is None and (moderate or not room.read_only)
    silenced = standing.muted and not standing.staff
    return Access(
        see=True, post=standing.known and open_to_posts and not silenced, moderate=moderate, manage=manage
    )


def is_out_of_place(deed: Deed, room: ChatRoom) -> bool:
    """Tell whether a deed makes no sense in a room of two, whoever asks. Pure: no query."""
    return room.visibility == ChatRoom.Visibility.DIRECT and deed in NOT_IN_DIRECT


def may(deed: Deed, room: ChatRoom, standing: Standing) -> bool:
    """Tell whether somebody of this standing may do this in a room. Pure: no query."""
    allowed = access(room, standing)
    if not allowed.see or is_out_of_place(deed, room):
        return False
    return {
        Need.SIGHT: True,
        Need.ACCOUNT: standing.known,
        Need.POSTING: allowed.post,
        Need.MODERATION: allowed.moderate,
        Need.MANAGEMENT: allowed.manage,
        Need.STAFF: standing.staff,
    }[NEEDS[deed]]


def may_on_site(deed: Deed, standing: Standing) -> bool:
    """Tell whether somebody of this standing may do what is done in no room. Pure: no query."""
    if deed in {Deed.SUSPEND, Deed.UNSUSPEND}:
        return standing.staff
    if deed is Deed.CREATE_ROOM and not options.members_create_rooms:
        return standing.staff
    return standing.known


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
    """Return the standing of each reader in each room (its key), in two queries however many they are.

    `known` are the users among the readers, by id, where the caller has them already: one query less.
    """
    rooms = {room for room, _user in pairs}
    found = accounts.users_by_id(user for _room, user in pairs) if known is None else known
    users = {key: user for key, user in found.items() if accounts.holds(user)}
    kept = _kept(list(rooms), list(users))
    return {
        (room, user): Standing(
            known=True,
            staff=users[user].is_staff,
            role=next((kind for kind in kept[room, user] if kind in Membership.Role.values), None),
            banned=statements.BANNED in kept[room, user],
            muted=statements.MUTED in kept[room, user],
        )
        if user in users
        else GUEST
        for room, user in pairs
    }


def _kept(rooms: list[int], users: list[Any]) -> Mapping[tuple[int, UserId], set[str]]:
    """Return what rooms keep about people, in one query: their role, and which sanctions are in force."""
    found: dict[tuple[int, UserId], set[str]] = defaultdict(set)
    for room, user, word in statements.kept_about(rooms, users) if rooms and users else ():
        found[room, user].add(word)
    return found


def who_may(slug: str, readers: Collection[UserId | None]) -> tuple[Versions, dict[UserId | None, Access]]:
    """Return what each reader may do in a room, and the versions by which that was judged.

    The versions are read first, so that the answer is at least as new as they say.
    """
    site = SiteState.current()
    room = ChatRoom.objects.filter(slug=slug).first()
    versions = Versions(site.epoch, site.access_version, room.access_version if room else 0)
    found = standings([(room.pk if room else 0, reader) for reader in readers])
    return versions, {reader: access(room, found[room.pk, reader]) if room else NOBODY for reader in readers}
