"""Who belongs to a room, and as what. A room that has an owner keeps one, unless their account is deleted."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from rooms import accounts, bounds, history, log, pace, permissions, reading
from rooms.actions import Join, Leave, OpenDirect, Remove, SetRole
from rooms.answers import Member, Members, Opened
from rooms.doing import NO_PERSON
from rooms.messages import Code, Event, Refused, UserId
from rooms.models import Ban, ChatRoom, Membership
from rooms.people import in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms.actions import Action
    from rooms.doing import Doing

Role = Membership.Role

PRIVATE = Refused(Code.FORBIDDEN, "This room is private: somebody who belongs to it lets people in.")
LAST_OWNER = Refused(Code.FORBIDDEN, "The last owner stays one: make somebody else an owner first.")
BANNED = Refused(Code.FORBIDDEN, "They are banned from this room: lift the ban first.")


def join(doing: Doing, _action: Join) -> Member:
    """Belong to a public room. Who does already, does.

    Raises:
        rooms.log.Refusal: it is private.
    """
    user = doing.somebody()
    row = _row(doing.here, user)
    if row is not None:
        return _member(row)
    if doing.here.visibility != ChatRoom.Visibility.PUBLIC and not doing.trusted:
        raise log.Refusal(PRIVATE)
    return _member(let_in(doing, doing.here, user))


def let_in(doing: Doing, room: ChatRoom, user: Any, role: str = Role.MEMBER.value) -> Membership:
    """Have somebody belong to a room who does not, and tell it. The room is locked."""
    row = Membership.objects.create(room=room, user=user, role=role)
    reading.begin(room, [user])
    doing.tell(Event.JOINED, user, room=room)
    if role != Role.MEMBER:
        doing.tell(Event.ROLE, user, role, room=room)
    return row


def leave(doing: Doing, _action: Leave) -> None:
    """Belong to a room no more. Who does not, does not.

    Raises:
        rooms.log.Refusal: they are its last owner.
    """
    _let_go(doing, doing.somebody(), Event.LEFT)


def remove(doing: Doing, action: Remove) -> None:
    """Let somebody belong to a room no more. Who removes themselves leaves.

    Raises:
        rooms.log.Refusal: there is no such person, or their rank is not below that of who asks, or they are
            the last owner.
    """
    reason = bounds.line("reason", action.reason, bounds.REASON_LENGTH)
    user = doing.below(action.user)
    if doing.is_own(user):
        _let_go(doing, user, Event.LEFT)
    elif _let_go(doing, user, Event.REMOVED):
        doing.note(action.deed, user, reason=reason)


def _let_go(doing: Doing, user: Any, event: Event) -> bool:
    """Take somebody's membership away, and tell whether they had one."""
    row = _row(doing.here, user)
    if row is None:
        return False
    _keep_an_owner(row)
    row.delete()
    doing.tell(event, user)
    return True


def set_role(doing: Doing, action: SetRole) -> Member:
    """Give somebody a role; who did not belong to the room then does.

    Raises:
        rooms.log.Refusal: there is no such role or person, or it takes something from somebody whose rank is
            not below that of who asks, or from the last owner, or the person is banned.
    """
    if action.role not in Role.values:
        raise bounds.refusal("role", "one of %(roles)s.", roles=", ".join(Role.values))
    user = doing.person(action.user)
    row = _row(doing.here, user)
    if row is None:
        row = _added(doing, user, action.role)
    elif row.role == action.role:
        return _member(row)
    else:
        _give(doing, row, action.role)
    doing.note(action.deed, user, details={"role": action.role})
    return _member(row)


def _added(doing: Doing, user: Any, role: str) -> Membership:
    if not accounts.holds(user):
        raise log.Refusal(NO_PERSON)
    if Ban.objects.filter(in_force(), room=doing.here, user=user).exists():
        raise log.Refusal(BANNED)
    return let_in(doing, doing.here, user, role)


def _give(doing: Doing, row: Membership, role: str) -> None:
    if permissions.rank(role, staff=False) < permissions.rank(row.role, staff=False):
        doing.below(accounts.wire_id(row.user_id))
        _keep_an_owner(row)
    row.role = role
    row.save()
    doing.tell(Event.ROLE, row.user, role)


def _keep_an_owner(row: Membership) -> None:
    """Refuse to take the last owner of a room from it.

    Raises:
        rooms.log.Refusal: this is one.
    """
    others = Membership.objects.filter(room=row.room_id, role=Role.OWNER).exclude(pk=row.pk)
    if row.role == Role.OWNER and not others.exists():
        raise log.Refusal(LAST_OWNER)


def open_direct(doing: Doing, action: OpenDirect) -> Opened:
    """Open the room of oneself and another. They have one, whoever of them asks, and however often.

    Raises:
        rooms.log.Refusal: there is no such person, or their account is not in use, or it is oneself, or it
            would be new, and one has made too many rooms of late.
    """
    user, other = doing.somebody(), doing.person(action.user)
    if doing.is_own(other):
        raise bounds.refusal("user", "a direct room is one with somebody else.")
    if not accounts.holds(other):
        raise log.Refusal(NO_PERSON)
    pair = _pair(user, other)
    return _found(pair) or _made(doing, pair, user, other) or _found_now(pair)


def _pair(*people: Any) -> str:
    """Return the keys of two people as one text that no other two have.

    Where a key holds a colon itself, it begins with how long the first is.
    """
    first, second = sorted(str(accounts.wire_id(one.pk)) for one in people)
    pair = f"{first}:{second}"
    return pair if pair.count(":") == 1 else f"{len(first)}:{pair}"


def _found(pair: str) -> Opened | None:
    slug = ChatRoom.objects.filter(pair=pair).values_list("slug", flat=True).first()
    return Opened(slug, fresh=False) if slug is not None else None


def _found_now(pair: str) -> Opened:
    """Return the room that somebody made at the same moment."""
    return Opened(ChatRoom.objects.values_list("slug", flat=True).get(pair=pair), fresh=False)


def _made(doing: Doing, pair: str, *people: Any) -> Opened | None:
    """Return a new room of two people, None where one is there after all.

    Raises:
        rooms.log.Refusal: who asks made too many of late.
    """
    pace.check_rooms(doing)
    names = ", ".join(accounts.display_name(one) for one in people)
    try:
        with transaction.atomic():
            room = ChatRoom.objects.create(
                slug=f"direct-{secrets.token_hex(12)}",
                name=names[: ChatRoom._meta.get_field("name").max_length],
                visibility=ChatRoom.Visibility.DIRECT,
                pair=pair,
            )
    except IntegrityError:
        return None
    Membership.objects.bulk_create([Membership(room=room, user=one) for one in people])
    reading.begin(room, people)
    doing.tell(Event.CREATED, people[-1], room=room)
    return Opened(room.slug, fresh=True)


def members(reader: UserId | None, slug: str, after: UserId | None, limit: int) -> Members | Refused:
    """Return at most `limit` of those who belong to a room, after a key, or why a reader gets none."""
    room = ChatRoom.objects.filter(slug=slug).first()
    key = room.pk if room is not None else 0
    standing = permissions.standings([(key, reader)])[key, reader]
    may = permissions.access(room, standing) if room is not None else permissions.NOBODY
    if not may.see:
        return history.WHY_UNSEEN[may.refusal or Code.NOT_FOUND]
    if not standing.known:
        return history.WHY_UNSEEN[Code.NOT_AUTHENTICATED]
    rows = Membership.objects.filter(room=room).select_related("user").order_by("user_id")
    if after is not None:
        cursor = accounts.key_of(after)
        if cursor is None:
            return Refused(Code.BAD_REQUEST, "after: not the id of a person.")
        rows = rows.filter(user_id__gt=cursor)
    found = [_member(row) for row in rows[: limit + 1]]
    return Members(tuple(found[:limit]), len(found) > limit)


def _row(room: ChatRoom, user: Any) -> Membership | None:
    # Locked, since the deletion of their account removes it without a lock on the room.
    rows = Membership.objects.select_for_update(of=("self",)).filter(room=room, user=user)
    return rows.select_related("user").first()


def _member(row: Membership) -> Member:
    return Member(accounts.author(row.user), row.role, row.created_at)


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {
    Join: join,
    Leave: leave,
    Remove: remove,
    SetRole: set_role,
    OpenDirect: open_direct,
}
