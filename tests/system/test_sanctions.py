"""Nothing committed after a ban reaches the banned, on any transport, whoever bans and whoever writes."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

from rooms import history, log
from rooms.acting import perform
from rooms.actions import BanPerson, Suspend, Unban
from rooms.messages import Event
from rooms.models import ChatRoom
from tests.support_rooms import LOBBY
from tests.system.http import Api
from tests.system.server import RunningChat
from tests.system.site import Caller, caller
from tests.system.websocket import Closed, WebSocket

pytestmark = pytest.mark.databases

WAIT_S = 30


class Chatter:
    """A thread of plain Django that posts as the server, one message after the other, until it is stopped."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join(WAIT_S)

    def _run(self) -> None:
        room, number = ChatRoom.objects.get(slug=LOBBY), 0
        while not self._stopping.wait(0.002):
            number += 1
            log.post(room, None, f"message {number}")
        connection.close()


class Banned(TransactionTestCase):
    """Two processes: the server, and this one, which writes and bans."""

    def setUp(self) -> None:
        self.ana, self.ben = caller("ana"), caller("ben")
        self.staff = caller("sam", is_staff=True)

    def ban(self) -> int:
        """Ban somebody while others write and return the id of the notice, which the same commit brought."""
        before = ChatRoom.objects.get(slug=LOBBY).last_message_id
        perform(self.staff.user.pk, BanPerson(LOBBY, self.ana.user.pk, 5, "spam"))
        rows = history.after(LOBBY, before, 200).messages
        [told] = [one.id for one in rows if one.notice and one.notice.event is Event.BANNED]
        return told

    def test_by_websocket_by_event_stream_and_by_long_poll(self) -> None:
        with RunningChat() as chat, ExitStack() as stack:
            api = Api(chat.port, self.ana.token)
            socket, beside = (self._joined(chat, who, stack) for who in (self.ana, self.ben))
            stream = stack.enter_context(closing(api.stream(LOBBY, "after=0")))
            events = iter(stream)
            self.assertEqual(next(events)[0], "hello")
            with Chatter():
                begun = history.heads([LOBBY]).rooms[LOBBY].last_id
                self._seen(socket, self._seen(beside, begun + 20)[-1])
                banned_at = self.ban()
                self._seen(beside, banned_at + 20)
                self._rest_of_socket(socket, banned_at)
                self.assertTrue(self._rest_of_stream(events, banned_at))
                answer = api.call("GET", f"/api/rooms/{LOBBY}/messages?after=0&limit=200&wait=5")
            self.assertEqual((answer.status, answer.json["code"]), (403, "forbidden"))

    def test_a_parked_long_poll_ends_with_the_refusal(self) -> None:
        with RunningChat() as chat:
            api = Api(chat.port, self.ana.token)
            [last] = [api.send(LOBBY, "hello", "n1")["id"]]
            found: list[Any] = []
            poll = f"/api/rooms/{LOBBY}/messages?after={last}&wait=20"
            parked = threading.Thread(target=lambda: found.append(api.call("GET", poll)))
            parked.start()
            with Chatter():
                parked.join(WAIT_S)
                banned_at = self.ban()
                ids = [one["id"] for one in found[0].json["messages"]]
                self.assertLess(max(ids), banned_at)
                again = api.call("GET", f"/api/rooms/{LOBBY}/messages?after={ids[-1]}&wait=20")
            self.assertEqual(again.status, 403)

    def test_who_is_let_in_again_reads_all_of_it(self) -> None:
        with RunningChat() as chat, ExitStack() as stack:
            socket = self._joined(chat, self.ana, stack)
            banned_at = self.ban()
            self._rest_of_socket(socket, banned_at)
            perform(self.staff.user.pk, Unban(LOBBY, self.ana.user.pk))
            again = self._joined(chat, self.ana, stack)
            self.assertIn(banned_at, self._seen(again, banned_at))

    def test_the_suspended_are_out_within_a_second_or_so_on_all_sockets(self) -> None:
        with RunningChat() as chat, ExitStack() as stack:
            socket = self._joined(chat, self.ana, stack)
            perform(self.staff.user.pk, Suspend(self.ana.user.pk, 5))
            with pytest.raises(Closed) as closed:
                socket.receive_type("nothing of this kind comes")
            self.assertEqual(closed.value.code, 1008)
            self.assertEqual(Api(chat.port, self.ana.token).call("GET", "/api/rooms").status, 401)

    def _joined(self, chat: RunningChat, who: Caller, stack: ExitStack) -> WebSocket:
        socket = stack.enter_context(WebSocket(chat.port, token=who.token))
        socket.send(type="join", room=LOBBY, after=0)
        socket.receive_type("joined")
        return socket

    def _seen(self, socket: WebSocket, until: int) -> list[int]:
        """Return the ids that come until this one is reached."""
        ids: list[int] = []
        while not ids or ids[-1] < until:
            ids += [one["id"] for one in socket.receive_type("messages")["messages"]]
        return ids

    def _rest_of_socket(self, socket: WebSocket, banned_at: int) -> list[int]:
        """Return the ids that come before the end; the first from the ban on fails the test."""
        ids: list[int] = []
        while (frame := socket.receive_type("messages", "left"))["type"] == "messages":
            ids += [one["id"] for one in frame["messages"]]
            self.assertLess(ids[-1], banned_at)
        self.assertEqual(frame["code"], "forbidden")
        return ids

    def _rest_of_stream(self, events: Any, banned_at: int) -> list[int]:
        """Return the ids that come before the end; the first from the ban on fails the test."""
        ids: list[int] = []
        for event, _key, data in events:
            if event == "left":
                self.assertEqual(data["code"], "forbidden")
                return ids
            ids.append(data["id"])
            self.assertLess(ids[-1], banned_at)
        raise AssertionError("the stream ended without a word")
