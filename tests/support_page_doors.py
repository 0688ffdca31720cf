"""The doors that are pages: those of the rooms, and those of the admin. Forms are sent as a browser does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.contrib.messages import ERROR, get_messages
from django.test import Client
from django.urls import reverse

from rooms.actions import Deed
from rooms.messages import Code
from rooms.models import Suspension
from tests.support_cast import Role, Sort, World, state
from tests.support_doors import BY_SCRIPT, UNSEEN, Door


@dataclass(frozen=True)
class Way:
    """A page, and the form that is sent there; None: it is only looked at."""

    url: str
    sent: Mapping[str, Any] | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)
    """What is changed of the form that the page shows, where that is sent back."""


class PageDoor(Door):
    """What the two have in common: sessions, and how an answer is read."""

    def __init__(self) -> None:
        """Begin with nobody logged in."""
        self._cookies: dict[tuple[Sort, Role], str] = {}

    def prepare(self, world: World) -> None:
        """Log everybody in."""
        for role in world.roles():
            user, client = world.user(role), Client()
            if user is not None:
                client.force_login(user)
            self._cookies[world.sort, role] = client.cookies.output(header="", sep=";")

    def client(self, world: World, role: Role) -> Client:
        """Return a browser of somebody that has been told nothing yet."""
        client = Client()
        client.cookies.load(self._cookies[world.sort, role])
        return client

    def enter(self, world: World, role: Role, deed: Deed) -> Code | None:
        """Send the form, and say how its answer refuses; one that claims to have done nothing does too."""
        client, way = self.client(world, role), self.ways(world, role)[deed]
        before = state()
        if way.changed:
            shown = client.get(way.url)
            if shown.status_code != 200:
                return self.refusal(shown)
            answer = client.post(way.url, {**untouched(shown), **way.changed})
        elif way.sent is None:
            answer = client.get(way.url)
        else:
            answer = client.post(way.url, way.sent)
        refused = self.refusal(answer)
        if refused is not None or deed is Deed.SEE:
            return refused
        if deed is Deed.SEE_REPORTS:
            return None if world.report in self.reports(answer) else UNSEEN
        is_idle = state() == before and deed not in IDLE
        return Code.FORBIDDEN if is_idle else None

    def refusal(self, answer: Any) -> Code | None:
        """Return how an answer refuses, None where it does not."""
        if answer.status_code == 302 and "login" in answer["Location"]:
            return Code.NOT_AUTHENTICATED
        if answer.status_code in {403, 404}:
            return Code.NOT_FOUND if answer.status_code == 404 else Code.FORBIDDEN
        assert answer.status_code in {200, 302}, answer
        if any(told.level >= ERROR for told in get_messages(answer.wsgi_request)):
            return Code.FORBIDDEN
        return None

    def reports(self, answer: Any) -> list[int]:
        """Return the reports that a queue shows."""
        raise NotImplementedError


IDLE = frozenset({Deed.JOIN, Deed.LEAVE, Deed.ACCEPT_INVITATION})
"""What may be done by doing nothing."""


def untouched(page: Any) -> dict[str, Any]:
    """Return what the form of a page would send if nothing was touched."""
    context = page.context
    form = context["adminform"].form if "adminform" in context else context["form"]
    sent: dict[str, Any] = {}
    for name, one in form.fields.items():
        value = one.prepare_value(form.get_initial_for_field(one, name))
        if one.show_hidden_initial:
            sent[f"initial-{name}"] = "" if value is None else str(value)
        if value is not None and value is not False:
            sent[name] = value
    return sent


class ByPages(PageDoor):
    """The pages of the rooms."""

    NOT_OFFERED: ClassVar[Mapping[Deed, str]] = {
        Deed.POST: BY_SCRIPT,
        Deed.REACT: BY_SCRIPT,
        Deed.EDIT_OWN: BY_SCRIPT,
        Deed.REDACT_OWN: BY_SCRIPT,
        Deed.REDACT: BY_SCRIPT,
        Deed.MARK_READ: BY_SCRIPT,
        Deed.MUTE_FOR_ONESELF: BY_SCRIPT,
        Deed.REPORT: BY_SCRIPT,
        Deed.REDACT_ALL_OF: BY_SCRIPT,
        Deed.SUSPEND: "the site's staff does it in the admin",
        Deed.UNSUSPEND: "the site's staff does it in the admin",
        Deed.PURGE: "the site's staff does it in the admin",
    }

    def ways(self, world: World, role: Role) -> Mapping[Deed, Way]:
        """Return the forms."""
        slug, room = [world.room.slug], world.room
        people, reports = reverse("rooms:members", args=slug), reverse("rooms:reports")
        them = {"user": world.subject.pk}
        settle = reverse("rooms:settle_report", args=[world.report])
        revoke = reverse("rooms:revoke_invitation", args=[*slug, world.link.invitation])
        setting = reverse("rooms:settings", args=slug)

        def box(name: str, *, ticked: bool) -> Way:
            return Way(setting, changed={name: "on" if ticked else ""})

        return {
            Deed.SEE: Way(reverse("rooms:room", args=slug)),
            Deed.JOIN: Way(people, {"do": "join"}),
            Deed.LEAVE: Way(people, {"do": "leave"}),
            Deed.MUTE: Way(people, {"do": "sanction", "what": "mute", "minutes": 5, **them}),
            Deed.UNMUTE: Way(people, {"do": "unmute", "user": world.muted.pk}),
            Deed.BAN: Way(people, {"do": "sanction", "what": "ban", "minutes": 5, **them}),
            Deed.UNBAN: Way(people, {"do": "unban", "user": world.banned.pk}),
            Deed.SET_SLOW_MODE: Way(setting, changed={"slow_mode": 30}),
            Deed.SET_TOPIC: Way(setting, changed={"topic": "Another"}),
            Deed.SEE_REPORTS: Way(reports),
            Deed.SETTLE_REPORT: Way(settle, {"settlement": "dismissed"}),
            Deed.INVITE: Way(reverse("rooms:invitations", args=slug), {"seconds": 3600, "uses": 1}),
            Deed.REVOKE_INVITATION: Way(revoke, {}),
            Deed.REMOVE: Way(people, {"do": "remove", **them}),
            Deed.RENAME: Way(setting, changed={"name": "Another"}),
            Deed.SET_READ_ONLY: box("read_only", ticked=not room.read_only),
            Deed.ARCHIVE: box("archived", ticked=room.archived_at is None),
            Deed.SET_VISIBILITY: box("private", ticked=world.sort is not Sort.PRIVATE),
            Deed.OPEN_TO_GUESTS: box("open_to_guests", ticked=not room.open_to_guests),
            Deed.SET_KEEP_DAYS: Way(setting, changed={"keep_days": 30}),
            Deed.SET_ROLE: Way(people, {"do": "role", "role": "moderator", **them}),
            Deed.CREATE_ROOM: Way(reverse("rooms:new_room"), {"name": "Another"}),
            Deed.OPEN_DIRECT: Way(reverse("rooms:direct"), {"user": world.subject.username}),
            Deed.ACCEPT_INVITATION: Way(reverse("rooms:invitation", args=[world.link.token]), {}),
        }

    def refusal(self, answer: Any) -> Code | None:
        """Return the same; a guest at a link is shown the way to log in."""
        if answer.status_code == 200 and "log_in" in answer.context and not answer.wsgi_request.user.pk:
            return Code.NOT_AUTHENTICATED
        return super().refusal(answer)

    def reports(self, answer: Any) -> list[int]:
        """Return the reports that the queue shows."""
        return [one["report"].report for one in answer.context["reports"]]

    def expects(self, right: Code | None, world: World, role: Role, deed: Deed) -> Code | None:
        """Return how it shows here: guests are asked to log in, a form tells what it does not do."""
        if right is None:
            return Code.FORBIDDEN if deed in SETTINGS and world.sort is Sort.DIRECT else None
        if role is Role.GUEST:
            return Code.NOT_AUTHENTICATED
        if right is Code.BAD_REQUEST or deed is Deed.SETTLE_REPORT:
            return Code.FORBIDDEN
        return right


SETTINGS = frozenset({Deed.ARCHIVE, Deed.SET_KEEP_DAYS})
"""What staff may do to a room of two, which has no page of settings: they do it in the admin."""


class ByAdmin(PageDoor):
    """The admin, for staff with the permissions of its models."""

    NOT_OFFERED: ClassVar[Mapping[Deed, str]] = {
        Deed.POST: "people post in the rooms",
        Deed.REACT: "people react in the rooms",
        Deed.EDIT_OWN: "authors edit in the rooms",
        Deed.REDACT_OWN: "there one redacts as staff, whoever said it",
        Deed.MARK_READ: "it is for oneself",
        Deed.MUTE_FOR_ONESELF: "it is for oneself",
        Deed.REPORT: "staff settle what others report",
        Deed.JOIN: "it is for oneself",
        Deed.LEAVE: "it is for oneself",
        Deed.OPEN_DIRECT: "it is for oneself",
        Deed.ACCEPT_INVITATION: "it is for oneself",
        Deed.INVITE: "the room's own page of invitations does it",
        Deed.REVOKE_INVITATION: "the room's own page of invitations does it",
    }

    def ways(self, world: World, role: Role) -> Mapping[Deed, Way]:
        """Return the forms."""
        room, said = world.room, [world.spoken.pk]
        setting = reverse("admin:rooms_chatroom_change", args=[room.pk])
        people = reverse("admin:rooms_chatroom_people", args=[room.pk])
        suspended = Suspension.objects.get(user=world.suspended).pk
        visibility = "public" if world.sort is Sort.PRIVATE else "private"

        def to(user: Any, deed: str) -> Way:
            return Way(people, {"people": [user.pk], "deed": deed, "minutes": 5, "reason": ""})

        def box(name: str, *, ticked: bool) -> Way:
            return Way(setting, changed={name: "on" if ticked else ""})

        return {
            Deed.SEE: Way(reverse("admin:rooms_chatroom_conversation", args=[room.pk])),
            Deed.REDACT: Way(reverse("admin:rooms_message_redact", args=said), {"reason": ""}),
            Deed.REDACT_ALL_OF: Way(
                reverse("admin:rooms_message_redact_all_of", args=said), {"all-reason": "", "all-since": ""}
            ),
            Deed.MUTE: to(world.subject, "mute"),
            Deed.UNMUTE: to(world.muted, "unmute"),
            Deed.BAN: to(world.subject, "ban"),
            Deed.UNBAN: to(world.banned, "unban"),
            Deed.REMOVE: to(world.subject, "remove"),
            Deed.SET_ROLE: to(world.subject, "moderator"),
            Deed.SET_SLOW_MODE: Way(setting, changed={"slow_mode_s": 30}),
            Deed.SET_TOPIC: Way(setting, changed={"topic": "Another"}),
            Deed.SEE_REPORTS: Way(reverse("admin:rooms_report_changelist")),
            Deed.SETTLE_REPORT: Way(
                reverse("admin:rooms_report_settle", args=[world.report]), {"settlement": "dismissed"}
            ),
            Deed.RENAME: Way(setting, changed={"name": "Another"}),
            Deed.SET_READ_ONLY: box("read_only", ticked=not room.read_only),
            Deed.ARCHIVE: box("archived", ticked=room.archived_at is None),
            Deed.SET_VISIBILITY: Way(setting, changed={"visibility": visibility}),
            Deed.OPEN_TO_GUESTS: box("open_to_guests", ticked=not room.open_to_guests),
            Deed.SET_KEEP_DAYS: Way(setting, changed={"keep_days": 30}),
            Deed.CREATE_ROOM: Way(
                reverse("admin:rooms_chatroom_add"),
                {"name": "Another", "slug": "", "topic": "", "visibility": "public", "slow_mode_s": 0},
            ),
            Deed.SUSPEND: Way(
                reverse("admin:rooms_suspension_add"), {"user": world.subject.pk, "minutes": 5, "reason": ""}
            ),
            Deed.UNSUSPEND: Way(reverse("admin:rooms_suspension_delete", args=[suspended]), {"post": "yes"}),
            Deed.PURGE: Way(reverse("admin:rooms_message_purge", args=[world.withheld.pk]), {"sure": "on"}),
        }

    def reports(self, answer: Any) -> list[int]:
        """Return the reports that the queue shows."""
        return [one.report.pk for one in answer.context_data["reports"]]

    def expects(self, right: Code | None, world: World, role: Role, deed: Deed) -> Code | None:
        """Return how it shows here: all but staff are asked to log in as staff."""
        if role is not Role.STAFF:
            return Code.NOT_AUTHENTICATED
        return Code.FORBIDDEN if right is Code.BAD_REQUEST else right
