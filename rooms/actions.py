"""What people may ask of a room beyond messages: frozen values, performed by `rooms.acting`.

Standard library only. A room is named by its slug, a person by the key of the account as the wire shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from rooms.messages import UserId


class Deed(StrEnum):
    """Everything that somebody may or may not do. `rooms.permissions` knows who may."""

    # in the log
    SEE = "see"
    POST = "post"
    REACT = "react"
    EDIT_OWN = "edit_own"
    REDACT_OWN = "redact_own"
    REDACT = "redact"
    # for oneself
    MARK_READ = "mark_read"
    MUTE_FOR_ONESELF = "mute_for_oneself"
    REPORT = "report"
    JOIN = "join"
    LEAVE = "leave"
    # moderation
    REDACT_ALL_OF = "redact_all_of"
    MUTE = "mute"
    UNMUTE = "unmute"
    BAN = "ban"
    UNBAN = "unban"
    SET_SLOW_MODE = "set_slow_mode"
    SET_TOPIC = "set_topic"
    SEE_REPORTS = "see_reports"
    SETTLE_REPORT = "settle_report"
    INVITE = "invite"
    REVOKE_INVITATION = "revoke_invitation"
    REMOVE = "remove"
    # running a room
    RENAME = "rename"
    SET_READ_ONLY = "set_read_only"
    ARCHIVE = "archive"
    SET_VISIBILITY = "set_visibility"
    OPEN_TO_GUESTS = "open_to_guests"
    SET_KEEP_DAYS = "set_keep_days"
    SET_ROLE = "set_role"
    # the site
    CREATE_ROOM = "create_room"
    OPEN_DIRECT = "open_direct"
    ACCEPT_INVITATION = "accept_invitation"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    PURGE = "purge"


class Settlement(StrEnum):
    """How a report is taken care of."""

    DISMISSED = "dismissed"
    REDACTED = "redacted"
    MUTED = "muted"
    BANNED = "banned"


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Make a room, and own it. Without a slug one is made of the name."""

    name: str
    slug: str | None = None
    topic: str = ""
    private: bool = False
    deed: ClassVar[Deed] = Deed.CREATE_ROOM


@dataclass(frozen=True, slots=True)
class OpenDirect:
    """Open the room of oneself and another, made where they have none yet."""

    user: UserId
    deed: ClassVar[Deed] = Deed.OPEN_DIRECT


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a room another name; its slug stays."""

    room: str
    name: str
    deed: ClassVar[Deed] = Deed.RENAME


@dataclass(frozen=True, slots=True)
class SetTopic:
    """Say what a room is about; "" says nothing."""

    room: str
    topic: str
    deed: ClassVar[Deed] = Deed.SET_TOPIC


@dataclass(frozen=True, slots=True)
class SetVisibility:
    """Make a room private, or public. Whoever makes it private belongs to it."""

    room: str
    private: bool
    deed: ClassVar[Deed] = Deed.SET_VISIBILITY


@dataclass(frozen=True, slots=True)
class OpenToGuests:
    """Let guests read a public room, or not."""

    room: str
    open_to_guests: bool
    deed: ClassVar[Deed] = Deed.OPEN_TO_GUESTS


@dataclass(frozen=True, slots=True)
class Archive:
    """Close a room to posts for good, or open it again."""

    room: str
    archived: bool = True
    deed: ClassVar[Deed] = Deed.ARCHIVE


@dataclass(frozen=True, slots=True)
class SetReadOnly:
    """Let moderators alone post, or everybody again."""

    room: str
    read_only: bool = True
    deed: ClassVar[Deed] = Deed.SET_READ_ONLY


@dataclass(frozen=True, slots=True)
class SetSlowMode:
    """Let each member post once in so many seconds; 0: as often as they like."""

    room: str
    seconds: int
    deed: ClassVar[Deed] = Deed.SET_SLOW_MODE


@dataclass(frozen=True, slots=True)
class SetKeepDays:
    """Keep a room's text for so many days; 0: for good; None: as the site's setting says."""

    room: str
    days: int | None
    deed: ClassVar[Deed] = Deed.SET_KEEP_DAYS


@dataclass(frozen=True, slots=True)
class Join:
    """Belong to a public room."""

    room: str
    deed: ClassVar[Deed] = Deed.JOIN


@dataclass(frozen=True, slots=True)
class Leave:
    """Belong to a room no more. The last owner cannot."""

    room: str
    deed: ClassVar[Deed] = Deed.LEAVE


@dataclass(frozen=True, slots=True)
class SetRole:
    """Give somebody a role in a room (owner, moderator, member); who did not belong to it then does."""

    room: str
    user: UserId
    role: str = "member"
    deed: ClassVar[Deed] = Deed.SET_ROLE


@dataclass(frozen=True, slots=True)
class Remove:
    """Let somebody belong to a room no more."""

    room: str
    user: UserId
    reason: str = ""
    deed: ClassVar[Deed] = Deed.REMOVE


@dataclass(frozen=True, slots=True)
class Invite:
    """Make a link into a room, good for so many seconds and so many uses."""

    room: str
    seconds: int = 7 * 24 * 3600
    uses: int = 1
    deed: ClassVar[Deed] = Deed.INVITE


@dataclass(frozen=True, slots=True)
class RevokeInvitation:
    """Make a link lead nowhere."""

    room: str
    invitation: int
    deed: ClassVar[Deed] = Deed.REVOKE_INVITATION


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """Belong to the room that a link leads into."""

    token: str
    deed: ClassVar[Deed] = Deed.ACCEPT_INVITATION


@dataclass(frozen=True, slots=True)
class MutePerson:
    """Let somebody read and not post, for so many minutes (None: for good)."""

    room: str
    user: UserId
    minutes: int | None = None
    reason: str = ""
    deed: ClassVar[Deed] = Deed.MUTE


@dataclass(frozen=True, slots=True)
class Unmute:
    """Let somebody post again."""

    room: str
    user: UserId
    deed: ClassVar[Deed] = Deed.UNMUTE


@dataclass(frozen=True, slots=True)
class BanPerson:
    """Shut somebody out of a room, for so many minutes (None: for good)."""

    room: str
    user: UserId
    minutes: int | None = None
    reason: str = ""
    deed: ClassVar[Deed] = Deed.BAN


@dataclass(frozen=True, slots=True)
class Unban:
    """Let somebody in again."""

    room: str
    user: UserId
    deed: ClassVar[Deed] = Deed.UNBAN


@dataclass(frozen=True, slots=True)
class RedactAllOf:
    """Redact all that somebody said in a room since a moment (None: ever)."""

    room: str
    user: UserId
    since: datetime | None = None
    reason: str = ""
    deed: ClassVar[Deed] = Deed.REDACT_ALL_OF


@dataclass(frozen=True, slots=True)
class ReportMessage:
    """Tell the moderators of a message."""

    room: str
    message: int
    reason: str = ""
    deed: ClassVar[Deed] = Deed.REPORT


@dataclass(frozen=True, slots=True)
class SettleReport:
    """Take care of a report; with it, of all open reports of the same message."""

    report: int
    settlement: Settlement
    minutes: int | None = None
    reason: str = ""
    deed: ClassVar[Deed] = Deed.SETTLE_REPORT


@dataclass(frozen=True, slots=True)
class Suspend:
    """Shut somebody out of the site, for so many minutes (None: for good)."""

    user: UserId
    minutes: int | None = None
    reason: str = ""
    deed: ClassVar[Deed] = Deed.SUSPEND


@dataclass(frozen=True, slots=True)
class Unsuspend:
    """Let somebody into the site again."""

    user: UserId
    deed: ClassVar[Deed] = Deed.UNSUSPEND


@dataclass(frozen=True, slots=True)
class Purge:
    """Remove for good the text withheld from a message and its edits."""

    room: str
    message: int
    deed: ClassVar[Deed] = Deed.PURGE


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Have read a room up to an id."""

    room: str
    id: int
    deed: ClassVar[Deed] = Deed.MARK_READ


@dataclass(frozen=True, slots=True)
class MuteForOneself:
    """Be told of nothing in a room, or of everything again."""

    room: str
    muted: bool = True
    deed: ClassVar[Deed] = Deed.MUTE_FOR_ONESELF


RoomAction = (
    Rename | SetTopic | SetVisibility | OpenToGuests | Archive | SetReadOnly | SetSlowMode | SetKeepDays
    | Join | Leave | SetRole | Remove | Invite | RevokeInvitation
    | MutePerson | Unmute | BanPerson | Unban | RedactAllOf | ReportMessage | Purge
    | MarkRead | MuteForOneself
)  # fmt: skip
Action = RoomAction | CreateRoom | OpenDirect | AcceptInvitation | SettleReport | Suspend | Unsuspend
