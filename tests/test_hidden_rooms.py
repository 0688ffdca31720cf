"""A room that one may not see is a room that does not exist: on every call, by its bytes and its queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from realtime.transports.http import PARTS, Api, Route
from rooms import log
from rooms.models import Ban, ChatRoom, Membership
from tests.support_bytes import Response
from tests.support_inline import Inline, counting
from tests.support_rooms import person, room

pytestmark = pytest.mark.databases

BODY = {
    "name": "x", "topic": "x", "private": False, "archived": True, "body": "x", "reason": "x", "nonce": "n",
    "id": 1, "muted": True, "role": "member", "minutes": 5, "uses": 1, "seconds": 60,
    "settlement": "dismissed",
}  # fmt: skip
"""Good for every call: what one does not know, it passes over."""

READERS = ("guest", "stranger", "banned")


class Hidden:
    """A private room with a message, one of two people, and none at all."""

    def __init__(self) -> None:
        self.chat = Inline()
        banned = person("banned")
        self.readers = {"guest": None, "stranger": person("stranger"), "banned": banned}
        self.owner = person("owner")
        den, pair = (
            room(sort, visibility=sort, slow_mode_s=5)
            for sort in (ChatRoom.Visibility.PRIVATE, ChatRoom.Visibility.DIRECT)
        )
        for one in (den, pair):
            Membership.objects.create(room=one, user=self.owner, role=Membership.Role.OWNER)
            Membership.objects.create(room=one, user=banned)
            Ban.objects.create(room=one, user=banned)
        self.message = log.post(den, self.owner, "not for you").id
        self.chat.turns.settle()

    def ask(self, reader: str, method: str, path: str, **body: object) -> tuple[list[str], Response]:
        """Return the statements that a call costs, and its answer without the time of day."""
        by = self.readers[reader]
        self.chat.ask("GET", "/api/rooms", by=by)
        with counting() as statements:
            response = self.chat.ask(method, path, {**BODY, "user": self.owner.pk, **body}, by=by)
        response.raw = re.sub(rb"\r\nDate: [^\r]*", b"", response.raw)
        return statements, response

    def path(self, route: str, slug: str) -> str:
        """Return a route's path with all its parts."""
        parts: dict[str, Any] = dict.fromkeys(PARTS, 1)
        parts |= {"room": slug, "id": self.message, "user": self.owner.pk}
        return re.sub(r"\{(\w+)\}", lambda part: str(parts[part[1]]), route)


@pytest.fixture
def hidden() -> Iterator[Hidden]:
    hidden = Hidden()
    yield hidden
    hidden.chat.close()


def routes(chat: Inline) -> list[Route]:
    root: Any = chat.service.site.resource
    api: Api = dict(root._parts)[b"/api/"]
    return [route for route in api._routes if "{room}" in route.path]


def test_every_call_answers_for_it_as_for_none(hidden: Hidden) -> None:
    calls = [(method, route.path) for route in routes(hidden.chat) for method in route.methods]
    assert len(calls) >= 25
    for method, route in calls:
        for reader in READERS:
            asked = {
                slug: hidden.ask(reader, method, hidden.path(route, slug))
                for slug in ("private", "direct", "missing")
            }
            statements, answer = asked.pop("missing")
            if reader != "guest":  # to whom much is refused that needs an account, whatever the room
                assert (answer.status, answer.code) == (404, "not_found"), (method, route, reader)
            for slug, (costs, other) in asked.items():
                assert other.raw == answer.raw, (method, route, reader, slug)
                assert len(costs) == len(statements), (method, route, reader, slug, costs, statements)


def test_a_send_with_files_tells_nothing_of_the_room(hidden: Hidden) -> None:
    for reader in READERS:
        asked = {
            slug: hidden.ask(
                reader, "POST", f"/api/rooms/{slug}/messages", body="", files=["x" * 24, "y" * 24]
            )
            for slug in ("private", "direct", "missing")
        }
        statements, answer = asked.pop("missing")
        for costs, other in asked.values():
            assert other.raw == answer.raw
            assert len(costs) == len(statements), (reader, costs, statements)


@pytest.mark.parametrize("text", ["not one word", "", "x" * 33, "x" * 5000, "NUL \x00"])
def test_what_is_refused_for_its_text_alone_tells_nothing_of_the_room(hidden: Hidden, text: str) -> None:
    calls = [("POST", ""), ("PATCH", "/{id}"), ("POST", "/{id}/reactions"), ("DELETE", "/{id}/reactions")]
    for method, route in calls:
        for reader in READERS:
            path = "/api/rooms/{room}/messages" + route
            asked = {
                slug: hidden.ask(reader, method, hidden.path(path, slug), body=text)
                for slug in ("private", "direct", "missing")
            }
            statements, answer = asked.pop("missing")
            for slug, (costs, other) in asked.items():
                assert other.raw == answer.raw, (method, route, reader, slug)
                assert len(costs) == len(statements), (method, route, reader, slug, costs, statements)


def test_a_guest_who_says_me_hears_the_same_everywhere(hidden: Hidden) -> None:
    for method, path in (("PUT", "members"), ("DELETE", "members"), ("PUT", "bans"), ("DELETE", "mutes")):
        answers = [
            hidden.ask("guest", method, f"/api/rooms/{slug}/{path}/me")
            for slug in ("private", "missing", "lobby")
        ]
        if path == "members":
            assert answers[0][1].raw == answers[1][1].raw
            assert len(answers[0][0]) == len(answers[1][0])
        else:
            assert {answer.code for _costs, answer in answers} == {"not_authenticated"}
            assert len({answer.raw for _costs, answer in answers}) == 1


def test_a_socket_is_told_the_same(hidden: Hidden) -> None:
    for reader in READERS:
        socket = hidden.chat.socket(hidden.readers[reader])
        for command in (
            {"type": "join"}, {"type": "send", "body": "x"}, {"type": "edit", "body": "x"},
            {"type": "redact"}, {"type": "react", "body": "x"}, {"type": "unreact", "body": "x"},
            {"type": "react", "body": "not one word"}, {"type": "unreact", "body": ""},
            {"type": "send", "body": "NUL \x00"}, {"type": "read", "id": 1},
        ):  # fmt: skip
            given = {"target": hidden.message, "nonce": "n", **command}
            told, costs = [], []
            for slug in ("missing", "private", "direct"):
                with counting() as statements:
                    (frame,) = hidden.chat.send(socket, **given, room=slug)
                assert frame.pop("room") == slug
                told.append(frame)
                costs.append(statements)
            assert told[0] == told[1] == told[2], (reader, command)
            assert len(costs[0]) == len(costs[1]) == len(costs[2]), (reader, command, costs)


def test_it_is_overheard_as_none_is(hidden: Hidden) -> None:
    for reader in READERS:
        socket = hidden.chat.socket(hidden.readers[reader])
        costs = []
        for slug in ("missing", "private", "direct"):
            with counting() as statements:
                (frame,) = hidden.chat.send(socket, type="overhear", rooms=[slug])
            assert frame == {"type": "overhearing", "rooms": []}
            costs.append(len(statements))
        assert costs[0] == costs[1] == costs[2], (reader, costs)


def test_it_is_neither_listed_nor_searched(hidden: Hidden) -> None:
    for reader in READERS:
        by = hidden.readers[reader]
        listed = {one["room"] for one in hidden.chat.ask("GET", "/api/rooms", by=by).json["rooms"]}
        found = hidden.chat.ask("GET", "/api/search?q=not+for+you", by=by).json["messages"]
        assert (listed & {"private", "direct"}, found) == (set(), [])
