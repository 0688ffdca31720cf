"""A room of many, which is told some at a time."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.limits import HubLimits
from rooms.messages import Code
from tests.support_hub import Stage, sub
from tests.support_realtime import RememberingReader


def crowd(**limits: Any) -> tuple[Stage, list[RememberingReader]]:
    """Return a room of five readers, of whom two are told in a turn."""
    stage = Stage(HubLimits(offers_at_once=2, **limits))
    readers = [stage.attach(user=user) for user in range(5)]
    stage.reads.fire_all()
    return stage, readers


def test_many_are_told_some_at_a_time() -> None:
    stage, readers = crowd()
    stage.hub.publish([stage.log.post("r")])
    assert [one.ids for one in readers] == [[1], [1], [], [], []]
    stage.clock.turn()
    assert [one.ids for one in readers] == [[1], [1], [1], [1], []]
    stage.clock.turn()
    assert [one.ids for one in readers] == [[1]] * 5
    assert not stage.clock.getDelayedCalls()
    assert len({id(one.batches[0]) for one in readers}) == 1


def test_each_time() -> None:
    stage, readers = crowd(tail_messages=4)
    for number in range(1, 6):
        stage.hub.publish([stage.log.post("r")])
        assert sorted(len(one.ids) for one in readers) == [number - 1] * 3 + [number] * 2
        for _turn in readers:
            stage.clock.turn()
    stage.hub.publish([stage.log.post("r")])
    stage.hub.publish([stage.log.post("r")])
    assert sorted(len(one.ids) for one in readers) == [5, 5, 5, 6, 6], "what is over counts no more"


def test_who_waits_is_told_of_what_comes_meanwhile_first_and_in_one_piece() -> None:
    stage, readers = crowd()
    stage.hub.publish([stage.log.post("r")])
    stage.hub.publish([stage.log.post("r")])
    assert [one.ids for one in readers] == [[1], [1], [], [], []]
    stage.clock.turn()
    assert [one.ids for one in readers] == [[1], [1], [1, 2], [1, 2], []]
    stage.clock.turn()
    assert [one.ids for one in readers] == [[1, 2], [1], [1, 2], [1, 2], [1, 2]]
    stage.clock.turn()
    assert [one.ids for one in readers] == [[1, 2]] * 5
    assert [len(one.batches) for one in readers] == [2, 2, 1, 1, 1]
    assert not stage.reads.asked
    assert not stage.clock.getDelayedCalls()


@pytest.mark.parametrize("limits", [{"tail_messages": 4}, {"tail_bytes": 60}])
def test_nobody_waits_until_memory_has_let_go_of_it(limits: dict[str, int]) -> None:
    stage, readers = crowd(**limits)
    for number in range(1, 20):
        stage.hub.publish([stage.log.post("r")])
        assert all(len(one.ids) >= number - 3 for one in readers)
    for _turn in readers:
        stage.clock.turn()
    assert [one.ids for one in readers] == [list(range(1, 20))] * 5
    assert not stage.reads.asked, "it was never read from the database"


def test_a_change_of_permissions_in_the_middle_is_asked_about_before_the_rest_is_told() -> None:
    stage, readers = crowd()
    stage.hub.publish([stage.log.post("r")])
    stage.log.ban("r", 4)
    stage.hub.access_changed(frozenset({"r"}))
    stage.clock.turn()
    assert [one.ids for one in readers] == [[1], [1], [], [], []]
    stage.reads.fire_all()
    assert [one.ids for one in readers] == [[1], [1], [1], [1], []]
    assert readers[4].left_with is Code.FORBIDDEN


def test_who_comes_and_goes_in_the_middle_of_a_round_changes_nothing_for_others() -> None:
    stage, readers = crowd()
    stage.hub.publish([stage.log.post("r")])
    sub(readers[2]).end()
    late = stage.attach(0, user=9)
    for _turn in readers:
        stage.clock.turn()
    assert [one.ids for one in readers] == [[1], [1], [], [1], [1]]
    assert late.ids == [1]


def test_after_a_stop_nobody_is_told_of_the_rest() -> None:
    stage, readers = crowd()
    stage.hub.publish([stage.log.post("r")])
    stage.hub.stop()
    assert not stage.clock.getDelayedCalls()
    assert [one.ids for one in readers] == [[1], [1], [], [], []]
