"""Mutes, bans and suspensions: who imposes them on whom, how long they hold, and what they tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import TestCase
from django.utils import timezone

from rooms import accounts, history, log, permissions, sanctions
from rooms.acting import perform
from rooms.actions import (
    Action,
    BanPerson,
    Deed,
    MutePerson,
    Suspend,
    Unban,
    Unmute,
    Unsuspend,
)
from rooms.messages import Access, Code, Event, Newest, Notice, Page
from rooms.models import AuditEntry, Ban, ChatRoom, Membership, Mute, Suspension
from tests.support_rooms import LOBBY, message, person, refused, room, store

pytestmark = pytest.mark.databases

ROLES = ("owner", "moderator", "moderator", "member")


def refusal(by: User | None, action: Action, **options: Any) -> tuple[Code, str]:
    """Return how an action is refused; one that is done fails the test."""
    key = by.pk if by is not None else None
    with pytest.raises(log.Refusal) as caught:
        perform(key, action, **options)
    return caught.value.code, caught.value.detail


def access(user: User, slug: str = LOBBY) -> Access:
    """Return what somebody may do in a room now."""
    return permissions.who_may(slug, [user.pk])[1][user.pk]


def notices(slug: str = LOBBY) -> list[Notice]:
    """Return what a room was told."""
    page = history.after(slug, 0, 200)
    return [one.notice for one in page.messages if one.notice is not None]


class InARoom(TestCase):
    """The lobby with an owner, two moderators, a member, somebody who never joined, and one of the staff."""

    def setUp(self) -> None:
        self.lobby = ChatRoom.objects.get(slug=LOBBY)
        self.staff = person("sam", is_staff=True)
        self.owner, self.mod, self.other_mod, self.member = (
            self.belonging(name, role)
            for name, role in (
                ("olga", "owner"),
                ("mona", "moderator"),
                ("max", "moderator"),
                ("mia", "member"),
            )
        )
        self.guest = person("gus")

    def belonging(self, name: str, role: str) -> User:
        user = person(name)
        Membership.objects.create(room=self.lobby, user=user, role=role)
        return user


class Imposing(InARoom):
    def test_a_mute_keeps_from_posting_and_not_from_reading(self) -> None:
        perform(self.mod.pk, MutePerson(LOBBY, self.member.pk))
        self.assertEqual((access(self.member).see, access(self.member).post), (True, False))
        self.assertEqual(refused(log.append([message(self.member, "x")])).code, Code.FORBIDDEN)

    def test_a_ban_shuts_out_and_membership_and_role_give_nothing_while_it_lasts(self) -> None:
        perform(self.mod.pk, BanPerson(LOBBY, self.member.pk))
        perform(self.owner.pk, BanPerson(LOBBY, self.mod.pk))
        for banned in (self.member, self.mod):
            may = access(banned)
            self.assertEqual((may.see, may.post, may.moderate), (False, False, False))
        self.assertEqual(refusal(self.mod, Unban(LOBBY, self.member.pk))[0], Code.FORBIDDEN)
        self.assertEqual(Membership.objects.filter(room=self.lobby).count(), 4)
        perform(self.owner.pk, Unban(LOBBY, self.mod.pk))
        self.assertTrue(access(self.mod).moderate)

    def test_it_answers_with_the_sanction_and_keeps_the_reason(self) -> None:
        before = timezone.now()
        made = perform(self.mod.pk, MutePerson(LOBBY, self.guest.pk, 90, "  much \n noise "))
        row = Mute.objects.get()
        self.assertEqual((made.user, made.reason), (accounts.author(self.guest), "much noise"))
        self.assertEqual((made.since, made.until), (row.created_at, row.until))
        self.assertGreaterEqual(row.created_at, before)
        self.assertEqual(row.until, row.created_at + timedelta(minutes=90))

    def test_it_ends_by_itself(self) -> None:
        for sort, action in ((Mute, MutePerson), (Ban, BanPerson)):
            with self.subTest(sort):
                perform(self.mod.pk, action(LOBBY, self.member.pk, 1))
                self.assertFalse(access(self.member).post)
                sort.objects.update(until=timezone.now() - timedelta(milliseconds=1))
                self.assertTrue(access(self.member).post)
        store(message(self.member, "again"))

    def test_again_is_anew(self) -> None:
        first = perform(self.mod.pk, BanPerson(LOBBY, self.member.pk, 5, "one"))
        again = perform(self.other_mod.pk, BanPerson(LOBBY, self.member.pk, reason="two"))
        row = Ban.objects.get()
        self.assertEqual((row.until, row.reason, row.created_at), (None, "two", again.since))
        self.assertGreater(again.since, first.since)

    def test_a_lift_ends_it_and_what_is_not_there_cannot_be_lifted(self) -> None:
        for impose, lift, told in (
            (MutePerson, Unmute, sanctions.NOT_MUTED),
            (BanPerson, Unban, sanctions.NOT_BANNED),
        ):
            with self.subTest(lift):
                missing = (told.code, told.detail)
                self.assertEqual(refusal(self.mod, lift(LOBBY, self.member.pk)), missing)
                perform(self.mod.pk, impose(LOBBY, self.member.pk, 5))
                perform(self.mod.pk, lift(LOBBY, self.member.pk))
                self.assertTrue(access(self.member).post)
                perform(self.mod.pk, impose(LOBBY, self.member.pk, 5))
                (Mute if impose is MutePerson else Ban).objects.update(until=timezone.now())
                self.assertEqual(refusal(self.mod, lift(LOBBY, self.member.pk)), missing)

    def test_readers_are_judged_anew(self) -> None:
        for action in (BanPerson(LOBBY, self.guest.pk), Unban(LOBBY, self.guest.pk)):
            before = ChatRoom.objects.get(slug=LOBBY).access_version
            perform(self.mod.pk, action)
            self.assertGreater(ChatRoom.objects.get(slug=LOBBY).access_version, before)

    def test_the_room_is_told_who_and_till_when(self) -> None:
        who = accounts.author(self.member)
        made = perform(self.mod.pk, MutePerson(LOBBY, self.member.pk, 5))
        perform(self.mod.pk, Unmute(LOBBY, self.member.pk))
        perform(self.mod.pk, BanPerson(LOBBY, self.member.pk))
        perform(self.mod.pk, Unban(LOBBY, self.member.pk))
        self.assertEqual(
            notices(),
            [
                Notice(Event.MUTED, who, until=made.until),
                Notice(Event.UNMUTED, who),
                Notice(Event.BANNED, who),
                Notice(Event.UNBANNED, who),
            ],
        )

    def test_the_trail_says_who_did_what_to_whom_and_why(self) -> None:
        made = perform(self.mod.pk, MutePerson(LOBBY, self.member.pk, 5, "noise"))
        perform(None, BanPerson(LOBBY, self.member.pk, reason="spam"), trusted=True)
        perform(self.owner.pk, Unban(LOBBY, self.member.pk))
        entries = [
            (one.deed, one.actor, one.actor_name, one.person, one.person_name, one.room, one.reason)
            for one in AuditEntry.objects.order_by("id")
        ]
        self.assertEqual(
            entries,
            [
                (Deed.MUTE, self.mod, "mona", self.member, "mia", self.lobby, "noise"),
                (Deed.BAN, None, "", self.member, "mia", self.lobby, "spam"),
                (Deed.UNBAN, self.owner, "olga", self.member, "mia", self.lobby, ""),
            ],
        )
        self.assertEqual(AuditEntry.objects.order_by("id")[0].details, {"until": made.until.isoformat()})


class Refusing(InARoom):
    def test_nobody_sanctions_who_does_not_rank_below_them(self) -> None:
        ranks = [self.guest, self.member, self.mod, self.owner, self.staff]
        for below, who in enumerate(ranks):
            for height, whom in enumerate([*ranks[:2], self.other_mod, *ranks[3:]]):
                lower = height < below or (height <= 1 < below)
                if below <= 1:
                    self.assertEqual(refusal(who, BanPerson(LOBBY, whom.pk))[0], Code.FORBIDDEN)
                elif lower:
                    perform(who.pk, BanPerson(LOBBY, whom.pk))
                    perform(who.pk, Unban(LOBBY, whom.pk))
                else:
                    self.assertEqual(refusal(who, BanPerson(LOBBY, whom.pk))[0], Code.FORBIDDEN)
                    self.assertEqual(refusal(who, MutePerson(LOBBY, whom.pk))[0], Code.FORBIDDEN)
        self.assertFalse(Ban.objects.exists() or Mute.objects.exists())

    def test_nobody_sanctions_themselves_or_lets_themselves_go(self) -> None:
        self.assertEqual(refusal(self.mod, MutePerson(LOBBY, self.mod.pk))[0], Code.FORBIDDEN)
        perform(self.owner.pk, MutePerson(LOBBY, self.mod.pk))
        self.assertEqual(refusal(self.mod, Unmute(LOBBY, self.mod.pk))[0], Code.FORBIDDEN)
        self.assertEqual(refusal(self.other_mod, Unmute(LOBBY, self.mod.pk))[0], Code.FORBIDDEN)
        perform(self.owner.pk, Unmute(LOBBY, self.mod.pk))

    def test_trusted_code_asks_for_no_rank(self) -> None:
        perform(None, BanPerson(LOBBY, self.owner.pk), trusted=True)
        self.assertFalse(access(self.owner).see)

    def test_people_and_rooms_that_are_not_there_are_not_found(self) -> None:
        for key in (self.guest.pk + 100, "nobody", 2**70, -1, ""):
            with self.subTest(key):
                self.assertEqual(refusal(self.mod, BanPerson(LOBBY, key))[0], Code.NOT_FOUND)
        self.assertEqual(refusal(self.mod, BanPerson("nowhere", self.guest.pk))[0], Code.NOT_FOUND)
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        nowhere = refusal(self.mod, BanPerson("nowhere", self.guest.pk))
        self.assertEqual(refusal(self.mod, BanPerson("den", self.guest.pk)), nowhere)

    def test_fields_out_of_bounds_are_named(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"minutes": 0}, "minutes"),
            ({"minutes": 525_601}, "minutes"),
            ({"minutes": True}, "minutes"),
            ({"reason": "x" * 251}, "reason"),
            ({"reason": "\x00"}, "reason"),
        ]
        for fields, named in cases:
            with self.subTest(fields):
                code, detail = refusal(self.mod, MutePerson(LOBBY, self.guest.pk, **fields))
                self.assertEqual(code, Code.BAD_REQUEST)
                self.assertTrue(detail.startswith(f"{named}: "), detail)
        perform(self.mod.pk, MutePerson(LOBBY, self.guest.pk, 525_600, "x" * 250))

    def test_in_a_room_of_two_staff_mutes_and_nobody_bans(self) -> None:
        two = room("two", visibility=ChatRoom.Visibility.DIRECT)
        for user in (self.member, self.guest):
            Membership.objects.create(room=two, user=user)
        self.assertEqual(refusal(self.guest, MutePerson("two", self.member.pk))[0], Code.FORBIDDEN)
        for by, options in ((self.guest, {}), (self.staff, {}), (None, {"trusted": True})):
            self.assertEqual(refusal(by, BanPerson("two", self.member.pk), **options)[0], Code.FORBIDDEN)
        perform(self.staff.pk, MutePerson("two", self.member.pk))
        self.assertEqual((access(self.member, "two").see, access(self.member, "two").post), (True, False))

    def test_what_is_refused_leaves_no_trace(self) -> None:
        refusal(self.mod, BanPerson(LOBBY, self.owner.pk))
        self.assertFalse(AuditEntry.objects.exists())
        self.assertEqual(notices(), [])


class Listed(InARoom):
    def test_moderators_see_what_is_in_force_the_newest_first(self) -> None:
        old = perform(self.mod.pk, BanPerson(LOBBY, self.guest.pk, 5))
        new = perform(self.mod.pk, BanPerson(LOBBY, self.member.pk, reason="spam"))
        Ban.objects.create(room=self.lobby, user=self.staff, until=timezone.now())
        perform(self.mod.pk, MutePerson(LOBBY, self.guest.pk))
        self.assertEqual(sanctions.in_force_in(LOBBY, sanctions.BAN, self.mod.pk), (new, old))
        [mute] = sanctions.in_force_in(LOBBY, sanctions.MUTE, self.staff.pk)
        self.assertEqual(mute.user, accounts.author(self.guest))

    def test_others_do_not(self) -> None:
        for user, code in ((None, Code.NOT_AUTHENTICATED), (self.member, Code.FORBIDDEN)):
            with pytest.raises(log.Refusal) as caught:
                sanctions.in_force_in(LOBBY, sanctions.BAN, user.pk if user else None)
            self.assertEqual(caught.value.code, code)


class OnTheSite(TestCase):
    def setUp(self) -> None:
        self.root = person("root", is_staff=True, is_superuser=True)
        self.staff, self.other = person("sam", is_staff=True), person("sue", is_staff=True)
        self.ana = person("ana")

    def test_the_suspended_are_nobody_until_it_ends(self) -> None:
        perform(self.staff.pk, Suspend(self.ana.pk, 10, "spam"))
        row = Suspension.objects.get()
        self.assertEqual((row.reason, row.until), ("spam", row.created_at + timedelta(minutes=10)))
        self.assertFalse(access(self.ana).see)
        self.assertEqual(refused(log.append([message(self.ana, "x")])).code, Code.NOT_AUTHENTICATED)
        Suspension.objects.update(until=timezone.now())
        store(message(self.ana, "back"))

    def test_again_is_anew_and_unsuspend_ends_it_once(self) -> None:
        perform(self.staff.pk, Suspend(self.ana.pk, 10))
        perform(self.staff.pk, Suspend(self.ana.pk))
        self.assertIsNone(Suspension.objects.get().until)
        perform(self.staff.pk, Unsuspend(self.ana.pk))
        self.assertTrue(access(self.ana).see)
        self.assertEqual(refusal(self.staff, Unsuspend(self.ana.pk))[0], Code.NOT_FOUND)
        Suspension.objects.create(user=self.ana, until=timezone.now())
        self.assertEqual(refusal(self.staff, Unsuspend(self.ana.pk))[0], Code.NOT_FOUND)
        self.assertEqual(
            [(one.deed, one.person_name) for one in AuditEntry.objects.order_by("id")],
            [(Deed.SUSPEND, "ana"), (Deed.SUSPEND, "ana"), (Deed.UNSUSPEND, "ana")],
        )

    def test_only_staff_suspends_and_only_a_superuser_suspends_staff_and_superusers(self) -> None:
        self.assertEqual(refusal(None, Suspend(self.ana.pk))[0], Code.NOT_AUTHENTICATED)
        for by, whom in (
            (self.ana, self.other),
            (self.staff, self.staff),
            (self.staff, self.root),
            (self.staff, self.other),
            (self.root, self.root),
        ):
            with self.subTest(by=by, whom=whom):
                self.assertEqual(refusal(by, Suspend(whom.pk))[0], Code.FORBIDDEN)
        perform(self.root.pk, Suspend(self.staff.pk))
        self.assertEqual(refusal(self.staff, Suspend(self.ana.pk))[0], Code.NOT_AUTHENTICATED)
        other_root = person("toor", is_superuser=True)
        self.assertEqual(refusal(self.other, Suspend(other_root.pk))[0], Code.FORBIDDEN)
        perform(self.root.pk, Suspend(other_root.pk))

    def test_everybody_is_judged_anew(self) -> None:
        before = history.heads([LOBBY]).site
        perform(self.staff.pk, Suspend(self.ana.pk))
        self.assertGreater(history.heads([LOBBY]).site, before)


class Trail(TestCase):
    """Django's own ways change nothing of what is written."""

    def setUp(self) -> None:
        self.ana, sam = person("ana"), person("sam", is_staff=True)
        perform(sam.pk, Suspend(self.ana.pk))
        self.entry = AuditEntry.objects.get()

    def test_no_entry_is_changed_or_deleted(self) -> None:
        self.entry.reason = "another"
        for way in (
            self.entry.save,
            self.entry.delete,
            AuditEntry.objects.all().delete,
            lambda: AuditEntry.objects.update(reason="another"),
            lambda: AuditEntry.objects.bulk_update([self.entry], ["reason"]),
            lambda: AuditEntry.objects.update_or_create(pk=self.entry.pk, defaults={"reason": "another"}),
        ):
            with self.subTest(way), self.assertRaises(TypeError), transaction.atomic():
                way()
        self.assertEqual(AuditEntry.objects.get().reason, "")

    def test_it_outlives_accounts(self) -> None:
        User.objects.all().delete()
        entry = AuditEntry.objects.get()
        self.assertEqual((entry.actor, entry.actor_name, entry.person_name), (None, "sam", "ana"))


def test_the_page_of_the_banned_is_refused_and_that_of_others_is_not() -> None:
    ana, mod = person("ana"), person("mod", is_staff=True)
    store(message(ana, "hello"))
    perform(mod.pk, BanPerson(LOBBY, ana.pk))
    assert getattr(history.read(ana.pk, LOBBY, Newest(5)), "code", None) is Code.FORBIDDEN
    assert isinstance(history.read(mod.pk, LOBBY, Newest(5)), Page)
