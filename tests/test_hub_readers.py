"""Where the readers of a hub stand: who reads from where, and what each is given."""

from __future__ import annotations

import pytest

from realtime.hub import Batch
from realtime.limits import HubLimits
from rooms.messages import Code
from tests.support_hub import Stage, sub
from tests.support_realtime import MemoryLog, RememberingReader, encode


@pytest.fixture
def stage() -> Stage:
    return Stage()


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
