"""The hub, stepped: reads happen when a test says so, batches come in the order it likes."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.task import Clock

from realtime.errors import Unavailable
from realtime.hub import Batch, Encoded, Hub, Subscription
from realtime.limits import HubLimits
from rooms.messages import Code, UserId
from tests.support_realtime import MAY_SEE, MemoryLog, RememberingReader, StepReads, encode


class Turns(Clock):
    """A clock whose turns are those of a reactor: what one of them calls for comes in the next."""

    def turn(self) -> None:
        """Call what is due."""
        due: list[Any] = [call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()]
        for call in due:
            self.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


class Stage:
    """A hub on a log in memory."""

    def __init__(self, limits: HubLimits | None = None) -> None:
        self.clock = Turns()
        self.log = MemoryLog()
        self.reads = StepReads(self.log)
        self.encoded: list[int] = []
        self.hub = Hub(self.reads, self.clock, encode=self._encode, limits=limits or HubLimits())

    def attach(
        self, cursor: int | None = None, *, room: str = "r", user: UserId | None = 1, limit: int = 200
    ) -> RememberingReader:
        """Attach a reader, at the head if nowhere else, and wake it."""
        at = self.log.head(room) if cursor is None else cursor
        reader = RememberingReader(at)
        versions, rights = self.log.rights(room, [user])
        reader.subscription = self.hub.attach(
            room, reader, user_id=user, cursor=at, versions=versions, limit=limit, access=rights[user]
        )
        reader.subscription.wake()
        return reader

    def at_hand(self, cursor: int | None = 0, epoch: str | None = None, *, user: UserId | None = 1) -> bool:
        """Tell whether somebody who comes back need not be asked about."""
        page = self.hub.page_at_hand("r", user, cursor=cursor, epoch=epoch)
        if page is not None:
            assert (page.head, page.versions) == (self.log.head("r"), self.log.versions("r"))
            assert (page.messages, page.more, page.start, page.access) == ((), False, 0, MAY_SEE)
        return page is not None

    def _encode(self, posted: object) -> bytes:
        self.encoded.append(posted.id)  # type: ignore[attr-defined]
        return encode(posted)  # type: ignore[arg-type]


def sub(reader: RememberingReader) -> Subscription:
    assert reader.subscription is not None
    return reader.subscription


@pytest.fixture
def stage() -> Stage:
    return Stage()


# Publishing in order


def test_what_joins_on_goes_to_all_at_once_as_the_same_batch_encoded_once(stage: Stage) -> None:
    first, second = stage.attach(), stage.attach(user=2)
    stage.reads.fire_all()
    stage.encoded.clear()
    batch = stage.log.post("r", "a", "b")
    stage.hub.publish([batch])
    assert first.ids == second.ids == [1, 2]
    assert first.batches[0] is second.batches[0]
    assert stage.encoded == [1, 2]
    assert not stage.reads.asked


def test_what_does_not_join_on_is_published_only_after_the_gap_was_read(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    missed, batch = stage.log.post("r"), stage.log.post("r")
    stage.hub.publish([batch])
    assert reader.ids == []
    stage.reads.fire("after")
    assert reader.ids == [missed.last_id, batch.last_id]
    stage.hub.publish([missed, batch])
    assert reader.ids == [missed.last_id, batch.last_id]


def test_while_a_feed_reads_it_reads_again_until_it_has_what_it_was_told_of(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    stage.log.post("r")
    stage.hub.told("r", 1)
    stage.reads.asked[0].snapshot()
    second = stage.log.post("r")
    stage.hub.publish([second])
    assert len(stage.reads.asked) == 1, "one read in flight"
    stage.reads.fire()
    assert reader.ids == [1]
    stage.reads.fire()
    assert reader.ids == [1, 2]
    assert not stage.reads.asked


def test_a_batch_that_comes_while_a_feed_opens_is_not_lost(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.asked[0].snapshot()
    stage.hub.publish([stage.log.post("r")])
    stage.reads.fire_all()
    assert reader.ids == [1]


def test_a_hint_of_something_that_never_was_ends(stage: Stage) -> None:
    reader = stage.attach()
    stage.hub.told("r", 99)
    stage.reads.fire_all()
    stage.hub.told("r", 100)
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r")])
    assert reader.ids == [1]
    assert reader.resets == []


def test_a_gap_longer_than_a_page_is_read_in_pages() -> None:
    stage = Stage(HubLimits(gap_messages=2))
    reader = stage.attach()
    stage.reads.fire_all()
    for _ in range(5):
        stage.log.post("r")
    stage.hub.told("r", 5)
    stage.reads.fire_all()
    assert reader.ids == [1, 2, 3, 4, 5]
    assert [len(batch.messages) for batch in reader.batches] == [2, 2, 1]


def test_rooms_do_not_see_each_other(stage: Stage) -> None:
    one, other = stage.attach(room="one"), stage.attach(room="other")
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("one"), stage.log.post("other"), stage.log.post("nobody")])
    assert (one.ids, other.ids) == ([1], [2])


def test_a_message_that_cannot_be_encoded_does_not_keep_other_rooms_from_theirs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage()
    one, other = stage.attach(room="one"), stage.attach(room="other")
    stage.reads.fire_all()
    bad = stage.log.post("one")
    broken = replace(bad, messages=(None,))  # type: ignore[arg-type]
    object.__setattr__(broken, "messages", (None, *bad.messages))
    stage.hub.publish([broken, stage.log.post("other")])
    assert other.ids == [2]
    assert "Publishing in one failed" in caplog.text
    stage.reads.fire_all()
    assert one.ids == [1]


# Where a reader stands


def test_nothing_is_given_before_the_first_wake(stage: Stage) -> None:
    stage.log.post("r")
    reader = RememberingReader(0)
    subscription = stage.hub.attach("r", reader, user_id=1, cursor=0, versions=stage.log.versions("r"))
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r")])
    assert reader.ids == []
    subscription.wake()
    stage.reads.fire_all()
    assert reader.ids == [1, 2]


def test_a_reader_behind_reads_from_its_own_cursor(stage: Stage) -> None:
    for _ in range(3):
        stage.log.post("r")
    reader = stage.attach(1)
    live = stage.attach()
    stage.reads.fire("heads")
    batch = stage.log.post("r")
    stage.hub.publish([batch])
    assert live.ids == [4]
    assert reader.ids == []
    stage.reads.fire_all()
    assert reader.ids == [2, 3, 4]


def test_a_reader_may_be_ahead_of_the_feed(stage: Stage) -> None:
    live = stage.attach()
    stage.reads.fire_all()
    first, second = stage.log.post("r"), stage.log.post("r")
    ahead = stage.attach(1)
    stage.hub.publish([first])
    stage.hub.publish([second])
    stage.reads.fire_all()
    assert live.ids == [1, 2]
    assert ahead.ids == [2]


def test_a_paused_reader_gets_nothing_and_then_all(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    sub(reader).pause()
    stage.hub.publish([stage.log.post("r")])
    stage.hub.publish([stage.log.post("r")])
    assert reader.ids == []
    assert not sub(reader).caught_up
    sub(reader).resume()
    assert reader.ids == [1, 2]
    assert sub(reader).caught_up
    assert not stage.reads.asked, "memory holds it"


def test_a_reader_that_pauses_in_the_middle_gets_no_more(stage: Stage) -> None:
    reader = stage.attach(limit=2)
    reader.then = lambda _batch: sub(reader).pause()
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r", "a", "b", "c")])
    assert reader.ids == [1, 2]
    sub(reader).resume()
    assert reader.ids == [1, 2, 3]


def test_a_page_that_comes_while_its_reader_is_paused_is_read_again(stage: Stage) -> None:
    stage.log.post("r")
    reader = stage.attach(0)
    stage.reads.fire("heads")
    sub(reader).pause()
    stage.reads.fire("after")
    assert reader.ids == []
    sub(reader).resume()
    stage.reads.fire_all()
    assert reader.ids == [1]


def test_a_shared_batch_is_cut_for_those_who_take_less(stage: Stage) -> None:
    one, other, all_of_it = stage.attach(limit=2), stage.attach(limit=2), stage.attach()
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r", "a", "b", "c", "d", "e")])
    assert [len(b.messages) for b in one.batches] == [2, 2, 1]
    assert [len(b.messages) for b in all_of_it.batches] == [5]
    assert one.batches[0] is other.batches[0]


def test_a_page_from_the_database_is_given_in_pieces_of_so_many_bytes() -> None:
    """Else a reader that takes nothing costs as much as the largest messages of a whole page."""
    stage = Stage(HubLimits(page_bytes=3 * len(encode(MemoryLog().post("r", "aaaa").messages[0]))))
    stage.log.post("r", *("aaaa" for _ in range(7)))
    stage.log.post("r", "a" * 5000)
    reader = stage.attach(0)
    reader.then = lambda _batch: sub(reader).pause()
    given = []
    for _ in range(4):
        stage.reads.fire_all()
        given.append(len(reader.batches[-1].messages))
        sub(reader).resume()
    assert given == [3, 3, 1, 1]
    assert reader.ids == list(range(1, 9))


def test_an_ended_subscription_is_given_nothing(stage: Stage) -> None:
    reader, parked = stage.attach(), stage.attach()
    stage.reads.fire_all()
    parked.then = lambda _batch: sub(parked).end()
    sub(reader).end()
    stage.hub.publish([stage.log.post("r")])
    stage.hub.publish([stage.log.post("r")])
    assert (reader.ids, parked.ids) == ([], [1])
    sub(reader).end(Code.FORBIDDEN)
    assert reader.left_with is None


def test_ending_with_a_code_tells_the_reader(stage: Stage) -> None:
    reader = stage.attach()
    sub(reader).end(Code.NOT_AUTHENTICATED)
    assert reader.left_with is Code.NOT_AUTHENTICATED


def test_readers_that_want_the_same_share_one_read(stage: Stage) -> None:
    stage.log.post("r", *["text"] * 5)
    readers = [stage.attach(0) for _ in range(50)]
    stage.reads.fire_all()
    assert stage.reads.count == 2, "the head, and one page"
    assert all(reader.ids == [1, 2, 3, 4, 5] for reader in readers)
    assert len({id(reader.batches[0]) for reader in readers}) == 1


def test_readers_that_stand_close_to_each_other_share_one_read(stage: Stage) -> None:
    stage.log.post("r", *["text"] * 150)
    readers = [stage.attach(cursor) for cursor in range(20, 150)]
    stage.reads.fire_all()
    assert stage.reads.count == 2, "the head, and one page"
    assert all(reader.ids == list(range(cursor + 1, 151)) for cursor, reader in enumerate(readers, 20))


def test_a_page_is_for_nobody_whom_it_may_not_reach(stage: Stage) -> None:
    stage.log.post("r", *["text"] * 30)
    first, near, far, before = (stage.attach(cursor, limit=10) for cursor in (5, 14, 15, 4))
    stage.reads.fire("heads")
    assert sorted(asked.what for asked in stage.reads.asked) == ["after"] * 3
    stage.reads.fire_all()
    assert [reader.ids[0] for reader in (first, near, far, before)] == [6, 15, 16, 5]
    assert all(reader.cursor == 30 for reader in (first, near, far, before))


def test_one_of_an_old_epoch_that_came_while_the_feed_opened_is_reset(stage: Stage) -> None:
    stage.log.post("r")
    first, second = stage.attach(), stage.attach()
    stage.log.epoch = "restored"
    stage.reads.fire_all()
    assert [sub(reader).epoch for reader in (first, second)] == ["restored", "restored"]
    assert second.resets == first.resets


def test_a_read_is_not_shared_with_one_who_asks_much_later(stage: Stage) -> None:
    stage.log.post("r")
    stage.attach(0)
    stage.reads.fire("heads")
    stage.clock.advance(1)
    stage.attach(0)
    assert [asked.what for asked in stage.reads.asked] == ["after", "after"]


def test_reads_of_readers_are_bounded() -> None:
    stage = Stage(HubLimits(reader_reads=3))
    stage.log.post("r", *["text"] * 20)
    readers = [stage.attach(cursor, limit=1) for cursor in range(10)]
    stage.reads.fire("heads")
    assert len(stage.reads.asked) == 3
    stage.reads.fire_all()
    assert all(reader.cursor == 20 for reader in readers)


def test_a_reader_that_fails_ends_alone(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = stage.attach(), stage.attach()
    stage.reads.fire_all()

    def fail(_batch: Batch) -> None:
        raise ZeroDivisionError

    bad.then = fail
    stage.hub.publish([stage.log.post("r")])
    stage.hub.publish([stage.log.post("r")])
    assert good.ids == [1, 2]
    assert bad.ids == [1]
    assert bad.left_with is Code.UNAVAILABLE
    assert "ZeroDivisionError" in caplog.text


def test_what_is_purged_is_passed_over(stage: Stage) -> None:
    for _ in range(3):
        stage.log.post("r")
    stage.log.purge("r", 2, 3)
    reader = stage.attach(1)
    stage.reads.fire_all()
    count = stage.reads.count
    sub(reader).wake()
    assert sub(reader).caught_up
    assert stage.reads.count == count
    stage.hub.publish([stage.log.post("r")])
    assert reader.ids == [4]
    assert reader.batches[0].prev == 1, "the reader's own cursor"


def test_publishing_from_within_a_reader_keeps_the_order(stage: Stage) -> None:
    first, second = stage.attach(), stage.attach()
    stage.reads.fire_all()

    def more(batch: Batch) -> None:
        if batch.last_id < 3:
            stage.hub.publish([stage.log.post("r")])

    first.then = more
    stage.hub.publish([stage.log.post("r")])
    assert first.ids == second.ids == [1, 2, 3]


# Memory


def test_the_tail_is_bounded_in_messages_and_bytes() -> None:
    for limits in (HubLimits(tail_messages=3), HubLimits(tail_bytes=45)):
        stage = Stage(limits)
        slow = stage.attach()
        stage.reads.fire_all()
        sub(slow).pause()
        for _ in range(10):
            stage.hub.publish([stage.log.post("r")])
        feed = stage.hub._feeds["r"]
        assert len(feed._tail) == 3
        sub(slow).resume()
        assert len(stage.reads.asked) == 1, "what memory no longer holds comes from the database"
        stage.reads.fire_all()
        assert slow.ids == list(range(1, 11))


def test_a_feed_without_readers_holds_nothing_after_a_while(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r")])
    sub(reader).end()
    assert stage.hub.rooms() == {"r"}
    stage.clock.advance(59)
    again = stage.attach()
    stage.clock.advance(100)
    assert stage.hub.rooms() == {"r"}
    assert not stage.reads.asked, "it was still open"
    sub(again).end()
    stage.clock.advance(61)
    assert stage.hub.rooms() == frozenset()
    assert not stage.clock.getDelayedCalls()


def test_a_feed_without_readers_is_dropped_when_it_would_need_a_read(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    sub(reader).end()
    stage.log.post("r")
    stage.hub.told("r", 1)
    assert stage.hub.rooms() == frozenset()
    assert not stage.reads.asked


def test_after_a_stop_nothing_is_left_and_nothing_comes(stage: Stage) -> None:
    reader = stage.attach(0)
    stage.log.post("r")
    stage.hub.stop()
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r")])
    sub(reader).wake()
    assert reader.ids == []
    assert not stage.clock.getDelayedCalls()
    with pytest.raises(Unavailable):
        stage.attach()


# Redaction


def test_a_redacted_text_is_not_served_from_memory(stage: Stage) -> None:
    slow = stage.attach()
    stage.reads.fire_all()
    sub(slow).pause()
    stage.hub.publish([stage.log.post("r", "before")])
    stage.hub.publish([stage.log.post("r", "secret")])
    stage.hub.publish([stage.log.edit("r", 2, "secret too")])
    stage.hub.publish([stage.log.post("r", "between")])
    stage.hub.publish([stage.log.redact("r", 2)])
    sub(slow).resume()
    stage.reads.fire_all()
    assert slow.ids == [1, 2, 3, 4, 5]
    assert b"secret" not in b"".join(slow.texts.values())


def test_what_is_above_the_redacted_message_stays_in_memory(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    for text in ("secret", "a", "b"):
        stage.hub.publish([stage.log.post("r", text)])
    stage.hub.publish([stage.log.redact("r", 1)])
    behind = stage.attach(1)
    assert behind.ids == [2, 3, 4]
    assert not stage.reads.asked
    assert reader.ids == [1, 2, 3, 4]


def test_a_reaction_leaves_its_target_in_memory_and_comes_after_it(stage: Stage) -> None:
    stage.attach()
    stage.reads.fire_all()
    for text in ("a", "b"):
        stage.hub.publish([stage.log.post("r", text)])
    stage.hub.publish([stage.log.react("r", 1, "x")])
    behind = stage.attach(0)
    assert behind.ids == [1, 2, 3]
    assert not stage.reads.asked


def test_a_redacted_text_is_not_served_from_memory_where_it_was_reacted_to(stage: Stage) -> None:
    slow = stage.attach()
    stage.reads.fire_all()
    sub(slow).pause()
    stage.hub.publish([stage.log.post("r", "secret")])
    stage.hub.publish([stage.log.react("r", 1, "x")])
    stage.hub.publish([stage.log.redact("r", 1)])
    sub(slow).resume()
    stage.reads.fire_all()
    assert slow.ids == [1, 2, 3]
    assert b"secret" not in slow.texts[1]


@pytest.mark.parametrize("by_poll", [True, False])
def test_an_author_who_is_gone_is_not_named_from_memory(stage: Stage, *, by_poll: bool) -> None:
    stage.attach()
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r", "a")])
    stage.log.site += 1
    if by_poll:
        stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    else:
        stage.hub.access_changed(None)
    stage.reads.fire_all()
    behind = stage.attach(0)
    assert not behind.ids
    stage.reads.fire_all()
    assert behind.ids == [1]


def test_while_a_gap_is_read_memory_is_not_used_since_a_redaction_may_lie_in_it(stage: Stage) -> None:
    slow = stage.attach()
    stage.reads.fire_all()
    sub(slow).pause()
    stage.hub.publish([stage.log.post("r", "secret")])
    stage.log.redact("r", 1)
    stage.hub.told("r", 2)
    sub(slow).resume()
    assert slow.ids == []
    stage.reads.fire_all()
    assert slow.ids == [1, 2]
    assert b"secret" not in slow.texts[1]


def test_a_page_read_before_a_redaction_and_brought_after_it_is_read_again(stage: Stage) -> None:
    stage.log.post("r", "secret")
    reader = stage.attach(0)
    stage.reads.fire("heads")
    stage.reads.asked[0].snapshot()
    stage.hub.publish([stage.log.redact("r", 1)])
    stage.reads.fire_all()
    assert reader.ids == [1, 2]
    assert b"secret" not in reader.texts[1]


def test_a_page_under_way_when_something_is_redacted_is_not_joined(stage: Stage) -> None:
    stage.log.post("r", "secret")
    stage.attach(0)
    stage.reads.fire("heads")
    stage.reads.asked[0].snapshot()
    stage.hub.publish([stage.log.redact("r", 1)])
    stage.attach(0)
    assert len(stage.reads.asked) == 2


# Access


def test_nothing_committed_after_a_ban_reaches_the_banned(stage: Stage) -> None:
    banned, other = stage.attach(user=1), stage.attach(user=2)
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.hub.publish([stage.log.post("r")])
    assert banned.ids == other.ids == [], "asked first"
    stage.reads.fire_all()
    assert banned.ids == []
    assert banned.left_with is Code.FORBIDDEN
    assert other.ids == [1]
    assert other.left_with is None


def test_a_page_read_after_a_ban_is_held_until_the_permissions_are_known(stage: Stage) -> None:
    banned, other = stage.attach(user=1), stage.attach(user=2)
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.log.post("r")
    stage.hub.told("r", 1)
    stage.reads.fire("after")
    assert other.ids == []
    stage.reads.fire("who_may")
    assert (banned.ids, banned.left_with) == ([], Code.FORBIDDEN)
    assert other.ids == [1]


def test_a_readers_own_page_read_after_a_ban_is_not_given(stage: Stage) -> None:
    stage.log.post("r")
    banned = stage.attach(0)
    stage.reads.fire("heads")
    stage.log.ban("r", 1)
    stage.reads.fire("after")
    assert banned.ids == []
    stage.reads.fire_all()
    assert (banned.ids, banned.left_with) == ([], Code.FORBIDDEN)


def test_a_survivors_own_page_comes_after_the_question(stage: Stage) -> None:
    stage.log.post("r")
    survivor = stage.attach(0)
    stage.reads.fire("heads")
    stage.log.ban("r", 7)
    stage.reads.fire_all()
    assert survivor.ids == [1]


def test_a_change_of_access_is_asked_about_at_once(stage: Stage) -> None:
    banned = stage.attach()
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    stage.reads.fire_all()
    assert banned.left_with is Code.FORBIDDEN


def test_a_change_of_accounts_is_asked_about_everywhere(stage: Stage) -> None:
    one, other = stage.attach(room="one"), stage.attach(room="other")
    stage.reads.fire_all()
    stage.log.banned |= {("one", 1), ("other", 1)}
    stage.log.site += 1
    stage.hub.access_changed(None)
    stage.reads.fire_all()
    assert one.left_with is other.left_with is Code.FORBIDDEN


def test_a_poll_that_brings_new_versions_has_permissions_asked(stage: Stage) -> None:
    banned = stage.attach()
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    stage.reads.fire_all()
    assert banned.left_with is Code.FORBIDDEN


def test_one_judged_by_older_versions_is_judged_again(stage: Stage) -> None:
    stage.attach(user=2)
    stage.reads.fire_all()
    old = stage.log.versions("r")
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    stage.reads.fire_all()
    late = RememberingReader(0)
    stage.hub.attach("r", late, user_id=1, cursor=0, versions=old).wake()
    stage.hub.publish([stage.log.post("r")])
    stage.reads.fire_all()
    assert (late.ids, late.left_with) == ([], Code.FORBIDDEN)


def test_one_judged_by_newer_versions_has_the_others_asked_about(stage: Stage) -> None:
    banned = stage.attach(user=1)
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    newer = stage.attach(user=2)
    stage.reads.fire_all()
    assert banned.left_with is Code.FORBIDDEN
    assert newer.left_with is None


def test_an_answer_does_not_send_away_who_came_after_the_question(stage: Stage) -> None:
    stage.attach(user=2)
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    stage.attach(user=1)
    stage.hub.access_changed(frozenset({"r"}))
    stage.reads.asked[0].snapshot()
    stage.log.unban("r", 1)
    back = stage.attach(user=1)
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r")])
    assert back.left_with is None
    assert back.ids == [1]


def test_a_change_while_the_question_is_under_way_is_asked_about_again(stage: Stage) -> None:
    banned = stage.attach()
    stage.reads.fire_all()
    stage.hub.access_changed(frozenset({"r"}))
    stage.reads.asked[0].snapshot()
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    stage.reads.fire_all()
    assert banned.left_with is Code.FORBIDDEN


def test_all_of_a_crowd_are_asked_about_in_one_question(stage: Stage) -> None:
    readers = [stage.attach(user=n) for n in range(100)]
    stage.reads.fire_all()
    before = stage.reads.count
    stage.log.ban("r", 5)
    stage.hub.publish([stage.log.post("r")])
    stage.reads.fire_all()
    assert stage.reads.count - before == 2, "who may, and the page held back"
    assert [n for n, reader in enumerate(readers) if reader.left_with] == [5]


# Epoch


def test_a_new_epoch_resets_all_and_goes_on(stage: Stage) -> None:
    stage.log.post("r", "a", "b")
    live, slow = stage.attach(), stage.attach(0)
    stage.reads.fire_all()
    stage.log.epoch = "two"
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    assert live.resets == [], "only after the head was read from the database"
    stage.reads.fire_all()
    assert live.resets == slow.resets == [(2, "two")]
    stage.hub.publish([stage.log.post("r")])
    stage.reads.fire_all()
    assert live.ids == slow.ids == [3]


def test_a_head_that_went_back_resets_all_and_forgets_the_tail(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    for text in ("a", "b", "c"):
        stage.hub.publish([stage.log.post("r", text)])
    stage.log.rows["r"] = stage.log.rows["r"][:1]
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    stage.reads.fire_all()
    assert reader.resets == [(1, "one")]
    behind = stage.attach(0)
    assert behind.ids == []
    stage.reads.fire_all()
    assert behind.ids == [1]


def test_a_page_under_way_when_the_database_went_back_is_not_joined(stage: Stage) -> None:
    stage.log.post("r", "of the old one")
    stage.log.post("r")
    stage.attach(0)
    stage.reads.fire("heads")
    stage.reads.asked[0].snapshot()
    stage.log.rows["r"] = stage.log.rows["r"][:1]
    stage.log._change("r", lambda _m: True, body="of the new one")
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    stage.reads.fire("heads")
    stage.hub.publish([stage.log.post("r")])
    new = stage.attach(0)
    stage.reads.fire_all()
    assert new.texts[1] == b"1:message:of the new one"


def test_a_page_of_another_epoch_is_given_to_nobody(stage: Stage) -> None:
    stage.log.post("r", "a", "b")
    reader = stage.attach(0)
    stage.reads.fire("heads")
    stage.log.epoch = "two"
    stage.reads.fire_all()
    assert reader.ids == []
    assert reader.resets == [(2, "two")]


def test_a_poll_that_began_before_the_head_moved_is_no_reason_to_look(stage: Stage) -> None:
    stage.attach()
    stage.reads.fire_all()
    stage.clock.advance(1)
    heads, began_s = stage.log.heads({"r"}), stage.clock.seconds()
    stage.clock.advance(0.1)
    stage.hub.publish([stage.log.post("r")])
    stage.hub.heads_seen(heads, began_s)
    assert not stage.reads.asked


def test_a_poll_tells_what_no_hint_told(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    stage.log.post("r")
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()), stage.clock.seconds())
    stage.reads.fire_all()
    assert reader.ids == [1]


def test_one_who_joined_in_the_new_epoch_is_not_reset(stage: Stage) -> None:
    old = stage.attach()
    stage.reads.fire_all()
    stage.log.epoch = "two"
    stage.log.post("r")
    new = stage.attach()
    stage.reads.fire_all()
    assert old.resets == [(1, "two")]
    assert new.resets == []
    stage.hub.publish([stage.log.post("r")])
    assert old.ids == new.ids == [2]


def test_one_who_joins_in_the_old_epoch_while_the_feed_opens_in_the_new_is_reset(stage: Stage) -> None:
    """It was judged before the restore, and attached once the look had begun that found the new epoch."""
    judged_before = stage.log.versions("r")
    stage.log.epoch = "two"
    first = stage.attach()
    late = RememberingReader(0)
    late.subscription = stage.hub.attach("r", late, user_id=1, cursor=0, versions=judged_before)
    late.subscription.wake()
    stage.reads.fire_all()
    assert first.resets == []
    assert late.resets == [(0, "two")]
    stage.hub.publish([stage.log.post("r")])
    stage.reads.fire_all()
    assert first.ids == late.ids == [1]


def test_rights_are_asked_again_in_another_epoch_though_its_versions_are_lower(stage: Stage) -> None:
    stage.log.room_versions["r"] = 50
    banned = stage.attach()
    stage.reads.fire_all()
    stage.log.epoch, stage.log.room_versions["r"] = "two", 3
    stage.log.banned.add(("r", 1))
    stage.hub.publish([stage.log.post("r")])
    stage.reads.fire_all()
    assert banned.ids == []
    assert banned.left_with is Code.FORBIDDEN


# A database that fails


def test_reads_that_fail_are_tried_again_and_told_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    reader = stage.attach()
    for _ in range(5):
        stage.reads.fail(Unavailable(detail="down"))
        stage.clock.advance(10)
    stage.reads.fire_all()
    stage.log.post("r")
    stage.hub.told("r", 1)
    for _ in range(5):
        stage.reads.fail(Unavailable(detail="down"))
        stage.clock.advance(10)
    stage.reads.fire_all()
    assert reader.ids == [1]
    assert [record.message for record in caplog.records] == [
        "Reading for subscribers: failed, and is tried again: down",
        "Reading for subscribers: works again",
    ] * 2


def test_a_readers_own_read_that_fails_is_tried_again(stage: Stage) -> None:
    stage.log.post("r")
    reader = stage.attach(0)
    stage.reads.fire("heads")
    stage.reads.fail(Unavailable(detail="down"))
    assert reader.left_with is None
    stage.clock.advance(10)
    stage.reads.fire_all()
    assert reader.ids == [1]


def test_a_question_of_access_that_fails_lets_nothing_through(stage: Stage) -> None:
    banned = stage.attach()
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.hub.publish([stage.log.post("r")])
    while any(asked.what == "after" for asked in stage.reads.asked):
        stage.reads.fire("after")
    stage.reads.fail(Unavailable(detail="down"))
    stage.hub.publish([stage.log.post("r")])
    assert banned.ids == []
    stage.clock.advance(10)
    stage.reads.fire_all()
    assert (banned.ids, banned.left_with) == ([], Code.FORBIDDEN)


def test_the_pause_grows_and_is_bounded(stage: Stage) -> None:
    stage.attach()
    pauses = []
    for _ in range(8):
        stage.reads.fail(Unavailable(detail="down"))
        [call] = stage.clock.getDelayedCalls()
        pauses.append(round(call.getTime() - stage.clock.seconds(), 3))
        stage.clock.advance(pauses[-1])
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


# Batches


def test_a_batch_is_rendered_once() -> None:
    calls = []

    def render(batch: Batch) -> bytes:
        calls.append(batch)
        return b"".join(m.data for m in batch.messages)

    batch = Batch("r", 0, [Encoded(1, b"a"), Encoded(2, b"b")])
    assert batch.once(render) == batch.once(render) == b"ab"
    assert calls == [batch]
    assert batch.first(1) is batch.first(1)
    assert batch.first(1).once(render) == b"a"
    assert batch.first(1).last_id == 1
    assert batch.first(2) is batch


# What other processes say


def test_a_hint_has_the_feed_read_what_it_has_not(stage: Stage) -> None:
    reader, other = stage.attach(), stage.attach(room="other")
    stage.reads.fire_all()
    batch = stage.log.post("r")
    stage.hub.hinted("r", batch.last_id, batch.versions)
    stage.hub.hinted("unread", 7, batch.versions)
    assert [asked.what for asked in stage.reads.asked] == ["after"]
    stage.reads.fire_all()
    assert reader.ids == [batch.last_id]
    assert other.ids == []


def test_a_hint_that_comes_late_is_nothing_new(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    first, second = stage.log.post("r"), stage.log.post("r")
    stage.hub.publish([first, second])
    stage.clock.advance(5)
    stage.hub.hinted("r", first.last_id, first.versions)
    assert not stage.reads.asked
    assert reader.resets == []


def test_a_hint_of_older_accounts_that_comes_late_is_no_reason_to_look(stage: Stage) -> None:
    stage.attach()
    stage.reads.fire_all()
    older = stage.log.post("unread")
    stage.log.site += 1
    newer = stage.log.post("unread")
    stage.hub.hinted("unread", newer.last_id, newer.versions)
    stage.reads.fire_all()
    stage.clock.advance(5)
    stage.hub.hinted("unread", older.last_id, older.versions)
    assert not stage.reads.asked


def test_a_hint_of_a_newer_version_has_permissions_asked_before_it_is_read_out(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    batch = stage.log.post("r")
    stage.hub.hinted("r", batch.last_id, batch.versions)
    assert "who_may" in [asked.what for asked in stage.reads.asked], "not only once the message was read"
    stage.reads.fire_all()
    assert reader.left_with is Code.FORBIDDEN
    assert reader.ids == []


def test_a_hint_of_newer_accounts_has_permissions_asked_everywhere(stage: Stage) -> None:
    readers = [stage.attach(room=room) for room in ("r", "s")]
    stage.reads.fire_all()
    stage.log.site += 1
    batch = stage.log.post("unread")
    stage.hub.hinted("unread", batch.last_id, batch.versions)
    assert sorted(asked.room for asked in stage.reads.asked if asked.what == "who_may") == ["r", "s"]
    stage.reads.fire_all()
    assert [reader.left_with for reader in readers] == [None, None]

    asked = stage.reads.count
    stage.hub.hinted("unread", batch.last_id, batch.versions)
    assert stage.reads.count == asked


def test_a_hint_of_another_epoch_resets_all(stage: Stage) -> None:
    readers = [stage.attach(room=room) for room in ("r", "s")]
    stage.reads.fire_all()
    stage.log.epoch = "two"
    batch = stage.log.post("r")
    stage.hub.hinted("r", batch.last_id, batch.versions)
    stage.reads.fire_all()
    assert [[epoch for _after, epoch in reader.resets] for reader in readers] == [["two"], ["two"]]


def test_a_new_epoch_is_found_by_asking_for_rights(stage: Stage) -> None:
    reader = stage.attach()
    stage.reads.fire_all()
    stage.log.epoch = "two"
    stage.hub.access_changed(None)
    stage.reads.fire_all()
    assert reader.resets == [(0, "two")]


# Those who come back


def test_who_comes_back_with_a_cursor_need_not_be_asked_about(stage: Stage) -> None:
    assert not stage.at_hand(), "nobody has been here"
    reader = stage.attach()
    assert not stage.at_hand(), "nobody knows where the log ends"
    stage.reads.fire_all()
    stage.hub.publish([stage.log.post("r")])

    assert stage.at_hand(1, "one")
    sub(reader).end()
    assert stage.at_hand(0)
    assert not stage.at_hand(user=2), "somebody else"
    assert not stage.at_hand(None), "who has no cursor is to hear where the log ends just now"
    assert not stage.at_hand(2), "another process may have told more"
    assert not stage.at_hand(1, "two"), "another process may know of another epoch"
    stage.clock.advance(61)
    assert not stage.at_hand()
    assert not stage.reads.asked


def test_where_the_feed_is_behind_its_end_is_read(stage: Stage) -> None:
    stage.attach()
    stage.reads.fire_all()
    batch = stage.log.post("r")
    stage.hub.told("r", batch.last_id)
    assert not stage.at_hand()
    stage.reads.fire_all()
    assert stage.at_hand()


@pytest.mark.parametrize("present", [True, False])
def test_who_was_judged_by_older_versions_is_judged_again(stage: Stage, *, present: bool) -> None:
    left, other = stage.attach(user=1), stage.attach(user=2)
    stage.reads.fire_all()
    sub(left).end()
    if not present:
        sub(other).end()
    stage.log.ban("r", 1)
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    assert not stage.at_hand(user=1)
    stage.reads.fire_all()
    assert not stage.at_hand(user=1)
    assert stage.at_hand(user=2) is present, "who was there has been asked about"


def test_after_a_change_without_a_version_everybody_is_judged_again(stage: Stage) -> None:
    left, other = stage.attach(user=1), stage.attach(user=2)
    stage.reads.fire_all()
    sub(left).end()
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    sub(other).end()
    assert not stage.at_hand(user=1)
    assert not stage.at_hand(user=2)


def test_who_was_judged_before_a_change_that_was_told_of_is_judged_again(stage: Stage) -> None:
    first = stage.attach(user=2)
    stage.reads.fire_all()
    before = stage.log.versions("r")
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    late = RememberingReader(0)
    subscription = stage.hub.attach("r", late, user_id=1, cursor=0, versions=before, access=MAY_SEE)
    assert not stage.at_hand(user=1)
    sub(first).end()
    subscription.end()
    assert not stage.at_hand(user=1)


def test_where_the_database_went_back_everybody_is_judged_again(stage: Stage) -> None:
    stage.log.ban("r", 3)
    left = stage.attach(user=1)
    stage.attach(user=2)
    stage.reads.fire_all()
    sub(left).end()
    stage.log.unban("r", 3)
    stage.log.ban("r", 1)
    stage.log.room_versions["r"] = 1
    stage.clock.advance(1)
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    stage.reads.fire_all()
    assert not stage.at_hand(user=1)
    assert stage.at_hand(user=2)


def test_who_was_refused_when_asked_about_is_forgotten(stage: Stage) -> None:
    banned = stage.attach(user=1)
    stage.attach(user=2)
    stage.reads.fire_all()
    stage.log.ban("r", 1)
    stage.hub.access_changed(frozenset({"r"}))
    stage.reads.fire_all()
    assert banned.left_with is Code.FORBIDDEN
    assert not stage.at_hand(user=1)
    assert stage.at_hand(user=2)


def test_what_ends_without_a_version_is_not_remembered(stage: Stage) -> None:
    muted = replace(MAY_SEE, post=False)
    reader = RememberingReader(0)
    versions = stage.log.versions("r")
    stage.hub.attach("r", reader, user_id=1, cursor=0, versions=versions, access=muted).wake()
    stage.reads.fire_all()
    assert not stage.at_hand()


def test_in_another_epoch_everybody_is_judged_again(stage: Stage) -> None:
    stage.attach()
    stage.reads.fire_all()
    stage.log.epoch = "two"
    stage.hub.heads_seen(stage.log.heads(stage.hub.rooms()))
    assert not stage.at_hand()
    assert not stage.at_hand(0, "two")


def test_so_many_are_remembered_and_no_more() -> None:
    stage = Stage(HubLimits(standings=2))
    for user in (1, 2, 1, 3):
        stage.attach(user=user)
    stage.reads.fire_all()
    assert [stage.at_hand(user=user) for user in (1, 2, 3)] == [True, False, True]


# A room of many


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
