"""What guests, the banned, the muted and those in an archived room get of each action of rooms and people.

And that a private room that one may not see is none: the same answer, for the same queries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import acting, history, invitations, keeping, log, membership, reading
from rooms.actions import (
    AcceptInvitation,
    Action,
    Archive,
    CreateRoom,
    Invite,
    Join,
    Leave,
    MarkRead,
    MuteForOneself,
    OpenDirect,
    OpenToGuests,
    Remove,
    Rename,
    RevokeInvitation,
    SetKeepDays,
    SetReadOnly,
    SetRole,
    SetSlowMode,
    SetTopic,
    SetVisibility,
)
from rooms.messages import Code, Newest
from rooms.models import Ban, ChatRoom, Membership, Mute
from tests.support_rooms import person, room

pytestmark = pytest.mark.databases

OWN = (keeping, membership, invitations, reading)
IN_A_ROOM: dict[type[Action], Callable[[str, int], Action]] = {
    Rename: lambda slug, _user: Rename(slug, "Cave"),
    SetTopic: lambda slug, _user: SetTopic(slug, "dark"),
    SetVisibility: lambda slug, _user: SetVisibility(slug, private=True),
    OpenToGuests: lambda slug, _user: OpenToGuests(slug, open_to_guests=False),
    Archive: lambda slug, _user: Archive(slug),
    SetReadOnly: lambda slug, _user: SetReadOnly(slug),
    SetSlowMode: lambda slug, _user: SetSlowMode(slug, 5),
    SetKeepDays: lambda slug, _user: SetKeepDays(slug, 5),
    Join: lambda slug, _user: Join(slug),
    Leave: lambda slug, _user: Leave(slug),
    SetRole: SetRole,
    Remove: Remove,
    Invite: lambda slug, _user: Invite(slug),
    RevokeInvitation: lambda slug, _user: RevokeInvitation(slug, 1),
    MarkRead: lambda slug, _user: MarkRead(slug, 0),
    MuteForOneself: lambda slug, _user: MuteForOneself(slug),
}
ELSEWHERE = {CreateRoom, OpenDirect, AcceptInvitation}
"""What names no room: what guests and the banned get of it is tested where it is."""


def test_no_action_is_left_out() -> None:
    there = {action for module in OWN for action in module.PERFORMERS}
    assert there == IN_A_ROOM.keys() | ELSEWHERE


class EachAction(TestCase):
    """Each by people who may otherwise do it: one of two owners; guests where guests may read."""

    def setUp(self) -> None:
        self.den = room("den", open_to_guests=True)
        self.olga, other, self.ana = person("olga"), person("other"), person("ana")
        for owner in (self.olga, other):
            Membership.objects.create(room=self.den, user=owner, role="owner")

    def assert_outcomes(self, by: int | None, expected: Code | None, **otherwise: Code | None) -> None:
        """Have each action tried, as if it were the first, and compare what comes of it."""
        for kind, make in IN_A_ROOM.items():
            with self.subTest(kind.__name__):
                wanted = otherwise.get(kind.__name__, expected)
                self.assertIs(self.outcome(by, make("den", self.ana.pk)), wanted)

    def assert_as_an_owner(self) -> None:
        self.assert_outcomes(self.olga.pk, None, SetKeepDays=Code.FORBIDDEN, RevokeInvitation=Code.NOT_FOUND)

    def outcome(self, by: int | None, action: Action) -> Code | None:
        before = transaction.savepoint()
        try:
            acting.perform(by, action)
        except log.Refusal as refused:
            return refused.code
        finally:
            transaction.savepoint_rollback(before)
        return None

    def make_private(self) -> None:
        ChatRoom.objects.filter(pk=self.den.pk).update(visibility=ChatRoom.Visibility.PRIVATE)

    def test_an_owner_does_all_but_what_is_for_staff(self) -> None:
        self.assert_as_an_owner()

    def test_staff_do_it_where_they_do_not_belong(self) -> None:
        self.assert_outcomes(person("sue", is_staff=True).pk, None, RevokeInvitation=Code.NOT_FOUND)

    def test_who_does_not_belong_comes_and_reads(self) -> None:
        for_all = ("Join", "Leave", "MarkRead", "MuteForOneself")
        self.assert_outcomes(self.ana.pk, Code.FORBIDDEN, **dict.fromkeys(for_all))

    def test_a_guest_is_asked_to_log_in(self) -> None:
        self.assert_outcomes(None, Code.NOT_AUTHENTICATED)

    def test_a_disabled_account_is_a_guest(self) -> None:
        User.objects.filter(pk=self.olga.pk).update(is_active=False)
        self.assert_outcomes(self.olga.pk, Code.NOT_AUTHENTICATED)

    def test_a_banned_owner_does_nothing(self) -> None:
        Ban.objects.create(room=self.den, user=self.olga)
        self.assert_outcomes(self.olga.pk, Code.FORBIDDEN)
        self.make_private()
        self.assert_outcomes(self.olga.pk, Code.NOT_FOUND)

    def test_a_muted_owner_may_not_post_and_does_all_else(self) -> None:
        Mute.objects.create(room=self.den, user=self.olga)
        self.assert_as_an_owner()

    def test_an_archived_room_is_run_as_any_other(self) -> None:
        ChatRoom.objects.filter(pk=self.den.pk).update(archived_at=timezone.now())
        self.assert_as_an_owner()

    def test_a_hidden_room_is_none_for_the_same_queries(self) -> None:
        self.make_private()
        for reader in (self.ana.pk, None):
            for kind, make in IN_A_ROOM.items():
                with self.subTest(kind.__name__, reader=reader):
                    answers, counts = set(), set()
                    for slug in ("den", "nowhere"):
                        with (
                            CaptureQueriesContext(connection) as queries,
                            pytest.raises(log.Refusal) as raised,
                        ):
                            acting.perform(reader, make(slug, self.ana.pk))
                        answers.add((raised.value.code, raised.value.detail))
                        counts.add(len(queries))
                    self.assertEqual(answers, {(Code.NOT_FOUND, history.NO_ROOM.detail)})
                    self.assertEqual(len(counts), 1)


class OtherDoors(TestCase):
    """Reading, and asking for one room."""

    def test_a_hidden_room_is_none_for_the_same_queries(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        ana, ben = person("ana"), person("ben")
        Ban.objects.create(room=ChatRoom.objects.get(slug="den"), user=ben)
        doors: list[Callable[[Any, str], object]] = [
            history.room_for,
            lambda reader, slug: history.read(reader, slug, Newest(5)),
            lambda reader, slug: membership.members(reader, slug, None, 5),
            invitations.good,
        ]
        for door in doors:
            for reader in (None, ana.pk, ben.pk):
                with CaptureQueriesContext(connection) as hidden:
                    first = door(reader, "den")
                with CaptureQueriesContext(connection) as absent:
                    second = door(reader, "nowhere")
                self.assertEqual((first, second), (history.NO_ROOM, history.NO_ROOM))
                self.assertEqual(len(hidden), len(absent))
                self.assertEqual(
                    [query["sql"].split("WHERE")[0] for query in hidden],
                    [query["sql"].split("WHERE")[0] for query in absent],
                )
