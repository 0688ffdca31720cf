"""The writer, stepped: a commit ends when a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.limits import WriterLimits
from realtime.writer import Writer
from rooms.messages import Busy, Code, Draft, Kind, Lock, Refused, Stored
from tests.support_realtime import RememberingSender, StepAppend

if TYPE_CHECKING:
    from collections.abc import Sequence


def down() -> Unavailable:
    return Unavailable(detail="The database does not answer.")


class Stage:
    """A writer with an append that waits for the test."""

    def __init__(self, limits: WriterLimits | None = None) -> None:
        self.clock = Clock()
        self.append = StepAppend()
        self.told: list[tuple[str, int]] = []
        self.sender = RememberingSender()
        self.writer = Writer(
            self.append,
            self.clock,
            told=lambda room, key: self.told.append((room, key)),
            limits=limits or WriterLimits(),
        )

    def submit(self, *nonces: str, room: str = "r", body: str = "text") -> None:
        """Submit drafts for one sender and let the writer's turn come."""
        for nonce in nonces:
            self.writer.submit(draft(nonce, room, body), self.sender)
        self.clock.advance(0)

    def refused(self) -> dict[str, Code]:
        """Return what was refused, and how."""
        return {n: o.code for n, o in self.sender.outcomes.items() if isinstance(o, Refused)}

    def stored(self) -> list[str]:
        """Return the nonces of what was stored."""
        return [n for n, o in self.sender.outcomes.items() if isinstance(o, Stored)]


def draft(nonce: str, room: str = "r", body: str = "text") -> Draft:
    return Draft(room, Kind.MESSAGE, 1, nonce, body)


@pytest.fixture
def stage() -> Stage:
    return Stage()


# Batches


def test_what_is_submitted_while_a_commit_runs_goes_into_the_next_one(stage: Stage) -> None:
    stage.submit("a")
    stage.submit("b", "c")
    stage.submit("d", room="other")
    assert stage.append.nonces == ["a"]
    stage.append.store()
    stage.clock.advance(0)
    assert stage.append.nonces == ["b", "c", "d"]
    assert stage.append.lock is Lock.SKIP


def test_all_that_one_turn_of_the_reactor_brings_goes_into_one_commit(stage: Stage) -> None:
    stage.submit("a", "b", "c")
    assert stage.append.nonces == ["a", "b", "c"]


def test_a_sender_hears_once_a_commit_and_never_within_submit(stage: Stage) -> None:
    other = RememberingSender()
    stage.writer.submit(draft("a"), stage.sender)
    stage.writer.submit(draft("x"), other)
    stage.writer.submit(draft("b"), stage.sender)
    assert stage.append.calls == []
    stage.clock.advance(0)
    stage.append.store()
    assert [[nonce for nonce, _ in call] for call in stage.sender.calls] == [["a", "b"]]
    assert [[nonce for nonce, _ in call] for call in other.calls] == [["x"]]


def test_nothing_is_acknowledged_before_the_commit(stage: Stage) -> None:
    stage.submit("a")
    assert stage.sender.calls == []
    stage.append.store()
    assert stage.stored() == ["a"]


def test_a_batch_is_bounded_in_drafts_and_bytes() -> None:
    for limits in (WriterLimits(batch_drafts=2), WriterLimits(batch_bytes=2 * (512 + 16))):
        stage = Stage(limits)
        stage.submit("a", "b", "c")
        assert stage.append.nonces == ["a", "b"]
        stage.append.store()
        stage.clock.advance(0)
        assert stage.append.nonces == ["c"]


def test_one_draft_larger_than_a_batch_is_written_all_the_same() -> None:
    stage = Stage(WriterLimits(batch_bytes=10))
    stage.submit("a")
    assert stage.append.nonces == ["a"]


def test_a_full_queue_is_refused_with_the_nonce() -> None:
    for limits in (WriterLimits(queue_drafts=2), WriterLimits(queue_bytes=2 * (512 + 16))):
        stage = Stage(limits)
        stage.submit("a", "b")
        with pytest.raises(Unavailable) as refused:
            stage.submit("c")
        assert refused.value.nonce == "c"
        stage.append.store()
        stage.submit("c")
        assert stage.append.nonces == ["c"]


def test_one_refused_draft_does_not_fail_its_neighbours(stage: Stage) -> None:
    stage.submit("a", "b")
    stage.append.answer(Refused(Code.FORBIDDEN, "no"), stage.append.stored(draft("b")))
    assert stage.refused() == {"a": Code.FORBIDDEN}
    assert stage.stored() == ["b"]


def test_a_nonce_that_was_known_is_told_to_the_feed(stage: Stage) -> None:
    stage.submit("a", "b")
    stage.append.answer(stage.append.stored(draft("a"), fresh=False), stage.append.stored(draft("b")))
    assert stage.told == [("r", 1)]


def test_a_sender_that_fails_does_not_keep_the_others_from_theirs(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        def settled(self, outcomes: Sequence[tuple[Draft, Stored | Refused]]) -> None:
            raise ZeroDivisionError

    stage.writer.submit(draft("x"), Failing())
    stage.submit("a")
    stage.append.store()
    assert stage.stored() == ["a"]
    assert "ZeroDivisionError" in caplog.text


# Rooms that somebody else holds


def test_a_held_rooms_drafts_stay_before_those_that_came_later(stage: Stage) -> None:
    stage.submit("a", "b", room="held")
    stage.submit("c", room="held")
    stage.append.answer(Busy(), Busy())
    stage.submit("d", room="held")
    stage.submit("x", room="free")
    assert stage.append.nonces == ["x"], "a held room waits a moment"
    stage.append.store()
    stage.clock.advance(0.1)
    assert stage.append.nonces == ["a", "b", "c", "d"]
    assert stage.append.lock is Lock.SKIP


def test_a_room_found_held_twice_is_tried_alone_with_a_short_wait(stage: Stage) -> None:
    stage.submit("a", room="held")
    stage.append.answer(Busy())
    stage.clock.advance(0.1)
    stage.submit("x", room="free")
    stage.append.answer(Busy())
    stage.clock.advance(0)
    assert (stage.append.nonces, stage.append.lock) == (["x"], Lock.SKIP)
    stage.append.store()
    stage.clock.advance(0.1)
    assert (stage.append.nonces, stage.append.lock) == (["a"], Lock.BRIEF)
    stage.append.store()
    assert stage.stored() == ["x", "a"]
    stage.submit("b", room="held")
    assert stage.append.lock is Lock.SKIP


def test_a_held_room_does_not_starve_while_others_are_busy(stage: Stage) -> None:
    stage.submit("held", room="held")
    stage.append.answer(Busy())
    stage.clock.advance(0.1)
    stage.append.answer(Busy())
    locks = []
    for n in range(20):
        stage.submit(f"x{n}", room="free")
        stage.clock.advance(0.02)
        locks.append(stage.append.lock)
        if stage.append.lock is Lock.BRIEF:
            break
        stage.append.store()
    assert locks[-1] is Lock.BRIEF
    assert stage.append.nonces == ["held"]


def test_when_all_that_is_left_is_held_the_writer_does_not_spin(stage: Stage) -> None:
    stage.submit("a", "b", room="held")
    stage.submit("c", room="held too")
    for _ in range(490):
        if stage.append.running is not None:
            stage.append.answer(*(Busy() for _ in stage.append.calls[-1][0]))
        stage.clock.advance(0.01)
    assert len(stage.append.calls) < 20
    assert {lock for _drafts, lock in stage.append.calls[4:]} == {Lock.BRIEF}


def test_within_five_seconds_the_senders_of_a_held_room_are_refused(stage: Stage) -> None:
    stage.submit("a", room="held")
    stage.clock.advance(1)
    stage.submit("b", room="held")
    for _ in range(349):
        if stage.append.running is not None:
            stage.append.answer(*(Busy() for _ in stage.append.calls[-1][0]))
        stage.clock.advance(0.01)
    assert stage.refused() == {}
    for _ in range(2):
        if stage.append.running is not None:
            stage.append.answer(*(Busy() for _ in stage.append.calls[-1][0]))
        stage.clock.advance(0.01)
    assert stage.refused() == {"a": Code.UNAVAILABLE}
    refused = stage.sender.outcomes["a"]
    assert isinstance(refused, Refused)
    assert "room" in refused.detail


# A database that fails


def test_a_commit_of_unknown_outcome_is_tried_again_with_the_same_drafts(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.submit("a", "b")
    stage.append.fail(down())
    stage.submit("c")
    assert len(stage.append.calls) == 1, "not at once"
    stage.clock.advance(0.5)
    assert stage.append.nonces == ["a", "b", "c"]
    assert stage.sender.calls == []
    stage.append.answer(
        stage.append.stored(draft("a"), fresh=False), stage.append.stored(draft("b"), fresh=False), Busy()
    )
    assert stage.stored() == ["a", "b"]
    assert stage.told == [("r", 1), ("r", 2)]
    assert [r.message for r in caplog.records] == [
        "Writing messages: failed, and is tried again: The database does not answer.",
        "Writing messages: works again",
    ]


def test_after_five_seconds_without_database_each_sender_is_refused(stage: Stage) -> None:
    stage.submit("a")
    stage.append.fail(down())
    stage.clock.advance(2)
    stage.submit("b")
    for _ in range(31):
        if stage.append.running is not None:
            stage.append.fail(down())
        stage.clock.advance(0.1)
    assert stage.refused() == {"a": Code.UNAVAILABLE}
    for _ in range(20):
        if stage.append.running is not None:
            stage.append.fail(down())
        stage.clock.advance(0.1)
    assert stage.refused() == {"a": Code.UNAVAILABLE, "b": Code.UNAVAILABLE}
    assert not stage.clock.getDelayedCalls()


def test_a_commit_that_hangs_keeps_nobody_waiting_longer_than_five_seconds(stage: Stage) -> None:
    stage.submit("in hand")
    stage.submit("queued")
    stage.clock.advance(5)
    assert stage.refused() == {"in hand": Code.UNAVAILABLE, "queued": Code.UNAVAILABLE}
    stage.append.store()
    assert len(stage.sender.calls) == 1, "it hears of each once"
    assert not stage.clock.getDelayedCalls()
    stage.submit("later")
    assert stage.append.nonces == ["later"]


def test_what_was_refused_leaves_room_in_the_queue() -> None:
    stage = Stage(WriterLimits(queue_drafts=2, queue_bytes=2 * 528))
    stage.submit("a", "b")
    stage.append.fail(down())
    stage.clock.advance(0.2)
    stage.append.fail(down())
    stage.clock.advance(6)
    if stage.append.running is not None:
        stage.append.fail(down())
    stage.clock.advance(6)
    stage.submit("c", "d")
    stage.append.store()
    assert stage.stored() == ["c", "d"]


def test_a_bug_is_told_and_fails_only_the_draft_that_it_is_about(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.submit("good", "bad", "fine")
    stage.append.fail(ZeroDivisionError())
    for _ in range(3):
        stage.clock.advance(0)
        if stage.append.nonces == ["bad"]:
            stage.append.fail(ZeroDivisionError())
        else:
            stage.append.store()
    assert [[d.nonce for d in drafts] for drafts, _ in stage.append.calls[1:]] == [
        ["good"],
        ["bad"],
        ["fine"],
    ]
    assert stage.stored() == ["good", "fine"]
    assert stage.refused() == {"bad": Code.UNAVAILABLE}
    assert "ZeroDivisionError" in caplog.text
    stage.submit("next")
    assert stage.append.nonces == ["next"]


def test_an_append_that_answers_for_too_few_is_a_bug(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.submit("a")
    stage.append.answer()
    assert stage.refused() == {"a": Code.UNAVAILABLE}
    assert "ValueError" in caplog.text


# One draft


def test_post_returns_the_outcome(stage: Stage) -> None:
    results: list[object] = []
    Deferred.fromCoroutine(stage.writer.post(draft("a"))).addBoth(results.append)
    stage.clock.advance(0)
    stage.append.answer(Refused(Code.FORBIDDEN, "no"))
    assert results == [Refused(Code.FORBIDDEN, "no")]


def test_giving_up_on_a_post_harms_nobody(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    results: list[object] = []
    posting = Deferred.fromCoroutine(stage.writer.post(draft("a")))
    posting.addErrback(lambda failure: results.append(failure.trap(CancelledError)))
    stage.clock.advance(0)
    posting.cancel()
    stage.append.store()
    assert results == [CancelledError]
    assert not caplog.records


# The end


def test_a_stop_finishes_the_commit_in_hand_and_refuses_the_rest(stage: Stage) -> None:
    stage.submit("in hand")
    stage.submit("queued")
    stopped: list[None] = []
    Deferred.fromCoroutine(stage.writer.stop()).addCallback(stopped.append)
    assert stage.refused() == {"queued": Code.UNAVAILABLE}
    assert stopped == []
    with pytest.raises(Unavailable):
        stage.submit("late")
    stage.append.store()
    assert stopped == [None]
    assert stage.stored() == ["in hand"]
    assert not stage.clock.getDelayedCalls()


def test_a_stop_tries_nothing_again(stage: Stage) -> None:
    stage.submit("a", "b")
    stopped: list[None] = []
    Deferred.fromCoroutine(stage.writer.stop()).addCallback(stopped.append)
    stage.append.answer(Busy(), stage.append.stored(draft("b")))
    assert stopped == [None]
    assert stage.refused() == {"a": Code.UNAVAILABLE}
    assert not stage.clock.getDelayedCalls()


def test_a_stop_with_nothing_in_hand_is_done_at_once(stage: Stage) -> None:
    stage.writer.submit(draft("a"), stage.sender)
    stopped: list[None] = []
    Deferred.fromCoroutine(stage.writer.stop()).addCallback(stopped.append)
    assert stopped == [None]
    assert stage.refused() == {"a": Code.UNAVAILABLE}
    assert not stage.append.calls
