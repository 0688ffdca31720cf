"""Cursors stay good when what they point at is pruned: live readers, those who come back, and newcomers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import pytest
from django.test import TransactionTestCase
from django.utils import timezone

from rooms.models import ChatRoom, Message
from tests.support_rooms import LOBBY
from tests.system.http import Api
from tests.system.server import ROOT, RunningChat
from tests.system.site import caller, leave_the_database
from tests.system.websocket import WebSocket

pytestmark = pytest.mark.databases

WAIT_S = 30


def prune() -> str:
    """Prune what is there now, all of it a year old, in a process of its own."""
    Message._base_manager.update(created_at=timezone.now() - timedelta(days=365))
    leave_the_database()
    command = [sys.executable, "manage.py", "prunehistory"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=WAIT_S)
    return done.stdout.splitlines()[-1]


class Pruned(TransactionTestCase):
    def setUp(self) -> None:
        ChatRoom.objects.filter(slug=LOBBY).update(keep_days=30)
        self.ana = caller("ana")

    def say(self, count: int, name: str) -> list[int]:
        return [self.api.send(LOBBY, f"{name} {n}", f"{name}-{n}")["id"] for n in range(count)]

    def test_everybody_reads_on_where_all_that_was_said_is_gone(self) -> None:
        with RunningChat() as chat, ExitStack() as stack:
            self.api = Api(chat.port, self.ana.token)
            old = self.say(10, "old")
            live = self._join(chat, stack, after=old[-1])
            self.assertEqual(prune(), "10 went")
            middle = old[3]
            page = self.api.page(LOBBY, f"after={middle}")
            self.assertEqual((page["messages"], page["last_id"], page["more"]), ([], middle, False))
            self.assertEqual(self.api.page(LOBBY, f"before={old[-1]}")["messages"], [])
            back = self._join(chat, stack, after=middle)
            newcomer, said = self._join_newest(chat, stack)
            self.assertEqual((said["last_id"], said["after"]), (old[-1], 0))
            stream = stack.enter_context(closing(self.api.stream(LOBBY, last_event_id=middle)))
            events = iter(stream)
            self.assertEqual(next(events)[2]["after"], middle)

            [new] = self.say(1, "new")
            self.assertGreater(new, old[-1])
            for socket, prev in ((live, old[-1]), (back, middle), (newcomer, 0)):
                frame = socket.receive_type("messages", "reset", "error")
                self.assertEqual((frame["type"], frame["prev"]), ("messages", prev))
                self.assertEqual([one["id"] for one in frame["messages"]], [new])
            self.assertEqual(next(events)[:2], ("message", new))
            polled = self.api.page(LOBBY, f"after={middle}&wait=20")
            self.assertEqual(([one["id"] for one in polled["messages"]], polled["last_id"]), ([new], new))

    def test_who_was_away_hears_of_the_redaction_of_what_is_gone(self) -> None:
        with RunningChat() as chat, ExitStack() as stack:
            self.api = Api(chat.port, self.ana.token)
            secret, other = self.say(2, "old")
            answer = self.api.call("DELETE", f"/api/rooms/{LOBBY}/messages/{secret}", {"reason": "slip"})
            redaction = answer.json["id"]
            self.assertEqual(prune(), "2 went")
            for cursor in (secret, other):
                frame = self._join(chat, stack, after=cursor).receive_type("messages")
                [told] = frame["messages"]
                self.assertEqual((frame["prev"], told["id"], told["target"]), (cursor, redaction, secret))

    def test_a_server_that_starts_on_a_pruned_log_serves_it(self) -> None:
        with RunningChat() as chat:
            self.api = Api(chat.port, self.ana.token)
            old = self.say(3, "old")
        prune()
        with RunningChat() as chat, ExitStack() as stack:
            self.api = Api(chat.port, self.ana.token)
            back = self._join(chat, stack, after=old[0])
            [new] = self.say(1, "new")
            self.assertGreater(new, old[-1])
            self.assertEqual([one["id"] for one in back.receive_type("messages")["messages"]], [new])

    def _join(self, chat: RunningChat, stack: ExitStack, **where: int) -> WebSocket:
        socket = stack.enter_context(WebSocket(chat.port, token=self.ana.token))
        socket.send(type="join", room=LOBBY, **where)
        self.assertEqual(socket.receive_type("joined", "reset")["type"], "joined")
        return socket

    def _join_newest(self, chat: RunningChat, stack: ExitStack) -> tuple[WebSocket, dict[str, Any]]:
        socket = stack.enter_context(WebSocket(chat.port, token=self.ana.token))
        socket.send(type="join", room=LOBBY, last=50)
        return socket, socket.receive_type("joined")
