"""So many at a time, however many wait, and however soon they end."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail

from realtime.errors import Unavailable
from realtime.turns import Turns
from rooms.messages import Heads
from tests.support_hub import Stage, sub

MANY = 2_000
"""More than Python nests calls."""


def test_so_many_go_at_once_and_the_others_in_their_order() -> None:
    turns, ends, log = Turns(2), [Deferred[None]() for _ in range(5)], []

    async def go(number: int) -> None:
        async with turns.one():
            log.append(number)
            await ends[number]

    for number in range(5):
        Deferred.fromCoroutine(go(number))
    assert log == [0, 1]
    ends[1].callback(None)
    assert log == [0, 1, 2]
    ends[0].callback(None)
    ends[2].callback(None)
    assert (log, turns.free) == ([0, 1, 2, 3, 4], 0)
    for number in (3, 4):
        ends[number].callback(None)
    assert turns.free == 2


def test_nobody_goes_before_those_who_wait() -> None:
    turns, first, log = Turns(1), Deferred[None](), []

    async def go(name: str, until: Deferred[None] | None = None) -> None:
        async with turns.one():
            log.append(name)
            if until is not None:
                await until
        if name == "second":
            Deferred.fromCoroutine(go("late"))

    for name in ("first", "second", "third"):
        Deferred.fromCoroutine(go(name, first if name == "first" else None))
    first.callback(None)
    assert log == ["first", "second", "third", "late"]
    assert turns.free == 1


def test_who_fails_at_once_gives_the_turn_back() -> None:
    turns, first = Turns(1), Deferred[None]()
    failed: list[type[BaseException]] = []

    async def go(until: Deferred[None] | None) -> None:
        try:
            async with turns.one():
                await (until or fail(Unavailable()))
        except Unavailable as error:
            failed.append(type(error))

    Deferred.fromCoroutine(go(first))
    for _one in range(MANY):
        Deferred.fromCoroutine(go(None))
    first.callback(None)
    assert failed == [Unavailable] * MANY
    assert turns.free == 1


def test_many_rooms_left_while_they_open_leave_the_hub_as_it_was() -> None:
    stage = Stage()
    readers = [stage.attach(0, room=f"r{number}") for number in range(MANY)]
    for reader in readers:
        sub(reader).end()
    stage.reads.fire_all()
    stage.log.post("tea", "hot")
    late = stage.attach(0, room="tea")
    stage.reads.fire_all()
    assert late.ids == [1]


def test_many_rooms_that_open_while_the_database_refuses_open_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    readers = [stage.attach(0, room=f"r{number}") for number in range(MANY)]

    async def refused(_slugs: object) -> Heads:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(stage.reads, "heads", refused)
        stage.reads.fire_all()
    for _second in range(30):
        stage.clock.advance(1)
        stage.reads.fire_all()
    assert all(sub(reader).readable for reader in readers)
