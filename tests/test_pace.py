"""How much one person may make of what others see, by whatever door."""

from __future__ import annotations

from functools import partial
from unittest import mock

import pytest
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from rooms import acting, log, pace
from rooms.actions import CreateRoom, Join, Leave, OpenDirect, ReportMessage, SetTopic
from rooms.messages import Code
from rooms.models import AuditEntry, Membership, Message
from tests.support_acting import refusal
from tests.support_rooms import person, room
from tests.test_order import OtherThread

pytestmark = pytest.mark.databases


class Pace(TestCase):
    """Somebody floods."""

    def setUp(self) -> None:
        self.den = room("den")
        self.eve, self.sue = person("eve"), person("sue", is_staff=True)

    def test_who_comes_and_goes_too_often_waits_and_nothing_of_it_is_done(self) -> None:
        for _each in range(pace.NOTICES_PER_MINUTE // 2):
            acting.perform(self.eve.pk, Join("den"))
            acting.perform(self.eve.pk, Leave("den"))
        with pytest.raises(log.Refusal) as raised:
            acting.perform(self.eve.pk, Join("den"))
        self.assertEqual(raised.value.code, Code.RATE_LIMITED)
        self.assertTrue(1 <= (raised.value.retry_after_s or 0) <= 60)
        self.assertFalse(Membership.objects.filter(user=self.eve).exists())
        self.assertEqual(refusal(self.eve.pk, OpenDirect(self.sue.pk)), Code.RATE_LIMITED)
        later = timezone.now() + pace.MINUTE
        with mock.patch("django.utils.timezone.now", return_value=later):
            acting.perform(self.eve.pk, Join("den"))

    def test_what_changes_nothing_and_what_is_said_is_not_counted(self) -> None:
        acting.perform(self.eve.pk, Join("den"))
        Message.objects.bulk_create(
            [Message(room=self.den, author=self.eve, body="so") for _each in range(pace.NOTICES_PER_MINUTE)]
        )
        for _each in range(pace.NOTICES_PER_MINUTE):
            acting.perform(self.eve.pk, Join("den"))
        acting.perform(self.eve.pk, Leave("den"))

    def test_staff_and_the_server_do_not_wait(self) -> None:
        for number in range(pace.NOTICES_PER_MINUTE + 1):
            acting.perform(self.sue.pk, SetTopic("den", f"{number}"))
        acting.perform(None, SetTopic("den", "the server's"), trusted=True)

    def test_only_so_many_rooms_are_made_in_a_day(self) -> None:
        for number in range(pace.ROOMS_PER_DAY):
            acting.perform(self.eve.pk, CreateRoom(f"Room {number}"))
        Membership.objects.filter(user=self.eve).delete()
        self.assertEqual(refusal(self.eve.pk, CreateRoom("One more")), Code.RATE_LIMITED)
        acting.perform(self.sue.pk, CreateRoom("Staff's"))
        self.assertEqual(AuditEntry.objects.filter(actor=self.eve).count(), pace.ROOMS_PER_DAY)
        later = timezone.now() + pace.DAY
        with mock.patch("django.utils.timezone.now", return_value=later):
            acting.perform(self.eve.pk, CreateRoom("One more"))

    def test_rooms_of_two_count_where_one_has_made_them_oneself(self) -> None:
        others = [person(f"p{number}") for number in range(pace.ROOMS_PER_DAY + 1)]
        acting.perform(others[0].pk, OpenDirect(self.eve.pk))
        acting.perform(self.eve.pk, CreateRoom("One"))
        for other in others[1:-1]:
            acting.perform(self.eve.pk, OpenDirect(other.pk))
        self.assertEqual(refusal(self.eve.pk, OpenDirect(others[-1].pk)), Code.RATE_LIMITED)
        self.assertEqual(refusal(self.eve.pk, CreateRoom("One more")), Code.RATE_LIMITED)
        for other in others[:2]:
            self.assertFalse(acting.perform(self.eve.pk, OpenDirect(other.pk)).fresh)
        acting.perform(others[-1].pk, OpenDirect(self.eve.pk))
        later = timezone.now() + pace.DAY
        with mock.patch("django.utils.timezone.now", return_value=later):
            acting.perform(self.eve.pk, OpenDirect(self.sue.pk))

    def test_only_so_many_reports_of_one_person_are_open(self) -> None:
        keys = [log.post(self.den, self.sue, "so").id for _each in range(pace.OPEN_REPORTS + 1)]
        for key in keys[1:]:
            acting.perform(self.eve.pk, ReportMessage("den", key))
        self.assertEqual(refusal(self.eve.pk, ReportMessage("den", keys[0])), Code.FORBIDDEN)
        self.assertFalse(acting.perform(self.eve.pk, ReportMessage("den", keys[1])).fresh)
        acting.perform(person("other").pk, ReportMessage("den", keys[0]))


@pytest.mark.postgresql
class AtOnce(TransactionTestCase):
    """One person at several things at the same moment, each on a connection of its own."""

    def test_rooms_made_at_once_are_counted_one_after_the_other(self) -> None:
        eve = person("eve")
        others = [person(f"p{number}") for number in range(4)]
        found: list[object] = []

        def open_one(other: int) -> None:
            try:
                found.append(acting.perform(eve.pk, OpenDirect(other)))
            except log.Refusal as refused:
                found.append(refused.code)

        with mock.patch.object(pace, "ROOMS_PER_DAY", 1):
            for working in [OtherThread(partial(open_one, other.pk)) for other in others]:
                working.join()
        self.assertEqual(found.count(Code.RATE_LIMITED), 3)
