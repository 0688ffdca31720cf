"""Bad input at every door: the answer that docs/protocol.md names, and nothing half-written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import TransactionTestCase

from rooms.models import Message
from tests.support_rooms import LOBBY
from tests.system.http import Answer, Api
from tests.system.server import RunningChat
from tests.system.site import caller
from tests.system.websocket import Refused, WebSocket

pytestmark = pytest.mark.databases

MESSAGES = f"/api/rooms/{LOBBY}/messages"
BIG = 70 * 1024
DEEP = b"[" * 30_000 + b"]" * 30_000
BAD_BODIES: dict[str, bytes] = {
    "not JSON": b"hello",
    "nothing": b"",
    "not UTF-8": b'{"body": "\xff"}',
    "a list": b"[]",
    "a number": b"1",
    "no body": b"{}",
    "a body that is a number": b'{"body": 1}',
    "a body that is null": b'{"body": null}',
    "an empty body": b'{"body": " \\n"}',
    "a body too long": json.dumps({"body": "x" * 4001}).encode(),
    "a NUL": b'{"body": "a\\u0000b"}',
    "half a surrogate pair": b'{"body": "a\\ud800b"}',
    "NaN": b'{"body": NaN}',
    "infinity": b'{"body": "x", "reply_to": Infinity}',
    "a huge number": b'{"body": "x", "reply_to": 1e400}',
    "an id beyond 64 bits": b'{"body": "x", "reply_to": 9223372036854775808}',
    "an id below one": b'{"body": "x", "reply_to": 0}',
    "a fraction": b'{"body": "x", "reply_to": 1.5}',
    "a flag": b'{"body": "x", "reply_to": true}',
    "a bad nonce": b'{"body": "x", "nonce": "a b"}',
    "an empty nonce": b'{"body": "x", "nonce": ""}',
    "a nonce that is a number": b'{"body": "x", "nonce": 5}',
    "deep nesting": DEEP,
    "deep nesting inside": b'{"body": "x", "more": ' + DEEP + b"}",
}
BAD_QUERIES = [
    *(
        f"after={value}"
        for value in ("-1", "%D9%A5", "1e400", "1.0", "", "+1", "%201", "x", "9223372036854775808")
    ),
    *(f"before={value}" for value in ("-1", "x", "99999999999999999999")),
    *(f"limit={value}" for value in ("0", "201", "-1", "x", "1e2")),
    *(f"after=0&wait={value}" for value in ("-1", "61", "x", "nan", "inf", "1e400")),
    "after=1&before=2",
    "wait=1",
    "after=1&after=2",
]


class BadInput(TransactionTestCase):
    """One server, asked badly; it goes on, and the log stays empty."""

    def setUp(self) -> None:
        self.ana = caller("ana")

    def test_every_door(self) -> None:
        with RunningChat() as chat:
            self.api = Api(chat.port, self.ana.token)
            self._bodies()
            self._queries()
            self._strangers(chat)
            self._sockets(chat)
            self._pages(chat)
            self.assertEqual(Message.objects.count(), 0)
            self.assertEqual(self.api.send(LOBBY, "still here", "n")["body"], "still here")
            said = "\n".join(chat.log)
        self.assertNotIn("Traceback", said)

    def _expect(self, answer: Answer, status: int, code: str, named: str = "") -> None:
        problem = answer.json
        self.assertEqual((answer.status, problem["code"]), (status, code), answer)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual((problem["type"], problem["status"]), ("about:blank", status))
        self.assertTrue(problem["title"])
        self.assertIn(named, problem["detail"])
        self.assertNotIn("Traceback", problem["detail"])

    def _bodies(self) -> None:
        for what, body in BAD_BODIES.items():
            with self.subTest(what):
                answer = self.api.call("POST", MESSAGES, body, headers={"Content-Type": "application/json"})
                self._expect(answer, 400, "bad_request")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for text in (b"", b"nonce=n", b"body=", b"body=a%00b", b"body=%FF", b"body=a&body=b"):
            with self.subTest(form=text):
                self._expect(self.api.call("POST", MESSAGES, text, headers=form), 400, "bad_request")
        for size in (BIG, 10 * BIG):
            big = json.dumps({"body": "x" * size}).encode()
            self._expect(self.api.call("POST", MESSAGES, big), 413, "too_large")

    def _queries(self) -> None:
        for query in BAD_QUERIES:
            with self.subTest(query):
                field = query.rpartition("&")[2].partition("=")[0]
                self._expect(self.api.call("GET", f"{MESSAGES}?{query}"), 400, "bad_request", field)
        self._expect(self.api.call("GET", f"{MESSAGES}?after=99"), 409, "reset")
        self._expect(self.api.call("GET", f"{MESSAGES}?after=0&epoch=other"), 409, "reset")
        for path in (
            "/api/rooms/nowhere/messages",
            "/api/rooms/NO%20WHERE/messages",
            f"{MESSAGES}/1",
            "/api/nothing",
        ):
            with self.subTest(path):
                method = "DELETE" if path.endswith("/1") else "GET"
                self._expect(self.api.call(method, path), 404, "not_found")

    def _strangers(self, chat: RunningChat) -> None:
        guest = Api(chat.port)
        self._expect(guest.call("GET", MESSAGES), 401, "not_authenticated")
        self._expect(guest.call("GET", "/api/rooms/nowhere/messages"), 404, "not_found")
        self._expect(Api(chat.port, "wrong").call("GET", MESSAGES), 401, "not_authenticated")
        self.client.force_login(self.ana.user)
        cookie = f"{settings.SESSION_COOKIE_NAME}={self.client.session.session_key}"
        logged_in = {"Cookie": cookie}
        self.assertEqual(guest.call("GET", MESSAGES, headers=logged_in).status, 200)
        self._expect(guest.call("POST", MESSAGES, {"body": "x"}, headers=logged_in), 403, "forbidden", "CSRF")
        token = "a" * 32
        ours = {
            "Cookie": f"{cookie}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "Origin": "https://evil.example",
        }
        self._expect(guest.call("POST", MESSAGES, {"body": "x"}, headers=ours), 403, "forbidden")
        self.assertEqual(guest.call("GET", "/", headers={"Host": "evil.example"}).status, 400)

    def _sockets(self, chat: RunningChat) -> None:
        for headers, status in (
            (("Origin: https://evil.example",), 403),
            (("Origin: null",), 403),
            (("X-Odd: a\x0bHost: evil.example",), 400),
            (("Host: evil.example",), 400),
            (("Authorization: Bearer wrong",), 401),
        ):
            with self.subTest(headers=headers), self.assertRaises(Refused) as refused:
                WebSocket(chat.port, headers=headers)
            self.assertEqual(refused.exception.status, status)
        frames: list[tuple[bytes, str]] = [(body, "bad_request") for body in BAD_BODIES.values()]
        send: dict[str, Any] = {"type": "send", "room": LOBBY, "nonce": "n", "body": "x"}
        frames += [
            (json.dumps({**send, "nonce": None}).encode(), "bad_request"),
            (json.dumps({**send, "body": "x" * 4001}).encode(), "bad_request"),
            (json.dumps({**send, "room": "nowhere"}).encode(), "not_found"),
            (json.dumps({**send, "room": "NO WHERE"}).encode(), "bad_request"),
            (json.dumps({**send, "reply_to": 5}).encode(), "not_found"),
            (json.dumps({"type": "join", "room": LOBBY, "after": -1}).encode(), "bad_request"),
            (json.dumps({"type": "join", "room": LOBBY, "after": True}).encode(), "bad_request"),
            (json.dumps({"type": "join", "room": LOBBY, "after": 0, "last": 5}).encode(), "bad_request"),
            (json.dumps({"type": "join", "room": LOBBY, "last": 201}).encode(), "bad_request"),
            (json.dumps({"type": "join", "room": "nowhere"}).encode(), "not_found"),
            (json.dumps({"type": "redact", "room": LOBBY, "target": 5, "nonce": "n"}).encode(), "not_found"),
            (json.dumps({"type": "dance"}).encode(), "bad_request"),
        ]
        for payload, code in frames:
            if b"\xff" in payload:
                continue  # a text frame that is not UTF-8 closes: 1007
            with self.subTest(payload=payload[:60]), WebSocket(chat.port, token=self.ana.token) as socket:
                socket.send_raw(payload)
                self.assertEqual(socket.receive_type("error", "joined", "sent")["code"], code)

    def _pages(self, chat: RunningChat) -> None:
        guest = Api(chat.port)
        for path in (
            "/nowhere",
            "/rooms/nowhere/",
            "/static/../manage.py",
            "/static/%2e%2e/manage.py",
            "/static/",
        ):
            with self.subTest(path):
                answer = guest.call("GET", path)
                self.assertIn(answer.status, {302, 404})
                self.assertNotIn(b"execute_from_command_line", answer.body)
