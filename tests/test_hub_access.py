"""Who is given what a hub publishes: permissions that change, and those who come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime.limits import HubLimits
from rooms.messages import Code
from tests.support_hub import Stage, sub
from tests.support_realtime import MAY_SEE, RememberingReader


@pytest.fixture
def stage() -> Stage:
    return Stage()


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
