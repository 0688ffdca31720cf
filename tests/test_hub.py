"""The hub, stepped: reads happen when a test says so, batches come in the order it likes."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from realtime.errors import Unavailable
from realtime.hub import Batch, Encoded
from realtime.limits import HubLimits
from rooms.messages import Code
from tests.support_hub import Stage, sub


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
