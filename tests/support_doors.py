"""The doors by which deeds are done without pages: Python code, the API, a WebSocket."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, ClassVar

from rooms import acting, history, log, reports
from rooms.actions import Deed
from rooms.messages import Code, Newest, Refused
from tests.support_cast import DRAFTED, Role, Sort, World
from tests.support_inline import Inline

UNSEEN = Code.NOT_FOUND
"""What is not in a list that one may have."""

BY_SCRIPT = "a page's script does it by the API or the socket"
ELSEWHERE = "it is done by the API, in pages or in the admin"


class Door:
    """One way in. `ways` tells how each deed is done there; what is in neither table is missing."""

    NOT_OFFERED: ClassVar[Mapping[Deed, str]] = {}
    """What is not done there at all, and why."""

    def ways(self, world: World, role: Role) -> Mapping[Deed, Any]:
        """Return how somebody of a role does each deed."""
        raise NotImplementedError

    def enter(self, world: World, role: Role, deed: Deed) -> Code | None:
        """Do a deed, and return how it was refused, None where it was done."""
        raise NotImplementedError

    def expects(self, right: Code | None, world: World, role: Role, deed: Deed) -> Code | None:
        """Return how what is right by the table shows at this door."""
        return right

    def prepare(self, world: World) -> None:
        """Do what is not undone after each deed, such as to log people in."""

    def close(self) -> None:
        """Leave nothing open."""


class ByCode(Door):
    """Any Python code: a view, a command, a shell."""

    def ways(self, world: World, role: Role) -> Mapping[Deed, Any]:
        """Return all: each has a function."""
        return dict.fromkeys(Deed)

    def enter(self, world: World, role: Role, deed: Deed) -> Code | None:
        """Call the one function that does it."""
        by = world.key(role)
        if deed is Deed.SEE:
            page = history.read(by, world.room.slug, Newest(1))
            return page.code if isinstance(page, Refused) else None
        if deed in DRAFTED:
            [outcome] = log.append([world.draft(deed, role)]).outcomes
            return outcome.code if isinstance(outcome, Refused) else None
        try:
            if deed is Deed.SEE_REPORTS:
                return None if any(one.report == world.report for one in reports.open_for(by)) else UNSEEN
            acting.perform(by, world.action(deed))
        except log.Refusal as refusal:
            return refusal.code
        return None


def service() -> Inline:
    """Return the whole service, on a clock, inside the test's own transaction."""
    return Inline(around=nullcontext)


class ByApi(Door):
    """The HTTP API of the whole service, on a clock, its threads the test's own."""

    def __init__(self) -> None:
        """Start the service."""
        self.chat = service()

    def close(self) -> None:
        """Stop it."""
        self.chat.close()

    def ways(self, world: World, role: Role) -> Mapping[Deed, tuple[str, str, Any]]:
        """Return the calls: method, path, body."""
        room, them = f"/api/rooms/{world.room.slug}", world.subject.pk
        said, own = f"{room}/messages/{world.spoken.pk}", f"{room}/messages/{world.own_of(role).pk}"
        direct, private = world.sort is Sort.DIRECT, world.sort is Sort.PRIVATE
        return {
            Deed.SEE: ("GET", f"{room}/messages?limit=1", None),
            Deed.POST: ("POST", f"{room}/messages", {"body": "Hello"}),
            Deed.REACT: ("POST", f"{said}/reactions", {"body": "👍"}),
            Deed.EDIT_OWN: ("PATCH", own, {"body": "Said better."}),
            Deed.REDACT_OWN: ("DELETE", own, {}),
            Deed.REDACT: ("DELETE", said, {}),
            Deed.MARK_READ: ("PUT", f"{room}/read", {"id": world.spoken.pk}),
            Deed.MUTE_FOR_ONESELF: ("PUT", f"{room}/muted", {"muted": True}),
            Deed.REPORT: ("POST", f"{said}/reports", {"reason": "It is rude."}),
            Deed.JOIN: ("PUT", f"{room}/members/me", None),
            Deed.LEAVE: ("DELETE", f"{room}/members/me", None),
            Deed.REDACT_ALL_OF: ("POST", f"{room}/redactions", {"user": them}),
            Deed.MUTE: ("PUT", f"{room}/mutes/{them}", {"minutes": 5}),
            Deed.UNMUTE: ("DELETE", f"{room}/mutes/{world.muted.pk}", None),
            Deed.BAN: ("PUT", f"{room}/bans/{them}", {"minutes": 5}),
            Deed.UNBAN: ("DELETE", f"{room}/bans/{world.banned.pk}", None),
            Deed.SET_SLOW_MODE: ("PATCH", room, {"slow_mode": 30}),
            Deed.SET_TOPIC: ("PATCH", room, {"topic": "Another"}),
            Deed.SEE_REPORTS: ("GET", "/api/reports", None),
            Deed.SETTLE_REPORT: ("POST", f"/api/reports/{world.report}", {"settlement": "dismissed"}),
            Deed.INVITE: ("POST", f"{room}/invitations", {}),
            Deed.REVOKE_INVITATION: ("DELETE", f"{room}/invitations/{world.link.invitation}", None),
            Deed.REMOVE: ("DELETE", f"{room}/members/{them}", {}),
            Deed.RENAME: ("PATCH", room, {"name": "Another"}),
            Deed.SET_READ_ONLY: ("PATCH", room, {"read_only": not world.room.read_only}),
            Deed.ARCHIVE: ("PATCH", room, {"archived": world.room.archived_at is None}),
            Deed.SET_VISIBILITY: ("PATCH", room, {"private": direct or not private}),
            Deed.OPEN_TO_GUESTS: ("PATCH", room, {"open_to_guests": not world.room.open_to_guests}),
            Deed.SET_KEEP_DAYS: ("PATCH", room, {"keep_days": 30}),
            Deed.SET_ROLE: ("PUT", f"{room}/members/{them}", {"role": "moderator"}),
            Deed.CREATE_ROOM: ("POST", "/api/rooms", {"name": "Another"}),
            Deed.OPEN_DIRECT: ("POST", "/api/direct", {"user": them}),
            Deed.ACCEPT_INVITATION: ("POST", "/api/invitations", {"token": world.link.token}),
            Deed.SUSPEND: ("PUT", f"/api/suspensions/{them}", {"minutes": 5}),
            Deed.UNSUSPEND: ("DELETE", f"/api/suspensions/{world.suspended.pk}", None),
            Deed.PURGE: ("POST", f"{room}/messages/{world.withheld.pk}/purge", None),
        }

    def enter(self, world: World, role: Role, deed: Deed) -> Code | None:
        """Make the call; the problem's code and its status must agree."""
        answer = self.chat.ask(*self.ways(world, role)[deed], by=world.user(role))
        if answer.status not in {200, 201, 204}:
            code = Code(answer.code)
            assert answer.status == STATUS[code], answer.raw
            return code
        if deed is Deed.SEE_REPORTS:
            shown = [one["report"] for one in answer.json["reports"]]
            return None if world.report in shown else UNSEEN
        return None

    def expects(self, right: Code | None, world: World, role: Role, deed: Deed) -> Code | None:
        """Return the same; but a guest who writes is told to log in before any room is looked for."""
        return Code.NOT_AUTHENTICATED if role is Role.GUEST and deed in DRAFTED else right


STATUS = {
    Code.BAD_REQUEST: 400,
    Code.NOT_AUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
}
"""The statuses of docs/protocol.md, of the codes that this table has."""


class BySocket(Door):
    """A WebSocket of the same service, a new one for each deed."""

    NOT_OFFERED: ClassVar[Mapping[Deed, str]] = dict.fromkeys(
        set(Deed) - {*DRAFTED, Deed.SEE, Deed.MARK_READ}, ELSEWHERE
    )

    def __init__(self) -> None:
        """Start the service."""
        self.chat = service()

    def close(self) -> None:
        """Stop it."""
        self.chat.close()

    def ways(self, world: World, role: Role) -> Mapping[Deed, Mapping[str, Any]]:
        """Return the frames."""
        said, own = world.spoken.pk, world.own_of(role).pk
        return {
            Deed.SEE: {"type": "join"},
            Deed.POST: {"type": "send", "body": "Hello", "nonce": "n"},
            Deed.REACT: {"type": "react", "target": said, "body": "👍", "nonce": "n"},
            Deed.EDIT_OWN: {"type": "edit", "target": own, "body": "Said better.", "nonce": "n"},
            Deed.REDACT_OWN: {"type": "redact", "target": own, "nonce": "n"},
            Deed.REDACT: {"type": "redact", "target": said, "nonce": "n"},
            Deed.MARK_READ: {"type": "read", "id": said},
        }

    def enter(self, world: World, role: Role, deed: Deed) -> Code | None:
        """Send the frame; what is not answered by an error is done."""
        socket = self.chat.socket(world.user(role))
        told = self.chat.send(socket, **self.ways(world, role)[deed], room=world.room.slug)
        socket.connection.hang_up()
        self.chat.turns.settle()
        codes = [Code(frame["code"]) for frame in told if frame["type"] == "error"]
        if not codes and deed is not Deed.MARK_READ:
            assert {frame["type"] for frame in told} & {"joined", "sent"}, told
        return codes[0] if codes else None

    def expects(self, right: Code | None, world: World, role: Role, deed: Deed) -> Code | None:
        """Return the same; but a guest who writes is told to log in before any room is looked for."""
        writes = deed in DRAFTED or deed is Deed.MARK_READ
        return Code.NOT_AUTHENTICATED if role is Role.GUEST and writes else right
