"""Who a credential is, for how long that is remembered, and what happens when it no longer holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.identities import Identities
from realtime.limits import IdentityLimits
from rooms.messages import Credential, Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ANA = Credential(session_key="ana")
BEN = Credential(token_digest="ben")


class Accounts:
    """Accounts that answer when the test says so."""

    def __init__(self) -> None:
        self.valid = {ANA: Identity(1, "ana", ANA), BEN: Identity(2, "ben", BEN)}
        self.asked: list[tuple[list[Credential], Deferred[None]]] = []

    async def identify(self, credential: Credential) -> Identity | None:
        seen = await self._later([credential])
        return seen[credential]

    async def still_valid(self, credentials: Collection[Credential]) -> dict[Credential, Identity | None]:
        return await self._later(list(credentials))

    async def _later(self, credentials: list[Credential]) -> dict[Credential, Identity | None]:
        seen = {credential: self.valid.get(credential) for credential in credentials}
        answer: Deferred[None] = Deferred()
        self.asked.append((credentials, answer))
        await answer
        return seen

    def fire(self) -> list[Credential]:
        credentials, answer = self.asked.pop(0)
        answer.callback(None)
        return credentials

    def fail(self) -> None:
        self.asked.pop(0)[1].errback(Unavailable(detail="down"))


class Stage:
    def __init__(self, limits: IdentityLimits | None = None) -> None:
        self.clock = Clock()
        self.accounts = Accounts()
        self.identities = Identities(self.accounts, self.clock, limits or IdentityLimits())
        self.revoked: list[str] = []

    def who(self, credential: Credential) -> list[object]:
        """Ask, and return where the answer will be."""
        answers: list[object] = []
        asking = Deferred.fromCoroutine(self.identities.identify(credential))
        asking.addCallbacks(answers.append, lambda failure: answers.append(failure.type))
        return answers

    def watch(self, credential: Credential, revoked: Callable[[], None]) -> Callable[[], None]:
        """Let somebody in, and have them watched."""
        self.who(credential)
        while self.accounts.asked:
            self.accounts.fire()
        return self.identities.watch(credential, revoked)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_an_answer_is_kept_for_five_seconds_and_no_longer(stage: Stage) -> None:
    first = stage.who(ANA)
    stage.accounts.fire()
    stage.clock.advance(4.9)
    second = stage.who(ANA)
    assert first == second == [Identity(1, "ana", ANA)]
    stage.clock.advance(0.2)
    third = stage.who(ANA)
    assert third == []
    stage.accounts.fire()
    assert third == first


def test_the_five_seconds_begin_when_the_question_does(stage: Stage) -> None:
    stage.who(ANA)
    stage.clock.advance(4)
    stage.accounts.fire()
    stage.clock.advance(2)
    assert stage.who(ANA) == []


def test_that_nobody_is_known_is_kept_too(stage: Stage) -> None:
    stage.who(Credential(session_key="?"))
    stage.accounts.fire()
    assert stage.who(Credential(session_key="?")) == [None]


def test_those_who_ask_at_once_share_one_question(stage: Stage) -> None:
    answers = [stage.who(ANA) for _ in range(10)]
    assert len(stage.accounts.asked) == 1
    stage.accounts.fire()
    assert answers == [[Identity(1, "ana", ANA)]] * 10


def test_a_failure_reaches_all_who_asked_and_is_not_kept(stage: Stage) -> None:
    answers = [stage.who(ANA) for _ in range(2)]
    stage.accounts.fail()
    assert answers == [[Unavailable]] * 2
    again = stage.who(ANA)
    stage.accounts.fire()
    assert again == [Identity(1, "ana", ANA)]


def test_what_is_remembered_is_bounded() -> None:
    stage = Stage(IdentityLimits(keep_credentials=2))
    for key in ("a", "b", "c"):
        stage.who(Credential(session_key=key))
        stage.accounts.fire()
    assert stage.who(Credential(session_key="c")) == [None]
    assert stage.who(Credential(session_key="a")) == []


def test_when_accounts_change_nobody_is_remembered(stage: Stage) -> None:
    stage.who(ANA)
    stage.accounts.fire()
    del stage.accounts.valid[ANA]
    stage.identities.forget()
    answer = stage.who(ANA)
    stage.accounts.fire()
    assert answer == [None]


def test_an_answer_from_before_the_change_is_not_given_to_those_who_ask_after_it(stage: Stage) -> None:
    before = stage.who(ANA)
    del stage.accounts.valid[ANA]
    stage.identities.forget()
    after = stage.who(ANA)
    stage.accounts.fire()
    assert before == [Identity(1, "ana", ANA)]
    assert after == []
    assert stage.who(ANA) == [], "nor kept"
    stage.accounts.fire()
    assert after == [None]


def test_a_credential_that_no_longer_holds_is_revoked_once(stage: Stage) -> None:
    for name, credential in (("ana", ANA), ("ana too", ANA), ("ben", BEN)):
        stage.watch(credential, partial(stage.revoked.append, name))
    stage.identities.check()
    stage.accounts.fire()
    assert stage.revoked == []
    del stage.accounts.valid[ANA]
    stage.identities.check()
    stage.accounts.fire()
    assert stage.revoked == ["ana", "ana too"]
    stage.identities.check()
    assert stage.accounts.fire() == [BEN]
    assert stage.revoked == ["ana", "ana too"]


def test_who_was_let_in_before_a_change_and_is_watched_after_it_is_asked_about(stage: Stage) -> None:
    """Between the two something is read for them, which may take longer than the check of all the others."""
    stage.who(ANA)
    stage.accounts.fire()
    stage.accounts.valid.clear()
    stage.identities.forget()
    assert stage.accounts.asked == []
    stage.identities.watch(ANA, lambda: stage.revoked.append("ana"))
    assert stage.accounts.fire() == [ANA]
    assert stage.revoked == ["ana"]


def test_so_is_one_by_a_credential_that_others_were_revoked_by(stage: Stage) -> None:
    stage.watch(ANA, lambda: stage.revoked.append("first"))
    stage.accounts.valid.clear()
    stage.identities.forget()
    stage.accounts.fire()
    stage.identities.watch(ANA, lambda: stage.revoked.append("second"))
    stage.accounts.fire()
    assert stage.revoked == ["first", "second"]


def test_who_is_watched_as_soon_as_let_in_costs_no_question(stage: Stage) -> None:
    stage.watch(ANA, lambda: None)
    assert stage.accounts.asked == []


def test_what_is_no_longer_watched_is_not_asked_about(stage: Stage) -> None:
    unwatch = stage.watch(ANA, lambda: stage.revoked.append("ana"))
    unwatch()
    unwatch()
    stage.identities.check()
    assert stage.accounts.asked == []


def test_one_of_two_watches_may_end(stage: Stage) -> None:
    unwatch = stage.watch(ANA, lambda: stage.revoked.append("first"))
    stage.watch(ANA, lambda: stage.revoked.append("second"))
    unwatch()
    stage.accounts.valid.clear()
    stage.identities.check()
    stage.accounts.fire()
    assert stage.revoked == ["second"]


def test_all_that_are_watched_are_asked_about_in_portions() -> None:
    stage = Stage(IdentityLimits(at_once=2))
    for key in "abcde":
        credential = Credential(session_key=key)
        stage.accounts.valid[credential] = Identity(key, key, credential)
        stage.watch(credential, lambda: None)
    stage.identities.check()
    sizes = []
    while stage.accounts.asked:
        sizes.append(len(stage.accounts.fire()))
    assert sizes == [2, 2, 1]


def test_a_check_that_fails_is_made_again(stage: Stage) -> None:
    stage.watch(ANA, lambda: stage.revoked.append("ana"))
    stage.accounts.valid.clear()
    stage.identities.check()
    stage.accounts.fail()
    assert stage.revoked == []
    stage.clock.advance(1)
    stage.accounts.fire()
    assert stage.revoked == ["ana"]


def test_a_change_during_a_check_is_checked_again(stage: Stage) -> None:
    stage.watch(ANA, lambda: stage.revoked.append("ana"))
    stage.identities.check()
    stage.accounts.valid.clear()
    stage.identities.forget()
    stage.accounts.fire()
    assert stage.revoked == []
    stage.accounts.fire()
    assert stage.revoked == ["ana"]


def test_a_connection_that_fails_to_end_does_not_keep_the_others(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    stage.watch(ANA, fail)
    stage.watch(ANA, lambda: stage.revoked.append("ana"))
    stage.accounts.valid.clear()
    stage.identities.check()
    stage.accounts.fire()
    assert stage.revoked == ["ana"]
    assert "ZeroDivisionError" in caplog.text


def test_after_a_stop_nobody_is_asked_about(stage: Stage) -> None:
    stage.watch(ANA, lambda: stage.revoked.append("ana"))
    stage.identities.check()
    stage.accounts.fail()
    stage.identities.stop()
    assert not stage.clock.getDelayedCalls()
