"""Rooms of every kind, with somebody of every role in them, and what each deed is done to there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.utils import timezone

from rooms import acting, log
from rooms.actions import (
    AcceptInvitation,
    Action,
    Archive,
    BanPerson,
    CreateRoom,
    Deed,
    Invite,
    Join,
    Leave,
    MarkRead,
    MuteForOneself,
    MutePerson,
    OpenDirect,
    OpenToGuests,
    Purge,
    RedactAllOf,
    Remove,
    Rename,
    ReportMessage,
    RevokeInvitation,
    SetKeepDays,
    SetReadOnly,
    SetRole,
    SetSlowMode,
    Settlement,
    SettleReport,
    SetTopic,
    SetVisibility,
    Suspend,
    Unban,
    Unmute,
    Unsuspend,
)
from rooms.messages import Draft, Kind, new_nonce
from rooms.models import (
    AuditEntry,
    Ban,
    ChatRoom,
    Invitation,
    Membership,
    Message,
    Mute,
    ReadMarker,
    Report,
    Suspension,
    WithheldText,
)
from tests.support_rooms import person


class Role(Enum):
    """What somebody is in a room."""

    GUEST = "g"
    ACCOUNT = "a"
    MEMBER = "m"
    MUTED = "u"
    BANNED = "b"
    MODERATOR = "M"
    OWNER = "O"
    STAFF = "S"


class Sort(Enum):
    """The kinds of room."""

    PUBLIC = "public"
    OPEN = "open"
    READ_ONLY = "read-only"
    ARCHIVED = "archived"
    PRIVATE = "private"
    DIRECT = "direct"


NOT_IN = {Sort.DIRECT: {Role.MODERATOR, Role.OWNER, Role.BANNED}}
"""Who there is none of, in a room of two."""


class World:
    """One room of a kind, with somebody of every role, and somebody of each sort that things are done to."""

    def __init__(self, sort: Sort) -> None:
        """Make it, by trusted code."""
        self.sort = sort
        private = sort in {Sort.PRIVATE, Sort.DIRECT}
        fields: dict[str, Any] = {
            Sort.OPEN: {"open_to_guests": True},
            Sort.READ_ONLY: {"read_only": True},
        }.get(sort, {})
        visibility = ChatRoom.Visibility(sort.value if private else "public")
        self.room = ChatRoom.objects.create(slug=sort.value, name=sort.value, visibility=visibility, **fields)
        self.people: dict[Role, User] = {
            role: self._somebody(role) for role in Role if role is not Role.GUEST
        }
        Membership.objects.create(room=self.room, user=person(f"another-owner-{sort.value}"), role="owner")
        self.clerk = person(f"clerk-{sort.value}", is_staff=True)
        self.subject, self.muted, self.banned = (self._of(name) for name in ("sue", "max", "bea"))
        Mute.objects.create(room=self.room, user=self.muted)
        Ban.objects.create(room=self.room, user=self.banned)
        acting.perform(None, Suspend(self._of("sam").pk), trusted=True)
        self.suspended = User.objects.get(username=f"sam-{sort.value}")
        self.own = {role: self._said(user) for role, user in self.people.items()}
        self.spoken, self.withheld = self._said(self.subject), self._said(self.subject)
        log.redact(self.withheld, None, trusted=True)
        self.report = acting.perform(
            self._of("rob").pk, ReportMessage(self.room.slug, self.spoken.pk), trusted=True
        ).report
        into = self.room
        if sort is Sort.DIRECT:  # nobody is invited there: a link leads somewhere else
            into = ChatRoom.objects.create(slug="elsewhere", name="Elsewhere")
        self.link = acting.perform(None, Invite(into.slug, uses=50), trusted=True)
        if sort is Sort.ARCHIVED:
            self.room.archived_at = timezone.now()
            self.room.save()

    def _somebody(self, role: Role) -> User:
        user = person(f"{role.name.lower()}-{self.sort.value}", is_staff=role is Role.STAFF)
        belongs = {Role.MODERATOR: "moderator", Role.OWNER: "owner"}.get(role, "member")
        if role not in {Role.ACCOUNT, Role.STAFF}:
            Membership.objects.create(room=self.room, user=user, role=belongs)
        if role is Role.STAFF:
            user.user_permissions.set(Permission.objects.filter(content_type__app_label="rooms"))
        if role is Role.MUTED:
            Mute.objects.create(room=self.room, user=user)
        if role is Role.BANNED:
            Ban.objects.create(room=self.room, user=user)
        return user

    def _of(self, name: str) -> User:
        user = person(f"{name}-{self.sort.value}")
        if not name.startswith("sam"):
            Membership.objects.create(room=self.room, user=user)
        return user

    def _said(self, user: User) -> Message:
        return Message.objects.get(pk=log.post(self.room, user, "Said.").id)

    def roles(self) -> Iterator[Role]:
        """Yield the roles that there are in this room."""
        return (role for role in Role if role not in NOT_IN.get(self.sort, ()))

    def key(self, role: Role) -> Any:
        """Return the key of somebody of a role; None for a guest."""
        return None if role is Role.GUEST else self.people[role].pk

    def own_of(self, role: Role) -> Message:
        """Return what somebody said; for a guest, what the subject did."""
        return self.spoken if role is Role.GUEST else self.own[role]

    def action(self, deed: Deed) -> Action:
        """Return the action by which a deed is done here."""
        slug, them = self.room.slug, self.subject.pk
        actions: dict[Deed, Action] = {
            Deed.MARK_READ: MarkRead(slug, self.spoken.pk),
            Deed.MUTE_FOR_ONESELF: MuteForOneself(slug),
            Deed.REPORT: ReportMessage(slug, self.spoken.pk, "It is rude."),
            Deed.JOIN: Join(slug),
            Deed.LEAVE: Leave(slug),
            Deed.REDACT_ALL_OF: RedactAllOf(slug, them),
            Deed.MUTE: MutePerson(slug, them, 5, "Enough."),
            Deed.UNMUTE: Unmute(slug, self.muted.pk),
            Deed.BAN: BanPerson(slug, them, 5, "Enough."),
            Deed.UNBAN: Unban(slug, self.banned.pk),
            Deed.SET_SLOW_MODE: SetSlowMode(slug, 30),
            Deed.SET_TOPIC: SetTopic(slug, "Another"),
            Deed.SETTLE_REPORT: SettleReport(self.report, Settlement.DISMISSED),
            Deed.INVITE: Invite(slug),
            Deed.REVOKE_INVITATION: RevokeInvitation(slug, self.link.invitation),
            Deed.REMOVE: Remove(slug, them),
            Deed.RENAME: Rename(slug, "Another"),
            Deed.SET_READ_ONLY: SetReadOnly(slug, read_only=not self.room.read_only),
            Deed.ARCHIVE: Archive(slug, archived=self.room.archived_at is None),
            Deed.SET_VISIBILITY: SetVisibility(slug, private=self.sort is not Sort.PRIVATE),
            Deed.OPEN_TO_GUESTS: OpenToGuests(slug, open_to_guests=not self.room.open_to_guests),
            Deed.SET_KEEP_DAYS: SetKeepDays(slug, 30),
            Deed.SET_ROLE: SetRole(slug, them, "moderator"),
            Deed.CREATE_ROOM: CreateRoom("Another"),
            Deed.OPEN_DIRECT: OpenDirect(them),
            Deed.ACCEPT_INVITATION: AcceptInvitation(self.link.token),
            Deed.SUSPEND: Suspend(them, 5, "Enough."),
            Deed.UNSUSPEND: Unsuspend(self.suspended.pk),
            Deed.PURGE: Purge(slug, self.withheld.pk),
        }
        return actions[deed]

    def draft(self, deed: Deed, role: Role) -> Draft:
        """Return what is appended to the log for a deed."""
        kind, body, target = {
            Deed.POST: (Kind.MESSAGE, "Hello", None),
            Deed.REACT: (Kind.REACTION, "👍", self.spoken.pk),
            Deed.EDIT_OWN: (Kind.EDIT, "Said better.", self.own_of(role).pk),
            Deed.REDACT_OWN: (Kind.REDACTION, "", self.own_of(role).pk),
            Deed.REDACT: (Kind.REDACTION, "", self.spoken.pk),
        }[deed]
        return Draft(self.room.slug, kind, self.key(role), new_nonce(), body, target)

    def belongs(self, role: Role) -> bool:
        """Tell whether somebody of a role belongs to the room."""
        return role not in {Role.GUEST, Role.ACCOUNT, Role.STAFF}

    def user(self, role: Role) -> User | None:
        """Return somebody of a role; None for a guest."""
        return None if role is Role.GUEST else self.people[role]


DRAFTED = frozenset({Deed.POST, Deed.REACT, Deed.EDIT_OWN, Deed.REDACT_OWN, Deed.REDACT})
"""What is a row of the log and nothing else."""


KINDS = (
    Message, WithheldText, AuditEntry, Report, Invitation, Membership, Mute, Ban, Suspension, ChatRoom,
    ReadMarker,
)  # fmt: skip
TABLES = [
    *(kind._meta.db_table for kind in KINDS),
    f"{ReadMarker._meta.db_table} WHERE muted",
]
READ = f"(SELECT sum(last_read_id) FROM {ReadMarker._meta.db_table})"  # noqa: S608 (nobody's input)
STATE = ", ".join([READ, *(f"(SELECT count(*) FROM {table})" for table in TABLES)])  # noqa: S608 (the same)


def state() -> tuple[Any, ...]:
    """Return what anything done changes: how many rows there are of each sort, and what is read."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {STATE}")
        row: tuple[Any, ...] = cursor.fetchone()
    return row


@contextmanager
def undone() -> Iterator[None]:
    """Put the database back to what it was before the block."""
    with transaction.atomic():
        point = transaction.savepoint()
        try:
            yield
        finally:
            transaction.savepoint_rollback(point)
