"""Whatever is done, by whatever door, all readers end with the same view, also who was away."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import TransactionTestCase

from rooms import acting, log
from rooms.actions import ReportMessage
from rooms.messages import Event, Kind
from rooms.models import ChatRoom, Membership
from tests.support_rooms import room
from tests.system.doors import ACTS, ByApi, ByPages, ByShell, Scene
from tests.system.http import Api
from tests.system.readers import TRANSPORTS, Reader
from tests.system.server import RunningChat
from tests.system.session import Session
from tests.system.site import Caller, caller
from tests.system.websocket import WebSocket

pytestmark = pytest.mark.databases

TEA, DEN = "tea", "den"
WAIT_S = 30
CHANGES = ("edit", "redaction", "reaction", "unreaction")


class View:
    """What a client shows of a room, from the rows that it was given."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """Take the rows in their order; one that a message contains already is passed over."""
        self.said: dict[int, dict[str, Any]] = {}
        self.told: list[dict[str, Any]] = []
        for row in rows:
            if row["kind"] == "message":
                self.said[row["id"]] = json.loads(json.dumps(row))
            elif row["kind"] == "notice":
                self.told.append(row)
            elif row["kind"] in CHANGES and row["id"] > self.said[row["target"]].get("changed", 0):
                self._change(self.said[row["target"]], row)

    def _change(self, message: dict[str, Any], row: dict[str, Any]) -> None:
        message["changed"] = row["id"]
        if row["kind"] == "edit":
            message |= {"body": row["body"], "edited_at": row["created_at"]}
        elif row["kind"] == "redaction":
            message["redacted"] = True
            for withheld in ("body", "reactions", "mentions"):
                message.pop(withheld, None)
        else:
            self._react(message.setdefault("reactions", []), row)

    def _react(self, reactions: list[dict[str, Any]], row: dict[str, Any]) -> None:
        assert row["kind"] == "reaction", "nobody takes one back here"
        mine = [one for one in reactions if one["body"] == row["body"]]
        if not mine:
            mine = [{"body": row["body"], "count": 0, "users": []}]
            reactions += mine
        mine[0]["count"] += 1
        mine[0]["users"].append(row["author"]["id"])


class Doors(TransactionTestCase):
    """Three doors, one after the other, while readers watch."""

    def setUp(self) -> None:
        self.boss = caller("boss", is_staff=True, is_superuser=True)
        self.ana, self.cat = caller("ana"), caller("cat")
        self.tea = room(TEA)
        self.belong(self.boss, self.ana)
        room(DEN)

    def belong(self, *people: Caller) -> None:
        for one in people:
            Membership.objects.create(room=self.tea, user=one.user)

    def scene(self, name: str) -> tuple[Scene, Caller]:
        """Return what one door acts on, and somebody whom it is to ban."""
        talker, banned = caller(f"talker-{name}"), caller(f"banned-{name}")
        self.belong(talker, banned)
        chatter = [log.post(self.tea, talker.user, f"spam {number}").id for number in range(2)]
        said = [log.post(self.tea, self.cat.user, f"{name} {number}").id for number in range(4)]
        own = log.post(self.tea, self.boss.user, f"{name} own").id
        report = acting.perform(self.ana.user.pk, ReportMessage(TEA, said[1])).report
        people = {"person": self.cat.user.pk, "talker": talker.user.pk, "banned": banned.user.pk}
        messages = {"own": own, "one": said[0], "reported": said[1], "several": tuple(said[2:])}
        scene = Scene(TEA, DEN, name, report=report, by_talker=tuple(chatter), **people, **messages)  # type: ignore[arg-type]
        return scene, banned

    def test_all_readers_end_with_the_same_view(self) -> None:
        scenes = {name: self.scene(name) for name in ("api", "pages", "shell")}
        begun = ChatRoom.objects.get(slug=TEA).last_message_id
        with RunningChat() as chat, ExitStack() as stack:
            api = Api(chat.port, self.ana.token)
            before = api.history(TEA)
            self.assertEqual(before[-1]["id"], begun)
            readers = {how: self.reader(chat, how, begun) for how in TRANSPORTS}
            sockets = {name: self.joined(chat, banned, stack) for name, (_s, banned) in scenes.items()}
            boss = Session(chat.port, "boss", "a long passphrase")
            for door in (
                ByApi(Api(chat.port, self.boss.token), scenes["api"][0]),
                ByPages(boss, scenes["pages"][0]),
                ByShell(self.boss.user.pk, scenes["shell"][0]),
            ):
                for act in ACTS:
                    door.act(act)
                door.finish()
            end = log.post(self.tea, self.ana.user, "the end").id
            fresh = api.history(TEA)
            came = {how: reader.wait_until(end) for how, reader in readers.items()}
            came["offline"] = api.page(TEA, f"after={begun}&limit=200")["messages"]
            self.check_views(before, came, fresh)
            self.check_rows(came["offline"])
            for name, socket in sockets.items():
                self.check_banned(socket, scenes[name][0], fresh)
            self.assertEqual(
                [one["notice"]["event"] for one in api.history(DEN)], ["archived", "unarchived"] * 3
            )

    def check_views(
        self, before: list[dict[str, Any]], came: dict[str, list[dict[str, Any]]], fresh: list[dict[str, Any]]
    ) -> None:
        whole = View(fresh)
        for how, rows in came.items():
            view = View([*before, *rows])
            self.assertEqual([one["id"] for one in rows], [one["id"] for one in came["offline"]], how)
            self.assertEqual(view.said, whole.said, how)
            self.assertEqual(view.told, whole.told, how)

    def check_rows(self, rows: list[dict[str, Any]]) -> None:
        """All three doors left the same rows, and each kind that the acts are about is among them."""
        kinds = [one["notice"]["event"] if one["kind"] == "notice" else one["kind"] for one in rows[:-1]]
        third = len(kinds) // 3
        self.assertEqual(kinds, kinds[:third] * 3)
        missing = {*Event, Kind.EDIT, Kind.REDACTION, Kind.REACTION} - set(kinds)
        self.assertEqual(missing, {Event.CREATED, Event.VISIBILITY, Event.GUESTS, Event.LEFT, Event.UNBANNED})
        redacted = [one["target"] for one in rows if one["kind"] == "redaction"]
        self.assertEqual(len(redacted), len(set(redacted)))
        self.assertEqual(len(redacted), 3 * 6)

    def check_banned(self, socket: WebSocket, scene: Scene, fresh: list[dict[str, Any]]) -> None:
        """Who was banned heard nothing from the ban on, and is not let in again."""
        [banned_at] = [
            one["id"]
            for one in fresh
            if one["kind"] == "notice"
            and one["notice"]["event"] == "banned"
            and one["notice"]["about"]["id"] == scene.banned
        ]
        while (frame := socket.receive_type("messages", "left"))["type"] == "messages":
            self.assertLess(frame["messages"][-1]["id"], banned_at)
        self.assertEqual(frame["code"], "forbidden")
        socket.send(type="join", room=TEA, after=0)
        self.assertEqual(socket.receive_type("messages", "joined", "error")["code"], "forbidden")

    def reader(self, chat: RunningChat, how: str, after: int) -> Reader:
        reader = Reader(chat.port, self.ana.token, TEA, transports=(how,), after=after, hang_up=False)
        reader.start()
        return reader

    def joined(self, chat: RunningChat, who: Caller, stack: ExitStack) -> WebSocket:
        socket = stack.enter_context(WebSocket(chat.port, token=who.token))
        socket.send(type="join", room=TEA)
        socket.receive_type("joined")
        return socket
