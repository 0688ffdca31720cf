"""The same acts by three doors of a running chat: the API, pages and the admin, a shell elsewhere."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from rooms.models import ChatRoom
from tests.system.http import Api
from tests.system.server import ROOT
from tests.system.session import Session

SHELL_S = 60


@dataclass(frozen=True)
class Scene:
    """What is acted on: two rooms, people by their keys, messages by their ids."""

    room: str
    other: str
    name: str
    person: int
    talker: int
    banned: int
    by_talker: tuple[int, ...]
    own: int
    one: int
    reported: int
    report: int
    several: tuple[int, ...]

    @property
    def path(self) -> str:
        """The room in the API."""
        return f"/api/rooms/{self.room}"


ACTS = (
    "topic", "rename", "archive", "unarchive", "read_only", "writable", "slow_mode", "no_slow_mode", "add",
    "role", "remove", "mute", "unmute", "ban", "redact", "redact_all_of", "react", "edit", "settle", "purge",
    "redact_several", "archive_several", "unarchive_several",
)  # fmt: skip
"""What each door does, in this order."""


class ByApi:
    """Calls of the API, with a token."""

    def __init__(self, api: Api, scene: Scene) -> None:
        """Act as whose token it is."""
        self._api = api
        self._scene = scene

    def act(self, name: str) -> None:
        """Do it; what is not done fails."""
        s = self._scene
        person, said = f"{s.path}/members/{s.person}", f"{s.path}/messages"
        calls: dict[str, list[tuple[str, str, Any]]] = {
            "topic": [("PATCH", s.path, {"topic": f"Topic {s.name}"})],
            "rename": [("PATCH", s.path, {"name": f"Name {s.name}"})],
            "archive": [("PATCH", s.path, {"archived": True})],
            "unarchive": [("PATCH", s.path, {"archived": False})],
            "read_only": [("PATCH", s.path, {"read_only": True})],
            "writable": [("PATCH", s.path, {"read_only": False})],
            "slow_mode": [("PATCH", s.path, {"slow_mode": 5})],
            "no_slow_mode": [("PATCH", s.path, {"slow_mode": 0})],
            "add": [("PUT", person, {"role": "member"})],
            "role": [("PUT", person, {"role": "moderator"})],
            "remove": [("DELETE", person, {})],
            "mute": [("PUT", f"{s.path}/mutes/{s.talker}", {"minutes": 5})],
            "unmute": [("DELETE", f"{s.path}/mutes/{s.talker}", None)],
            "ban": [("PUT", f"{s.path}/bans/{s.banned}", {})],
            "redact": [("DELETE", f"{said}/{s.one}", {"reason": "rude"})],
            "redact_all_of": [("POST", f"{s.path}/redactions", {"user": s.talker})],
            "react": [("POST", f"{said}/{s.own}/reactions", {"body": "👍"})],
            "edit": [("PATCH", f"{said}/{s.own}", {"body": f"better {s.name}"})],
            "settle": [("POST", f"/api/reports/{s.report}", {"settlement": "redacted"})],
            "purge": [("POST", f"{said}/{s.one}/purge", None)],
            "redact_several": [("DELETE", f"{said}/{one}", {}) for one in s.several],
            "archive_several": [
                ("PATCH", f"/api/rooms/{one}", {"archived": True}) for one in (s.room, s.other)
            ],
            "unarchive_several": [
                ("PATCH", f"/api/rooms/{one}", {"archived": False}) for one in (s.room, s.other)
            ],
        }
        for method, path, body in calls[name]:
            answer = self._api.call(method, path, body)
            assert answer.status in {200, 201, 204}, (name, answer)

    def finish(self) -> None:
        """Do nothing: all is done."""


class ByPages:
    """Forms of the pages and of the admin, sent in a session; what a page's script does, as it does it."""

    def __init__(self, session: Session, scene: Scene) -> None:
        """Act as who is logged in."""
        self._session = session
        self._scene = scene

    def act(self, name: str) -> None:
        """Do it; what is not done fails."""
        getattr(self, f"_{name}", lambda: self._by_form(name))()

    def _by_form(self, name: str) -> None:
        s, settings = self._scene, self._settings()
        setting, people = (reverse(f"rooms:{page}", args=[s.room]) for page in ("settings", "members"))
        forms: dict[str, tuple[str, dict[str, Any]]] = {
            "topic": (setting, {**settings, "topic": f"Topic {s.name}"}),
            "rename": (setting, {**settings, "name": f"Name {s.name}"}),
            "archive": (setting, {**settings, "archived": "on"}),
            "unarchive": (setting, settings),
            "read_only": (setting, {**settings, "read_only": "on"}),
            "writable": (setting, settings),
            "slow_mode": (setting, {**settings, "slow_mode": 5}),
            "no_slow_mode": (setting, settings),
            "add": (people, {"do": "role", "user": s.person, "role": "member"}),
            "role": (people, {"do": "role", "user": s.person, "role": "moderator"}),
            "remove": (people, {"do": "remove", "user": s.person}),
            "mute": (people, {"do": "sanction", "user": s.talker, "what": "mute", "minutes": 5}),
            "unmute": (people, {"do": "unmute", "user": s.talker}),
            "ban": (people, {"do": "sanction", "user": s.banned, "what": "ban"}),
            "redact": (reverse("admin:rooms_message_redact", args=[s.one]), {"reason": "rude"}),
            "redact_all_of": (
                reverse("admin:rooms_message_redact_all_of", args=[s.by_talker[0]]),
                {"all-reason": "", "all-since": ""},
            ),
            "settle": (reverse("admin:rooms_report_settle", args=[s.report]), {"settlement": "redacted"}),
            "purge": (reverse("admin:rooms_message_purge", args=[s.one]), {"sure": "on"}),
            "redact_several": (
                reverse("admin:rooms_message_changelist"),
                {"action": "redact_selected", "_selected_action": s.several, "reason": ""},
            ),
            "archive_several": self._several("archive"),
            "unarchive_several": self._several("unarchive"),
        }
        path, fields = forms[name]
        self._session.post(path, **fields)

    def _several(self, action: str) -> tuple[str, dict[str, Any]]:
        slugs = (self._scene.room, self._scene.other)
        keys = list(ChatRoom.objects.filter(slug__in=slugs).values_list("pk", flat=True))
        return reverse("admin:rooms_chatroom_changelist"), {"action": action, "_selected_action": keys}

    def _settings(self) -> dict[str, Any]:
        """Return what the page of settings sends of the room: what it held, all boxes now empty."""
        room = ChatRoom.objects.get(slug=self._scene.room)
        held = {
            "name": room.name,
            "topic": room.topic,
            "private": room.visibility == ChatRoom.Visibility.PRIVATE,
            "open_to_guests": room.open_to_guests,
            "read_only": room.read_only,
            "slow_mode": room.slow_mode_s,
            "keep_days": "",
            "archived": room.archived_at is not None,
        }
        before = {f"initial-{name}": str(value) for name, value in held.items()}
        return {**before, "name": room.name, "topic": room.topic, "slow_mode": 0}

    def _react(self) -> None:
        s = self._scene
        self._session.call("POST", f"{s.path}/messages/{s.own}/reactions", {"body": "👍"})

    def _edit(self) -> None:
        s = self._scene
        self._session.call("PATCH", f"{s.path}/messages/{s.own}", {"body": f"better {s.name}"})

    def finish(self) -> None:
        """Do nothing: all is done."""


class ByShell:
    """Lines that somebody types into `manage.py shell`, which is a process of its own."""

    def __init__(self, by: int, scene: Scene) -> None:
        """Act as an account."""
        self._by = by
        self._scene = scene
        self._lines = [
            "from rooms import log",
            "from rooms.acting import perform",
            "from rooms.actions import *",
            "from rooms.messages import Draft, Kind, Stored, new_nonce",
            "from django.contrib.auth.models import User",
            "from rooms.models import ChatRoom, Message",
            f"me = User.objects.get(pk={by})",
            f"room = {scene.room!r}",
            "message = lambda key: Message.objects.get(pk=key)",
        ]

    def act(self, name: str) -> None:
        """Write the lines that do it."""
        s = self._scene
        several = "for one in [room, '%s']: perform(me.pk, Archive(one, archived=%s))"
        self._lines += {
            "topic": [f"perform(me.pk, SetTopic(room, 'Topic {s.name}'))"],
            "rename": [f"perform(me.pk, Rename(room, 'Name {s.name}'))"],
            "archive": ["perform(me.pk, Archive(room))"],
            "unarchive": ["perform(me.pk, Archive(room, archived=False))"],
            "read_only": ["perform(me.pk, SetReadOnly(room))"],
            "writable": ["perform(me.pk, SetReadOnly(room, read_only=False))"],
            "slow_mode": ["perform(me.pk, SetSlowMode(room, 5))"],
            "no_slow_mode": ["perform(me.pk, SetSlowMode(room, 0))"],
            "add": [f"perform(me.pk, SetRole(room, {s.person}))"],
            "role": [f"perform(me.pk, SetRole(room, {s.person}, 'moderator'))"],
            "remove": [f"perform(me.pk, Remove(room, {s.person}))"],
            "mute": [f"perform(me.pk, MutePerson(room, {s.talker}, 5))"],
            "unmute": [f"perform(me.pk, Unmute(room, {s.talker}))"],
            "ban": [f"perform(me.pk, BanPerson(room, {s.banned}))"],
            "redact": [f"log.redact(message({s.one}), me, 'rude')"],
            "redact_all_of": [f"perform(me.pk, RedactAllOf(room, {s.talker}))"],
            "react": [
                f"draft = Draft(room, Kind.REACTION, me.pk, new_nonce(), '👍', {s.own})",
                "assert isinstance(log.append([draft]).outcomes[0], Stored)",
            ],
            "edit": [f"log.edit(message({s.own}), me, 'better {s.name}')"],
            "settle": [f"perform(me.pk, SettleReport({s.report}, Settlement.REDACTED))"],
            "purge": [f"perform(me.pk, Purge(room, {s.one}))"],
            "redact_several": [
                f"log.redact_many(list(Message.objects.filter(pk__in={list(s.several)})), me, '')"
            ],
            "archive_several": [several % (s.other, True)],
            "unarchive_several": [several % (s.other, False)],
        }[name]

    def finish(self) -> None:
        """Run the lines, in their order."""
        command = [sys.executable, "manage.py", "shell", "-c", "\n".join(self._lines)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SHELL_S, check=False)
        assert done.returncode == 0, done.stderr
