"""What is done to a room and its people reaches every reader: on each transport, and who was away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.threads import deferToThread  # noqa: TID251 (the test is the other thread)

from rooms import acting
from rooms.actions import Rename
from rooms.messages import Event, Kind
from rooms.models import Membership
from tests.support_bytes import Connection, Response, Socket
from tests.support_inline import Inline
from tests.support_rooms import person, room
from tests.support_service import ServiceCase

pytestmark = pytest.mark.databases

TEA = "/api/rooms/tea"
BEN = "{ben}"
SAID = "{said}"
STEPS: list[tuple[str, str, Any, list[str]]] = [
    ("PATCH", "", {"name": "Coffee"}, ["renamed"]),
    ("PATCH", "", {"topic": "Beans"}, ["topic"]),
    ("PATCH", "", {"open_to_guests": True}, ["guests"]),
    ("PATCH", "", {"open_to_guests": False}, ["guests"]),
    ("PATCH", "", {"private": True}, ["visibility"]),
    ("PATCH", "", {"private": False}, ["visibility"]),
    ("PATCH", "", {"read_only": True}, ["read_only"]),
    ("PATCH", "", {"archived": True}, ["archived"]),
    ("PATCH", "", {"archived": False, "read_only": False}, ["unarchived", "read_only"]),
    ("PATCH", "", {"slow_mode": 3}, ["slow_mode"]),
    ("PUT", f"/members/{BEN}", {}, ["joined"]),
    ("PUT", f"/members/{BEN}", {"role": "moderator"}, ["role"]),
    ("DELETE", f"/members/{BEN}", {}, ["removed"]),
    ("PUT", f"/mutes/{BEN}", {"minutes": 5}, ["muted"]),
    ("DELETE", f"/mutes/{BEN}", None, ["unmuted"]),
    ("PUT", f"/bans/{BEN}", {}, ["banned"]),
    ("DELETE", f"/bans/{BEN}", None, ["unbanned"]),
    ("POST", f"/messages/{SAID}/reactions", {"body": "🍵"}, ["reaction"]),
    ("DELETE", f"/messages/{SAID}/reactions", {"body": "🍵"}, ["unreaction"]),
    ("PATCH", f"/messages/{SAID}", {"body": "said better"}, ["edit"]),
    ("POST", "/redactions", {"user": BEN}, ["redaction"]),
    ("DELETE", f"/messages/{SAID}", {"reason": "no"}, ["redaction"]),
    ("PUT", "/members/me", None, []),
]  # fmt: skip


class Watching:
    """Somebody who reads a room on a WebSocket, an event stream and by long polls."""

    def __init__(self, chat: Inline, by: Any, slug: str) -> None:
        self._chat = chat
        self._by = by
        self._path = f"/api/rooms/{slug}"
        self.socket: Socket = chat.socket(by)
        chat.send(self.socket, type="join", room=slug, after=0)
        self._stream = chat.begin("GET", f"{self._path}/events?after=0", by=by)
        self._cursor = 0
        self._poll = self._wait()
        self.seen: dict[str, list[Any]] = {"socket": [], "stream": [], "poll": []}
        self.look()
        for seen in self.seen.values():
            seen.clear()

    def look(self) -> None:
        """Take in what has come."""
        for frame in self.socket.told():
            self.seen["socket"] += frame.get("messages", [])
        self.seen["stream"] = [json.loads(data) for data in self._events()]
        while self._poll.value():
            page = self._poll.response().json
            self.seen["poll"] += page["messages"]
            self._cursor = page["last_id"]
            self._poll = self._wait()

    def _wait(self) -> Connection:
        return self._chat.begin("GET", f"{self._path}/messages?after={self._cursor}&wait=30", by=self._by)

    def _events(self) -> Iterator[str]:
        for block in Response.parse(self._stream.value()).body.decode().split("\n\n"):
            if "event: message" in block:
                yield block.partition("data: ")[2]


def what(row: Any) -> str:
    """Return what a row of the log tells."""
    return str(row["notice"]["event"] if row["kind"] == "notice" else row["kind"])


def test_every_kind_of_row_and_of_notice_is_watched_here() -> None:
    told = {one for _method, _path, _body, expected in STEPS for one in expected}

    assert told | {"created", "message", "notice", "left"} == {*Kind, *Event}


def test_all_readers_end_with_the_same_view() -> None:
    chat = Inline()
    ana, ben, cat = person("ana"), person("ben"), person("cat")
    tea = room("tea")
    Membership.objects.create(room=tea, user=ana, role=Membership.Role.OWNER)
    Membership.objects.create(room=tea, user=cat)
    said = chat.ask("POST", f"{TEA}/messages", {"body": "said"}, by=ana).json["id"]
    chat.ask("POST", f"{TEA}/messages", {"body": "spam"}, by=ben)
    chat.ask("PUT", f"{TEA}/members/me", by=ben)
    chat.ask("DELETE", f"{TEA}/members/me", by=ben)
    away_since = chat.ask("GET", f"{TEA}/messages", by=cat).json["last_id"]
    watching = Watching(chat, cat, "tea")
    expected: list[str] = []
    for method, path, body, told in STEPS:
        given = json.loads(json.dumps(body).replace(f'"{BEN}"', str(ben.pk)))
        where = path.replace(BEN, str(ben.pk)).replace(SAID, str(said))
        answer = chat.ask(method, TEA + where, given, by=ana)
        assert answer.status in {200, 201, 204}, (method, path, answer.raw)
        expected += told
        watching.look()
        for transport, seen in watching.seen.items():
            later = [row for row in seen if row["id"] > away_since]
            assert [what(row) for row in later] == expected, (transport, method, path)

    back = chat.ask("GET", f"{TEA}/messages?after={away_since}&limit=200", by=cat).json["messages"]
    assert [what(row) for row in back] == expected
    unchanged = [row for row in back if "changed" not in row]
    for transport, seen in watching.seen.items():
        live = {row["id"]: row for row in seen}
        assert [live[row["id"]] for row in unchanged] == unchanged, transport
    whole = chat.ask("GET", f"{TEA}/messages", by=cat).json["messages"]
    assert [row["id"] for row in whole if row.get("redacted") and row["kind"] == "message"] == [
        said,
        said + 1,
    ]
    chat.close()


@pytest.mark.parametrize("transport", ["socket", "stream", "poll"])
def test_reactions_are_live(transport: str) -> None:
    chat = Inline()
    ana, ben = person("ana"), person("ben")
    said = chat.ask("POST", "/api/rooms/lobby/messages", {"body": "tea?"}, by=ana).json["id"]
    watching = Watching(chat, ana, "lobby")
    reacting = chat.socket(ben)
    frame = {"room": "lobby", "target": said, "body": "🍵"}
    (sent,) = chat.send(reacting, type="react", nonce="a", **frame)
    (again,) = chat.send(reacting, type="react", nonce="b", **frame)
    chat.send(reacting, type="unreact", nonce="c", **frame)
    (none,) = chat.send(reacting, type="unreact", nonce="d", **frame)
    watching.look()
    seen = [row for row in watching.seen[transport] if row["id"] > said]

    assert [(row["kind"], row["target"], row["body"], row["author"]["name"]) for row in seen] == [
        ("reaction", said, "🍵", "ben"),
        ("unreaction", said, "🍵", "ben"),
    ]
    assert sent["sent"] == [{"nonce": "a", "room": "lobby", "id": seen[0]["id"]}]
    assert again["sent"] == [{"nonce": "b", "room": "lobby", "id": seen[0]["id"]}]
    assert (none["code"], none["nonce"], none["room"]) == ("not_found", "d", "lobby")
    chat.close()


def test_slow_mode_says_when_to_come_back() -> None:
    chat = Inline()
    ben = person("ben")
    room("tea", slow_mode_s=60)
    chat.ask("POST", f"{TEA}/messages", {"body": "one"}, by=ben)
    answer = chat.ask("POST", f"{TEA}/messages", {"body": "two", "nonce": "n"}, by=ben)
    (frame,) = chat.send(chat.socket(ben), type="send", room="tea", body="two", nonce="n")

    assert (answer.status, answer.code, answer.json["nonce"]) == (429, "rate_limited", "n")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert (frame["code"], frame["nonce"]) == ("rate_limited", "n")
    assert 0 < frame["retry_after"] <= 60
    chat.close()


def test_a_ban_by_a_call_ends_what_the_banned_read_at_once() -> None:
    chat = Inline()
    ana, ben = person("ana"), person("ben")
    tea = room("tea")
    Membership.objects.create(room=tea, user=ana, role=Membership.Role.OWNER)
    watching = Watching(chat, ben, "tea")
    chat.ask("PUT", f"{TEA}/bans/{ben.pk}", {"reason": "rude"}, by=ana)
    chat.ask("POST", f"{TEA}/messages", {"body": "not for ben"}, by=ana)

    assert watching.socket.told() == [{"type": "left", "room": "tea", "code": "forbidden"}]
    assert b"event: left" in watching._stream.value()
    assert b"not for ben" not in watching._stream.value()
    assert watching._poll.response().status == 403
    chat.close()


class TestRealThreads(ServiceCase):
    """The same on real sockets and threads: nothing but the commit wakes anybody."""

    async def test_a_renamed_room_is_told_on_every_transport_and_to_who_comes_back(self) -> None:
        await self.start()
        poll, stream = await self.connect(), await self.connect()
        poll.ask("GET", "/api/rooms/lobby/messages?after=0&wait=30", **self.token)
        stream.ask("GET", "/api/rooms/lobby/events?after=0", **self.token)
        await stream.hears(b"event: hello", self.reactor)
        talker, socket = await self.socket(**self.token)
        socket.send({"type": "join", "room": "lobby", "after": 0})
        await talker.hears(b'"type":"joined"', self.reactor)
        await deferToThread(thd_rename)
        for heard in (poll, stream, talker):
            await heard.hears(b'"notice":{"event":"renamed","value":"Foyer"}', self.reactor)

        back = await self.ask("GET", "/api/rooms/lobby/messages?after=0", **self.token)
        assert [row["notice"]["value"] for row in back.json["messages"]] == ["Foyer"]

    async def test_a_call_is_told_on_every_transport(self) -> None:
        await self.start()
        talker, socket = await self.socket(**self.token)
        socket.send({"type": "join", "room": "lobby", "after": 0})
        await talker.hears(b'"type":"joined"', self.reactor)
        made = await self.ask("PUT", "/api/rooms/lobby/members/me", **self.token)
        await talker.hears(b'"event":"joined"', self.reactor)

        assert (made.status, made.json["role"]) == (200, "member")


def thd_rename() -> None:
    """Rename a room as a shell does."""
    from django.db import connection

    try:
        acting.perform(None, Rename("lobby", "Foyer"), trusted=True)
    finally:
        connection.close()
