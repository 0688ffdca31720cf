"""What performing an action answers: frozen values that cross threads. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rooms.messages import Author, Posted


@dataclass(frozen=True, slots=True)
class Opened:
    """A room that somebody made, opened or was let into. `fresh` is False where it was theirs before."""

    room: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who belongs to a room, as what, and since when."""

    user: Author
    role: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Members:
    """Some of those who belong to a room, in the order of their keys, and whether there are more."""

    members: tuple[Member, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Invited:
    """A link into a room. Its token is told this once."""

    invitation: int
    token: str = field(repr=False)
    expires_at: datetime
    uses: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link into a room that is still good, as moderators see it. `made_by` is None where the server is."""

    invitation: int
    made_by: Author | None
    expires_at: datetime
    uses: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How far somebody has read, and what came since: both counts go up to 100, which stands for more."""

    read: int
    unread: int
    mentions: int


@dataclass(frozen=True, slots=True)
class Sanctioned:
    """Somebody is muted or banned in a room, why, since when, till when (None: for good)."""

    user: Author
    reason: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Reported:
    """The report that somebody made of a message. `fresh` is False where they had made it before."""

    report: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class OpenReport:
    """A report that nobody has taken care of, and the message as it reads now."""

    report: int
    room: str
    message: Posted
    reporter: Author
    reason: str
    created_at: datetime
