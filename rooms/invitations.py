"""Links into rooms: made, listed and revoked by moderators, good till a moment and for so many people.

Only the digest of a token is kept. A link that is not good, for whatever reason, was never there; so is one
whose maker may invite no more: banned, removed, demoted or suspended, they leave no door open behind them.
With their account its links go.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone

from rooms import accounts, answers, bounds, history, log, permissions
from rooms.actions import AcceptInvitation, Deed, Invite, RevokeInvitation
from rooms.membership import let_in
from rooms.messages import Code, Refused
from rooms.models import ChatRoom, Invitation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import QuerySet

    from rooms.actions import Action
    from rooms.doing import Doing
    from rooms.messages import UserId

TOKEN_BYTES = 32
MOST_SECONDS = 90 * 24 * 3600
MOST_USES = 1000
MOST_LINKS = 100
"""How many links into one room are good at a time; those who moderate it see them all."""

NOT_GOOD = Refused(Code.NOT_FOUND, "This invitation is not good, or no longer.")
NO_INVITATION = Refused(Code.NOT_FOUND, "There is no such invitation.")
TOO_MANY = Refused.of(
    Code.FORBIDDEN, "%(most)s links into this room are good already: revoke one first.", most=MOST_LINKS
)
NOT_A_MODERATOR = Refused(Code.FORBIDDEN, "Only moderators see the invitations.")


def invite(doing: Doing, action: Invite) -> answers.Invited:
    """Make a link into the room.

    Raises:
        rooms.log.Refusal: its time or its uses are out of bounds, or there are too many links.
    """
    seconds = bounds.number("seconds", action.seconds, 1, MOST_SECONDS)
    uses = bounds.number("uses", action.uses, 1, MOST_USES)
    if not doing.trusted and len(_good_into(doing.here)) >= MOST_LINKS:
        raise log.Refusal(TOO_MANY)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = Invitation.objects.create(
        room=doing.here,
        digest=_digest(token),
        made_by_id=doing.user.pk if doing.user is not None else None,
        expires_at=timezone.now() + timedelta(seconds=seconds),
        uses_left=uses,
    )
    doing.note(action.deed, details={"invitation": made.pk, "seconds": seconds, "uses": uses})
    return answers.Invited(made.pk, token, made.expires_at, uses)


def revoke(doing: Doing, action: RevokeInvitation) -> None:
    """Have a link lead nowhere.

    Raises:
        rooms.log.Refusal: the room has no such link.
    """
    gone, _rows = Invitation.objects.filter(room=doing.here, pk=action.invitation).delete()
    if not gone:
        raise log.Refusal(NO_INVITATION)
    doing.note(action.deed, details={"invitation": action.invitation})


def accept(doing: Doing, action: AcceptInvitation) -> answers.Opened:
    """Belong to the room that a link leads into. Who does already uses nothing up, of an old link neither.

    Raises:
        rooms.log.Refusal: the link is not good, or they are banned from the room.
    """
    user = doing.somebody()
    if (slug := room_of_member(action.token, doing.key)) is not None:
        return answers.Opened(slug, fresh=False)
    link = _unexpired().filter(digest=_digest(action.token))
    key, maker = link.values_list("room", "made_by").first() or (0, None)
    room = ChatRoom.objects.select_for_update(no_key=True).filter(pk=key).first()
    by = accounts.wire_id(maker) if maker is not None else None
    found = permissions.standings([(key, doing.key), (key, by)])
    standing = found[key, doing.key]
    if room is None or not link.filter(room=room).exists() or not _may_invite(by, room, found):
        raise log.Refusal(NOT_GOOD)
    if standing.banned and not doing.trusted:
        private = room.visibility != ChatRoom.Visibility.PUBLIC
        raise log.Refusal(NOT_GOOD if private else history.WHY_UNSEEN[Code.FORBIDDEN])
    if standing.role is not None:
        return answers.Opened(room.slug, fresh=False)
    if not link.update(uses_left=F("uses_left") - 1):
        raise log.Refusal(NOT_GOOD)
    let_in(doing, room, user)
    doing.note(action.deed, room=room)
    return answers.Opened(room.slug, fresh=True)


def room_of_member(token: str, reader: UserId | None) -> str | None:
    """Return the room that a link leads or led into, where a reader belongs to it and may see it."""
    room = ChatRoom.objects.filter(invitations__digest=_digest(token)).first()
    if room is None:
        return None
    standing = permissions.standings([(room.pk, reader)])[room.pk, reader]
    belongs = standing.role is not None and permissions.access(room, standing).see
    return room.slug if belongs else None


def peek(token: str) -> str | None:
    """Return the name of the room that a link leads into, None where it is not good."""
    link = _unexpired().filter(digest=_digest(token)).select_related("room").first()
    return link.room.name if link is not None and _of_those_who_may([link]) else None


def good(reader: UserId | None, slug: str) -> tuple[answers.Invitation, ...] | Refused:
    """Return the links into a room that are still good, oldest first, or why a reader gets none."""
    room = ChatRoom.objects.filter(slug=slug).first()
    key = room.pk if room is not None else 0
    standing = permissions.standings([(key, reader)])[key, reader]
    may = permissions.access(room, standing) if room is not None else permissions.NOBODY
    if room is None or not may.see:
        return history.WHY_UNSEEN[may.refusal or Code.NOT_FOUND]
    if not permissions.may(Deed.INVITE, room, standing):
        return NOT_A_MODERATOR if standing.known else history.WHY_UNSEEN[Code.NOT_AUTHENTICATED]
    return tuple(
        answers.Invitation(
            row.pk, accounts.author(row.made_by) if row.made_by else None, row.expires_at, row.uses_left
        )
        for row in _good_into(room)
    )


def _good_into(room: ChatRoom) -> list[Invitation]:
    """Return the links into a room that are good, oldest first."""
    links = _unexpired().filter(room=room).select_related("room", "made_by").order_by("pk")
    return _of_those_who_may(links)


def _of_those_who_may(links: Iterable[Invitation]) -> list[Invitation]:
    """Return the links whose makers may still invite, in order."""
    made = [(link, _maker(link)) for link in links]
    found = permissions.standings([(link.room_id, by) for link, by in made])
    return [link for link, by in made if _may_invite(by, link.room, found)]


def _maker(link: Invitation) -> UserId | None:
    key: Any = link.made_by_id
    return accounts.wire_id(key) if key is not None else None


def _may_invite(
    by: UserId | None, room: ChatRoom, found: Mapping[tuple[int, UserId | None], permissions.Standing]
) -> bool:
    """Tell whether a maker may still invite; the server may, whose links name none."""
    return by is None or permissions.may(Deed.INVITE, room, found[room.pk, by])


def _unexpired() -> QuerySet[Invitation]:
    """Return the links that are neither too old nor used up."""
    return Invitation.objects.filter(expires_at__gt=timezone.now(), uses_left__gt=0)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {
    Invite: invite,
    RevokeInvitation: revoke,
    AcceptInvitation: accept,
}
