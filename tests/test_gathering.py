"""Questions that are gathered: one at once, and all that come meanwhile in the next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from realtime.gathering import Gathering
from realtime.limits import GatheringLimits

LIMITS = GatheringLimits(at_once=3, patience_s=0.25)


class Asked:
    """A question that the test answers, and who waits for what."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.questions: list[tuple[str, list[int], Deferred[None]]] = []
        self.gathering: Gathering[str, int, str] = Gathering(self._ask, self.clock, LIMITS)
        self.answers: list[Any] = []

    async def _ask(self, key: str, members: Collection[int]) -> dict[int, str]:
        answered: Deferred[None] = Deferred()
        self.questions.append((key, list(members), answered))
        await answered
        return {member: f"{key}{member}" for member in members}

    def ask(self, member: int, key: str = "k") -> None:
        Deferred.fromCoroutine(self.gathering.about(key, member)).addBoth(self.answers.append)

    def asked(self) -> list[list[int]]:
        return [members for _key, members, _answered in self.questions]

    def answer(self, number: int) -> None:
        self.questions[number][2].callback(None)


@pytest.fixture(name="asked")
def nobody_yet() -> Asked:
    return Asked()


def test_the_first_is_asked_at_once_and_those_who_come_meanwhile_together(asked: Asked) -> None:
    for member in (1, 2, 3, 2):
        asked.ask(member)
    assert asked.asked() == [[1]]
    asked.answer(0)
    assert asked.asked() == [[1], [2, 3]]
    assert asked.answers == ["k1"]
    asked.answer(1)
    assert sorted(asked.answers) == ["k1", "k2", "k2", "k3"]
    asked.ask(4)
    assert asked.asked() == [[1], [2, 3], [4]]


def test_who_asks_again_while_it_is_being_asked_gets_a_newer_answer(asked: Asked) -> None:
    """What changed since the question went out must be in the answer."""
    asked.ask(1)
    asked.ask(1)
    asked.answer(0)
    assert asked.asked() == [[1], [1]]
    assert asked.answers == ["k1"]


def test_other_keys_do_not_wait(asked: Asked) -> None:
    asked.ask(1)
    asked.ask(1, "other")
    assert [key for key, _members, _answered in asked.questions] == ["k", "other"]


def test_a_question_that_hangs_is_not_waited_for_long(asked: Asked) -> None:
    asked.ask(1)
    asked.ask(2)
    asked.clock.advance(LIMITS.patience_s)
    assert asked.asked() == [[1], [2]]
    asked.answer(1)
    assert asked.answers == ["k2"]
    asked.answer(0)
    assert asked.answers == ["k2", "k1"]


def test_a_question_is_about_so_many_at_most(asked: Asked) -> None:
    for member in range(5):
        asked.ask(member)
    assert asked.asked() == [[0], [1, 2, 3]]
    asked.answer(0)
    assert asked.asked() == [[0], [1, 2, 3]], "another is under way"
    asked.answer(1)
    assert asked.asked() == [[0], [1, 2, 3], [4]]
    assert not asked.clock.getDelayedCalls()


def test_a_failure_is_for_those_who_were_asked_about(asked: Asked) -> None:
    asked.ask(1)
    asked.ask(2)
    asked.questions[0][2].errback(ZeroDivisionError())
    assert asked.answers[0].check(ZeroDivisionError)
    asked.answer(1)
    assert asked.answers[1] == "k2"
