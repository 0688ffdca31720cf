"""Making and running rooms: addresses, every change told once, nothing told where nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import TestCase, override_settings

from rooms import acting, addresses, log
from rooms.actions import (
    Archive,
    CreateRoom,
    OpenToGuests,
    Rename,
    RoomAction,
    SetKeepDays,
    SetReadOnly,
    SetSlowMode,
    SetTopic,
    SetVisibility,
)
from rooms.answers import Opened
from rooms.messages import Code
from rooms.models import AuditEntry, ChatRoom, Membership, ReadMarker
from tests.support_acting import detail, refusal, told, trail
from tests.support_rooms import person, room

pytestmark = pytest.mark.databases

Visibility = ChatRoom.Visibility


class Making(TestCase):
    """Rooms that people make."""

    def setUp(self) -> None:
        self.ana = person("ana")

    def make(self, name: str, **fields: Any) -> str:
        opened = acting.perform(self.ana.pk, CreateRoom(name, **fields))
        assert isinstance(opened, Opened)
        self.assertTrue(opened.fresh)
        return opened.room

    def test_whoever_makes_a_room_owns_it_and_all_is_told(self) -> None:
        slug = self.make("  The   Den ", slug="den", topic="quiet", private=True)
        made = ChatRoom.objects.get(slug=slug)
        self.assertEqual(
            (made.slug, made.name, made.topic, made.visibility), ("den", "The Den", "quiet", "private")
        )
        self.assertEqual(Membership.objects.get(room=made, user=self.ana).role, "owner")
        self.assertEqual(told("den"), [("created", None, None)])
        self.assertEqual(trail(), [("ana", "create_room", "")])

    def test_an_address_is_made_of_the_name_and_numbered_where_it_is_taken(self) -> None:
        self.assertEqual(self.make("Été à Rome!"), "ete-a-rome")
        self.assertEqual(self.make("ete a rome"), "ete-a-rome-2")
        self.assertEqual(self.make("Ete-A-Rome"), "ete-a-rome-3")
        self.assertEqual(self.make("x" * 120), "x" * addresses.MADE_LENGTH)

    def test_a_name_without_a_letter_that_an_address_may_hold_gets_one_by_chance(self) -> None:
        self.assertRegex(self.make("部屋"), r"\Aroom-[0-9a-f]{4}\Z")
        self.assertNotEqual(self.make("部屋"), self.make("部屋"))

    def test_after_many_of_the_same_name_chance_decides(self) -> None:
        for number in range(1, addresses.NUMBERED + 1):
            room("den" if number == 1 else f"den-{number}")
        self.assertRegex(self.make("Den"), r"\Aden-[0-9a-f]{4}\Z")

    def test_a_page_of_the_sites_own_is_no_room(self) -> None:
        self.assertEqual(refusal(self.ana.pk, CreateRoom("x", slug="new")), Code.TAKEN)
        self.assertEqual(self.make("New"), "new-2")

    def test_an_address_that_is_in_use_or_was_is_taken_also_a_hidden_ones(self) -> None:
        ben = person("ben")
        acting.perform(ben.pk, CreateRoom("Den", slug="den", private=True))
        acting.perform(ben.pk, Archive("den"))
        self.assertEqual(refusal(self.ana.pk, CreateRoom("Mine", slug="den")), Code.TAKEN)

    def test_what_is_no_good_is_named(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": " "}, "name"),
            ({"name": "x" * 121}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"name": "x", "topic": "y" * 251}, "topic"),
            ({"name": "x", "topic": "\ud800"}, "topic"),
            ({"name": "x", "slug": ""}, "room"),
            ({"name": "x", "slug": "Big"}, "room"),
            ({"name": "x", "slug": "x" * 65}, "room"),
            ({"name": "x", "slug": "x\n"}, "room"),
        ]
        for fields, field in cases:
            action = CreateRoom(**fields)
            self.assertEqual(refusal(self.ana.pk, action), Code.BAD_REQUEST, fields)
            self.assertTrue(detail(self.ana.pk, action).startswith(f"{field}: "), fields)
        self.assertEqual(ChatRoom.objects.count(), 1)

    def test_where_the_site_says_so_its_staff_alone_make_rooms(self) -> None:
        staff = person("sue", is_staff=True)
        with override_settings(CHAT_MEMBERS_CREATE_ROOMS=False):
            self.assertEqual(refusal(self.ana.pk, CreateRoom("Den")), Code.FORBIDDEN)
            acting.perform(staff.pk, CreateRoom("Den"))
            acting.perform(None, CreateRoom("Hall"), trusted=True)

    def test_guests_and_disabled_accounts_make_none(self) -> None:
        self.assertEqual(refusal(None, CreateRoom("Den")), Code.NOT_AUTHENTICATED)
        gone = person("gone", is_active=False)
        self.assertEqual(refusal(gone.pk, CreateRoom("Den")), Code.NOT_AUTHENTICATED)

    def test_a_room_that_the_server_makes_has_no_owner(self) -> None:
        opened = acting.perform(None, CreateRoom("Den"), trusted=True)
        self.assertFalse(Membership.objects.filter(room__slug=opened.room).exists())
        self.assertEqual(told(opened.room), [("created", None, None)])

    def test_the_owner_of_a_new_room_has_nothing_unread(self) -> None:
        slug = self.make("Den")
        self.assertTrue(ReadMarker.objects.filter(room__slug=slug, user=self.ana).exists())


CHANGES: list[tuple[RoomAction, dict[str, object], list[tuple[str, object, object]]]] = [
    (Rename("den", " New  name "), {"name": "New name"}, [("renamed", None, "New name")]),
    (SetTopic("den", "all things"), {"topic": "all things"}, [("topic", None, "all things")]),
    (OpenToGuests("den", open_to_guests=True), {"open_to_guests": True}, [("guests", None, True)]),
    (SetReadOnly("den"), {"read_only": True}, [("read_only", None, True)]),
    (SetSlowMode("den", 86_400), {"slow_mode_s": 86_400}, [("slow_mode", None, 86_400)]),
    (SetKeepDays("den", 0), {"keep_days": 0}, []),
    (SetVisibility("den", private=True), {"visibility": "private"}, [("visibility", None, "private")]),
]
BACK: list[tuple[RoomAction, dict[str, object], list[tuple[str, object, object]]]] = [
    (Rename("den", "Den"), {"name": "Den"}, [("renamed", None, "Den")]),
    (SetTopic("den", " "), {"topic": ""}, [("topic", None, "")]),
    (OpenToGuests("den", open_to_guests=False), {"open_to_guests": False}, [("guests", None, False)]),
    (SetReadOnly("den", read_only=False), {"read_only": False}, [("read_only", None, False)]),
    (SetSlowMode("den", 0), {"slow_mode_s": 0}, [("slow_mode", None, 0)]),
    (SetKeepDays("den", None), {"keep_days": None}, []),
    (SetVisibility("den", private=False), {"visibility": "public"}, [("visibility", None, "public")]),
]


class Running(TestCase):
    """What owners and staff change."""

    def setUp(self) -> None:
        self.sue = person("sue", is_staff=True)
        self.ana = person("ana")
        self.den = room("den")
        Membership.objects.create(room=self.den, user=self.ana, role="owner")
        Membership.objects.create(room=self.den, user=self.sue)

    def state(self) -> ChatRoom:
        return ChatRoom.objects.get(slug="den")

    def test_each_change_is_stored_told_once_and_noted_and_nothing_is_told_of_none(self) -> None:
        for (there, set_to, tells), (back, set_back, tells_back) in zip(CHANGES, BACK, strict=True):
            for action, fields, expected in ((there, set_to, tells), (back, set_back, tells_back)):
                with self.subTest(action):
                    before, noted = len(told("den")), AuditEntry.objects.count()
                    acting.perform(self.sue.pk, action)
                    self.assertEqual({name: getattr(self.state(), name) for name in fields}, fields)
                    self.assertEqual(told("den")[before:], expected)
                    self.assertEqual(trail()[noted:], [("sue", action.deed.value, "")])
                    version = self.state().access_version
                    acting.perform(self.sue.pk, action)
                    self.assertEqual(len(told("den")), before + len(expected))
                    self.assertEqual(AuditEntry.objects.count(), noted + 1)
                    self.assertEqual(self.state().access_version, version)

    def test_archiving_keeps_the_first_moment_and_comes_undone(self) -> None:
        acting.perform(self.ana.pk, Archive("den"))
        when = self.state().archived_at
        self.assertIsNotNone(when)
        acting.perform(self.ana.pk, Archive("den"))
        self.assertEqual(self.state().archived_at, when)
        acting.perform(self.ana.pk, Archive("den", archived=False))
        self.assertIsNone(self.state().archived_at)
        acting.perform(self.ana.pk, Archive("den", archived=False))
        self.assertEqual(told("den"), [("archived", None, None), ("unarchived", None, None)])
        self.assertEqual(trail(), [("ana", "archive", "")] * 2)

    def test_a_room_made_private_keeps_guests_out_for_good_and_whoever_did_it_in(self) -> None:
        Membership.objects.filter(user=self.sue).delete()
        acting.perform(self.ana.pk, OpenToGuests("den", open_to_guests=True))
        acting.perform(self.sue.pk, SetVisibility("den", private=True))
        self.assertFalse(self.state().open_to_guests)
        self.assertEqual(Membership.objects.get(room=self.den, user=self.sue).role, "owner")
        self.assertEqual(
            told("den")[1:],
            [
                ("guests", None, False),
                ("joined", "sue", None),
                ("role", "sue", "owner"),
                ("visibility", None, "private"),
            ],
        )
        acting.perform(self.sue.pk, SetVisibility("den", private=False))
        self.assertFalse(self.state().open_to_guests)

    def test_who_belongs_to_it_stays_what_they_are_when_making_it_private(self) -> None:
        acting.perform(self.sue.pk, SetVisibility("den", private=True))
        self.assertEqual(Membership.objects.get(room=self.den, user=self.sue).role, "member")

    def test_the_server_itself_belongs_to_no_room_that_it_makes_private(self) -> None:
        acting.perform(None, SetVisibility("den", private=True), trusted=True)
        self.assertEqual(Membership.objects.filter(room=self.den).count(), 2)

    def test_guests_never_read_a_private_room(self) -> None:
        acting.perform(self.ana.pk, SetVisibility("den", private=True))
        action = OpenToGuests("den", open_to_guests=True)
        self.assertEqual(refusal(self.ana.pk, action), Code.BAD_REQUEST)
        self.assertTrue(detail(self.ana.pk, action).startswith("open_to_guests: "))
        acting.perform(self.ana.pk, OpenToGuests("den", open_to_guests=False))

    def test_numbers_out_of_bounds_are_named(self) -> None:
        cases: list[tuple[RoomAction, str]] = [
            (SetSlowMode("den", -1), "slow_mode"),
            (SetSlowMode("den", 86_401), "slow_mode"),
            (SetKeepDays("den", -1), "keep_days"),
            (SetKeepDays("den", 36_501), "keep_days"),
            (Rename("den", "\n"), "name"),
            (SetTopic("den", "x" * 251), "topic"),
        ]
        for action, field in cases:
            self.assertEqual(refusal(self.sue.pk, action), Code.BAD_REQUEST, action)
            self.assertTrue(detail(self.sue.pk, action).startswith(f"{field}: "), action)

    def test_in_a_room_of_two_there_is_nothing_to_run_for_trusted_code_neither(self) -> None:
        room("pair", visibility=Visibility.DIRECT, pair="1:2")
        for action in (
            Rename("pair", "x"),
            SetVisibility("pair", private=False),
            OpenToGuests("pair", open_to_guests=True),
        ):
            self.assertEqual(refusal(None, action, trusted=True), Code.FORBIDDEN)
        acting.perform(self.sue.pk, Archive("pair"))


class Together(TestCase):
    """Several changes of a room at once: all of them, or none."""

    def setUp(self) -> None:
        self.ana = person("ana")
        acting.perform(self.ana.pk, CreateRoom("Den"))

    def test_all_are_done_in_the_order_given(self) -> None:
        acting.perform_all(
            self.ana.pk, [Rename("den", "Cave"), SetTopic("den", "dark"), SetReadOnly("den"), Archive("den")]
        )
        self.assertEqual(
            [event for event, _about, _value in told("den")],
            ["created", "renamed", "topic", "read_only", "archived"],
        )

    def test_one_that_is_refused_undoes_those_before_it(self) -> None:
        for last in (SetSlowMode("den", -1), SetKeepDays("den", 3)):
            with pytest.raises(log.Refusal):
                acting.perform_all(self.ana.pk, [Rename("den", "Cave"), last])
        self.assertEqual(ChatRoom.objects.get(slug="den").name, "Den")
        self.assertEqual(told("den"), [("created", None, None)])
        self.assertEqual(trail(), [("ana", "create_room", "")])

    def test_actions_of_two_rooms_are_not_done_together(self) -> None:
        with pytest.raises(ValueError, match="of one room"):
            acting.perform_all(self.ana.pk, [Rename("den", "Cave"), Rename("lobby", "Hall")])
