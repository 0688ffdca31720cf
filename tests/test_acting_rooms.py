"""A room as one reader sees it: in their list, and by its address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import acting, history
from rooms.actions import Archive, MarkRead, OpenDirect
from rooms.messages import Code, Refused, RoomSummary
from rooms.models import Ban, ChatRoom, Membership, Mute
from tests.support_rooms import LOBBY, message, person, room, store

pytestmark = pytest.mark.databases

PRIVATE = ChatRoom.Visibility.PRIVATE


class Rooms(TestCase):
    """What docs/protocol.md lists under "A room"."""

    def setUp(self) -> None:
        self.ana, self.sue = person("ana"), person("sue", is_staff=True)

    def shown(self, reader: Any, slug: str) -> RoomSummary:
        found = history.room_for(reader.pk if reader else None, slug)
        assert isinstance(found, RoomSummary), found
        listed = {one.room: one for one in history.rooms_for(reader.pk if reader else None)[1]}
        self.assertEqual(listed[slug], found)
        return found

    def test_a_member_is_told_all_of_it(self) -> None:
        den = room("den", topic="dark", visibility=PRIVATE, read_only=True, slow_mode_s=9)
        Membership.objects.create(room=den, user=self.ana, role="moderator")
        [said] = store(message(self.ana, "hi", room="den"))
        acting.perform(self.ana.pk, MarkRead("den", said.id))
        shown = self.shown(self.ana, "den")
        self.assertEqual(
            (shown.name, shown.topic, shown.last_id, shown.visibility, shown.private, shown.archived),
            ("Den", "dark", said.id, "private", True, False),
        )
        self.assertEqual((shown.read_only, shown.open_to_guests, shown.slow_mode), (True, False, 9))
        access = shown.access
        self.assertEqual((access.post, access.moderate, access.manage), (True, True, False))
        self.assertEqual(
            (shown.role, shown.read, shown.unread, shown.mentions, shown.muted, shown.muted_until),
            ("moderator", said.id, 0, 0, False, None),
        )
        self.assertIsNone(shown.with_)

    def test_a_guest_has_no_part_in_it(self) -> None:
        ChatRoom.objects.filter(slug=LOBBY).update(open_to_guests=True)
        shown = self.shown(None, LOBBY)
        own = (
            shown.role,
            shown.with_,
            shown.read,
            shown.unread,
            shown.mentions,
            shown.muted,
            shown.muted_until,
        )
        self.assertEqual(own, (None, None, None, None, None, False, None))
        self.assertFalse(shown.access.post)

    def test_a_mute_is_told_with_its_end_while_it_lasts(self) -> None:
        lobby, end = ChatRoom.objects.get(slug=LOBBY), timezone.now() + timedelta(hours=1)
        mute = Mute.objects.create(room=lobby, user=self.ana, until=end)
        self.assertEqual(self.shown(self.ana, LOBBY).muted_until, end)
        self.assertFalse(self.shown(self.ana, LOBBY).access.post)
        mute.until = None
        mute.save()
        self.assertEqual(self.shown(self.ana, LOBBY).muted_until, "")
        mute.until = timezone.now() - timedelta(seconds=1)
        mute.save()
        self.assertIsNone(self.shown(self.ana, LOBBY).muted_until)

    def test_a_banned_reader_is_told_so_and_does_not_have_it_listed(self) -> None:
        Ban.objects.create(room=ChatRoom.objects.get(slug=LOBBY), user=self.ana)
        found = history.room_for(self.ana.pk, LOBBY)
        self.assertTrue(isinstance(found, Refused) and found.code is Code.FORBIDDEN)
        self.assertEqual(history.rooms_for(self.ana.pk)[1], [])

    def test_a_disabled_reader_is_a_guest(self) -> None:
        Membership.objects.create(room=room("den", visibility=PRIVATE), user=self.ana)
        self.ana.is_active = False
        self.ana.save()
        self.assertEqual(history.rooms_for(self.ana.pk)[1], [])
        self.assertEqual(history.room_for(self.ana.pk, "den"), history.NO_ROOM)

    def test_staff_who_look_into_a_room_of_two_others_are_with_neither(self) -> None:
        slug = acting.perform(self.ana.pk, OpenDirect(person("ben").pk)).room
        shown = history.room_for(self.sue.pk, slug)
        assert isinstance(shown, RoomSummary), shown
        self.assertEqual((shown.name, shown.with_, shown.role), ("ana, ben", None, None))

    def test_a_room_of_two_is_called_as_they_are_called_now(self) -> None:
        ben = person("ben")
        slug = acting.perform(self.ana.pk, OpenDirect(ben.pk)).room
        ben.username = "benedict"
        ben.save()
        for reader, name in ((self.ana, "benedict"), (ben, "ana"), (self.sue, "ana, benedict")):
            self.assertEqual(getattr(history.room_for(reader.pk, slug), "name", None), name)

    def test_staff_have_private_rooms_listed_and_no_direct_ones_of_others(self) -> None:
        room("den", visibility=PRIVATE)
        acting.perform(self.ana.pk, OpenDirect(person("ben").pk))
        self.assertEqual([one.room for one in history.rooms_for(self.sue.pk)[1]], ["den", LOBBY])

    def test_the_list_is_by_name_with_archived_rooms_last(self) -> None:
        for slug in ("zoo", "attic", "barn"):
            room(slug)
        ChatRoom.objects.filter(slug="zoo").update(name="aardvarks")
        acting.perform(self.sue.pk, Archive("attic"))
        listed = [one.room for one in history.rooms_for(self.ana.pk)[1]]
        self.assertEqual(listed, ["zoo", "barn", LOBBY, "attic"])

    def test_as_many_queries_however_many_rooms_there_are(self) -> None:
        def add(number: int) -> None:
            den = room(f"den-{number}", visibility=PRIVATE)
            Membership.objects.create(room=den, user=self.ana)
            Mute.objects.create(room=den, user=self.ana)
            acting.perform(self.ana.pk, OpenDirect(person(f"p{number}").pk))
            store(message(self.ana, "hi", room=f"den-{number}", trusted=True))

        add(0)
        with CaptureQueriesContext(connection) as few:
            history.rooms_for(self.ana.pk)
        for number in range(1, 8):
            add(number)
        with self.assertNumQueries(len(few)):
            self.assertEqual(len(history.rooms_for(self.ana.pk)[1]), 17)
        self.assertLessEqual(len(few), 7)
