"""The wire of rooms and people: bodies of requests into checked values, answers into JSON. No framework.

Of a body, the shape is judged here; what its fields may hold, by `rooms.bounds`, which names them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from realtime.errors import BadRequest
from realtime.wire import Cursor, Nonce, Slug, echoing, encode, encode_message, moment_text, told_plainly
from rooms.actions import Settlement

if TYPE_CHECKING:
    from rooms.answers import Invitation, Invited, Member, Members, OpenReport, Reading, Sanctioned
    from rooms.messages import Author, Identity, Posted, RoomSummary

Person = int | Annotated[str, msgspec.Meta(pattern="^[^\\x00-\\x1f\\ud800-\\udfff]{1,255}\\Z")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


# What comes in.


class NewRoom(msgspec.Struct, frozen=True):
    """The body of POST /api/rooms."""

    name: str
    room: Slug | None = None
    topic: str = ""
    private: bool = False


class RoomChanges(msgspec.Struct, frozen=True):
    """The body of PATCH /api/rooms/{room}: what is there is changed."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    topic: str | msgspec.UnsetType = msgspec.UNSET
    private: bool | msgspec.UnsetType = msgspec.UNSET
    open_to_guests: bool | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET
    read_only: bool | msgspec.UnsetType = msgspec.UNSET
    slow_mode: int | msgspec.UnsetType = msgspec.UNSET
    keep_days: int | msgspec.UnsetType | None = msgspec.UNSET


class DirectWith(msgspec.Struct, frozen=True):
    """The body of POST /api/direct."""

    user: Person


class InRole(msgspec.Struct, frozen=True):
    """The body of PUT …/members/{user}."""

    role: Literal["owner", "moderator", "member"] = "member"


class Because(msgspec.Struct, frozen=True):
    """The body of what has a reason, and nothing else."""

    reason: str | None = None


class ForMinutes(msgspec.Struct, frozen=True):
    """The body of PUT …/mutes/{user} and its like: without minutes, for good."""

    minutes: int | None = None
    reason: str | None = None


class AllOf(msgspec.Struct, frozen=True):
    """The body of POST …/redactions."""

    user: Person
    since: Moment | None = None
    reason: str | None = None


class ReactionBody(msgspec.Struct, frozen=True):
    """The body of POST and DELETE …/reactions."""

    body: str
    nonce: Nonce | None = None


class Settling(msgspec.Struct, frozen=True):
    """The body of POST /api/reports/{report}."""

    settlement: Settlement
    minutes: int | None = None
    reason: str | None = None


class ReadUpTo(msgspec.Struct, frozen=True):
    """The body of PUT …/read."""

    id: Cursor


class Quiet(msgspec.Struct, frozen=True):
    """The body of PUT …/muted."""

    muted: bool


class NewInvitation(msgspec.Struct, frozen=True):
    """The body of POST …/invitations."""

    seconds: int = 7 * 24 * 3600
    uses: int = 1


class WithToken(msgspec.Struct, frozen=True):
    """The body of POST /api/invitations."""

    token: str


Body = TypeVar(
    "Body",
    NewRoom, RoomChanges, DirectWith, InRole, Because, ForMinutes, AllOf, ReactionBody, Settling, ReadUpTo,
    Quiet, NewInvitation, WithToken,
)  # fmt: skip


def decode(kind: type[Body], content_type: str, data: bytes) -> Body:
    """Return a request's body, which is JSON; an empty one has no fields.

    Raises:
        BadRequest: the detail names the field; a nonce that can be read is echoed.
    """
    if content_type.partition(";")[0].strip().lower() not in {"", "application/json"}:
        raise BadRequest("Content-Type: it is application/json")
    data = data or b"{}"
    try:
        with told_plainly():
            return msgspec.json.decode(data, type=kind)
    except BadRequest as refusal:
        if kind is ReactionBody:
            raise echoing(refusal, data) from None
        raise


# What goes out.


def encode_rooms(reader: Identity | None, epoch: str, rooms: Iterable[RoomSummary]) -> bytes:
    """Return the answer to GET /api/rooms."""
    user = {"user": {"id": reader.user_id, "name": reader.name}} if reader else {}
    return encode(user | {"epoch": epoch, "rooms": [_room(room) for room in rooms]})


def encode_room(room: RoomSummary) -> bytes:
    """Return a room."""
    return encode(_room(room))


def _room(room: RoomSummary) -> dict[str, Any]:
    optional = {
        "role": room.role,
        "with": _author(room.with_) if room.with_ else None,
        "read": room.read,
        "unread": room.unread,
        "mentions": room.mentions,
        "muted": room.muted or None,
        "muted_until": _until(room.muted_until),
    }
    return {
        "room": room.room,
        "name": room.name,
        "topic": room.topic,
        "last_id": room.last_id,
        "visibility": room.visibility,
        "archived": room.archived,
        "read_only": room.read_only,
        "open_to_guests": room.open_to_guests,
        "slow_mode": room.slow_mode,
        "post": room.access.post,
        "moderate": room.access.moderate,
        "manage": room.access.manage,
    } | _present(optional)


def _until(moment: datetime | str | None) -> str | None:
    """Return when something ends: "" is for never, None for what is not."""
    return moment_text(moment) if isinstance(moment, datetime) else moment


def encode_member(member: Member) -> bytes:
    """Return somebody who belongs to a room."""
    return encode(_member(member))


def encode_members(members: Members) -> bytes:
    """Return the answer to GET …/members."""
    return encode({"members": [_member(member) for member in members.members], "more": members.more})


def _member(member: Member) -> dict[str, Any]:
    return {"user": _author(member.user), "role": member.role, "since": moment_text(member.since)}


def encode_sanction(sanctioned: Sanctioned) -> bytes:
    """Return a mute or a ban."""
    return encode(_sanction(sanctioned))


def encode_sanctions(name: str, sanctions: Iterable[Sanctioned]) -> bytes:
    """Return the answer to GET …/mutes or …/bans, as `name` says."""
    return encode({name: [_sanction(one) for one in sanctions]})


def _sanction(sanctioned: Sanctioned) -> dict[str, Any]:
    return _present(
        {
            "user": _author(sanctioned.user),
            "reason": sanctioned.reason,
            "since": moment_text(sanctioned.since),
            "until": moment_text(sanctioned.until) if sanctioned.until else None,
        }
    )


def encode_invited(invited: Invited, url: str) -> bytes:
    """Return a link into a room, which is told once."""
    return encode(
        {
            "invitation": invited.invitation,
            "url": url,
            "expires_at": moment_text(invited.expires_at),
            "uses": invited.uses,
        }
    )


def encode_invitations(invitations: Iterable[Invitation]) -> bytes:
    """Return the answer to GET …/invitations."""
    return encode({"invitations": [_invitation(one) for one in invitations]})


def _invitation(invitation: Invitation) -> dict[str, Any]:
    return _present(
        {
            "invitation": invitation.invitation,
            "made_by": _author(invitation.made_by) if invitation.made_by else None,
            "expires_at": moment_text(invitation.expires_at),
            "uses": invitation.uses,
        }
    )


def encode_reading(reading: Reading) -> bytes:
    """Return how far somebody has read."""
    return encode({"read": reading.read, "unread": reading.unread, "mentions": reading.mentions})


def encode_reports(reports: Iterable[OpenReport]) -> bytes:
    """Return the answer to GET /api/reports."""
    return b'{"reports":[%b]}' % b",".join(_report(one) for one in reports)


def _report(report: OpenReport) -> bytes:
    told = {
        "report": report.report,
        "room": report.room,
        "message": msgspec.Raw(encode_message(report.message)),
        "reporter": _author(report.reporter),
        "reason": report.reason,
        "created_at": moment_text(report.created_at),
    }
    return encode(told)


def encode_found(messages: Sequence[Posted], *, more: bool) -> bytes:
    """Return the answer to GET /api/search."""
    told: dict[str, Any] = {"messages": [msgspec.Raw(encode_message(one)) for one in messages], "more": more}
    return encode(told | ({"before": messages[-1].id} if more and messages else {}))


ROOMS = encode({"type": "rooms"})
"""The frame that tells somebody that their list of rooms is not what it was."""


def encode_read(room: str, up_to: int) -> bytes:
    """Return the frame that tells somebody's other connections how far they have read."""
    return encode({"type": "read", "room": room, "id": up_to})


def _author(author: Author) -> dict[str, Any]:
    return {"id": author.id, "name": author.name}


def _present(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
