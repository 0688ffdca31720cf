"""What other processes say, taken apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from realtime.hearsay import Hearsay
from rooms import hints
from rooms.messages import Author, Versions
from tests.test_hints import batch


class Stage:
    """Keeps all that is passed on."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.hearsay = Hearsay("me", self, self, lambda rooms: self.heard.append(("access", rooms)))

    def take(self, *items: Any, origin: str = "other") -> bool:
        [payload] = hints.payloads(origin, items)
        return self.hearsay.take(payload)

    def hinted(self, room: str, last_id: int, versions: Versions) -> None:
        self.heard.append(("hinted", room, last_id, versions))

    def pinged(self, origin: str) -> None:
        self.heard.append(("pinged", origin))

    def asked(self, origin: str, room: str) -> None:
        self.heard.append(("asked", origin, room))

    def told(self, origin: str, room: str, users: Sequence[Author], *, first: bool) -> None:
        self.heard.append(("told", origin, room, list(users), first))

    def heard_typing(self, room: str, user: Author) -> None:
        self.heard.append(("typing", room, user))

    def gone(self, origin: str) -> None:
        self.heard.append(("gone", origin))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_each_sort_is_passed_on_to_whom_it_concerns(stage: Stage) -> None:
    own = stage.take(
        *hints.of_commit([batch("a", 5)]),
        *hints.of_access(["b"]),
        *hints.of_access(None),
        ("ping",),
        ("who", "a"),
        ("here", "a", True, [(3, "ana"), ("e5", "eve")]),
        ("typing", "a", 3, "ana"),
        ("bye",),
    )

    assert not own
    assert stage.heard == [
        ("hinted", "a", 5, Versions("one", 3, 4)),
        ("access", frozenset({"b"})),
        ("access", None),
        ("pinged", "other"),
        ("asked", "other", "a"),
        ("told", "other", "a", [Author(3, "ana"), Author("e5", "eve")], True),
        ("typing", "a", Author(3, "ana")),
        ("gone", "other"),
    ]


def test_what_this_process_said_itself_is_only_a_sign_of_life(stage: Stage) -> None:
    assert stage.take(("accounts",), ("ping",), origin="me")
    assert stage.heard == []


def test_sorts_of_a_newer_version_are_passed_over_and_the_rest_is_taken(stage: Stage) -> None:
    stage.take(("moved", 1), ("at", "a"), ("here", "a", True, [(1,)]), ("access", "b", "and more"))
    assert stage.heard == [("access", frozenset({"b"}))]


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"from":1,"said":[]}',
        json.dumps({"from": "x"}),
        '{"from":"x","said":[1',
        "\ud800",
    ],
)
def test_nonsense_is_passed_over(stage: Stage, payload: str) -> None:
    assert not stage.hearsay.take(payload)
    assert stage.heard == []
