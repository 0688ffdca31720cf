"""What was redacted is in no answer, whichever way one asks, in whichever process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.test import TransactionTestCase

from rooms import log
from rooms.models import Message
from tests.support_rooms import LOBBY
from tests.system.http import Api
from tests.system.server import RunningChat
from tests.system.site import caller
from tests.system.websocket import WebSocket

pytestmark = pytest.mark.databases

SECRET, SECOND_SECRET = "the first secret", "the second secret"
ONE_SECOND_S = 1.0


class Redaction(TransactionTestCase):
    """Sent, edited, redacted: the text stays only with moderation."""

    def setUp(self) -> None:
        self.ana = caller("ana")

    def test_the_text_is_in_no_answer_of_either_process(self) -> None:
        with RunningChat() as one, RunningChat() as other, ExitStack() as stack:
            api = Api(one.port, self.ana.token)
            before = api.send(LOBBY, "before", "n0")["id"]
            for chat in (one, other):
                self._keep_reading(chat, stack)
            sent = api.send(LOBBY, SECRET, "n1")["id"]
            self._change(api, "PATCH", sent, {"body": SECOND_SECRET})
            for chat in (one, other):
                self.assertIn(SECOND_SECRET, self._everything(chat, before), "nobody would see it vanish")
            redaction = self._change(api, "DELETE", sent, {"reason": "slip"})["id"]
            threading.Event().wait(ONE_SECOND_S)  # the protocol's second
            after = api.send(LOBBY, "after", "n2")["id"]
            for chat in (one, other):
                for cursor in (0, before, sent, redaction):
                    text = self._everything(chat, cursor)
                    self.assertNotIn("secret", text)
                    self.assertIn(f'"id":{after}', text.replace(" ", ""))

    def test_a_redaction_by_any_django_code_reaches_every_reader(self) -> None:
        """Here: this process, which serves nobody."""
        with RunningChat() as chat:
            api = Api(chat.port, self.ana.token)
            sent = api.send(LOBBY, SECRET, "n1")["id"]
            with WebSocket(chat.port, token=self.ana.token) as socket:
                socket.send(type="join", room=LOBBY, after=sent)
                socket.receive_type("joined")
                redaction = log.redact(Message.objects.get(pk=sent), self.ana.user, "slip")
                [seen] = socket.receive_type("messages")["messages"]
            self.assertEqual((seen["id"], seen["kind"], seen["target"]), (redaction.id, "redaction", sent))
            self.assertNotIn("secret", self._everything(chat, 0))

    def _change(self, api: Api, method: str, target: int, body: dict[str, str]) -> dict[str, Any]:
        answer = api.call(method, f"/api/rooms/{LOBBY}/messages/{target}", body)
        self.assertEqual(answer.status, 200, answer)
        changed: dict[str, Any] = answer.json
        return changed

    def _keep_reading(self, chat: RunningChat, stack: ExitStack) -> None:
        """Keep a reader in the room, so that its feed holds a tail."""
        socket = stack.enter_context(WebSocket(chat.port, token=self.ana.token))
        socket.send(type="join", room=LOBBY)
        socket.receive_type("joined")

    def _everything(self, chat: RunningChat, cursor: int) -> str:
        """Ask for what follows a cursor in all ways there are, and return all that was answered."""
        return "\n".join(self._answers(chat, cursor))

    def _answers(self, chat: RunningChat, cursor: int) -> Iterator[str]:
        api = Api(chat.port, self.ana.token)
        head = api.page(LOBBY, "limit=1")["last_id"]
        for query in (f"after={cursor}", "limit=200", f"before={head + 1}", f"after={cursor}&wait=1"):
            yield api.call("GET", f"/api/rooms/{LOBBY}/messages?{query}").body.decode()
        yield from self._by_stream(api, cursor, head)
        for how in ({"after": cursor}, {"last": 50}):
            with WebSocket(chat.port, token=self.ana.token) as socket:
                socket.send(type="join", room=LOBBY, **how)
                seen = socket.receive_type("joined")["after"]
                while seen < head:
                    frame = socket.receive_type("messages")
                    seen = frame["messages"][-1]["id"]
                    yield json.dumps(frame)
        yield api.call(
            "POST", f"/api/rooms/{LOBBY}/messages", {"body": "before", "nonce": "n0"}
        ).body.decode()

    def _by_stream(self, api: Api, cursor: int, head: int) -> Iterator[str]:
        with closing(api.stream(LOBBY, f"after={cursor}")) as stream:
            for event, key, data in stream:
                yield json.dumps(data)
                if event == "hello" and cursor >= head:
                    return
                if event == "message" and key is not None and key >= head:
                    return
