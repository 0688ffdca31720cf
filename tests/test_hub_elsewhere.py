"""What a hub hears from elsewhere: another epoch, a log that went back, the hints of other processes."""

from __future__ import annotations

import pytest

from rooms.messages import Code
from tests.support_hub import Stage
from tests.support_realtime import RememberingReader


@pytest.fixture
def stage() -> Stage:
    return Stage()


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
