"""Links into rooms: for so long, for so many, and nothing tells why one is not good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from rooms import acting, invitations, log
from rooms.actions import AcceptInvitation, Archive, Invite, RevokeInvitation, Suspend, Unsuspend
from rooms.answers import Invited, Opened
from rooms.messages import Code, Refused
from rooms.models import Ban, ChatRoom, Invitation, Membership
from tests.support_acting import detail, refusal, told, trail
from tests.support_rooms import person, room
from tests.test_order import OtherThread

pytestmark = pytest.mark.databases

UNKNOWN = "x" * 43


class Links(TestCase):
    """A private room with a moderator, and people who come by links."""

    def setUp(self) -> None:
        self.den = room("den", visibility=ChatRoom.Visibility.PRIVATE)
        self.mo, self.ana, self.ben = person("mo"), person("ana"), person("ben")
        Membership.objects.create(room=self.den, user=self.mo, role="moderator")

    def link(self, **bounds: int) -> Invited:
        made = acting.perform(self.mo.pk, Invite("den", **bounds))
        assert isinstance(made, Invited)
        return made

    def uses(self, link: Invited) -> int:
        return Invitation.objects.get(pk=link.invitation).uses_left

    def test_a_link_lets_in_who_has_an_account_and_is_used_up(self) -> None:
        link = self.link()
        self.assertEqual(acting.perform(self.ana.pk, AcceptInvitation(link.token)), Opened("den", fresh=True))
        self.assertEqual(Membership.objects.get(room=self.den, user=self.ana).role, "member")
        self.assertEqual(told("den"), [("joined", "ana", None)])
        self.assertEqual(trail(), [("mo", "invite", ""), ("ana", "accept_invitation", "")])
        self.assertEqual(refusal(self.ben.pk, AcceptInvitation(link.token)), Code.NOT_FOUND)

    def test_only_the_digest_is_kept_and_nothing_shows_the_token(self) -> None:
        link = self.link()
        self.assertGreaterEqual(len(link.token), 43)
        self.assertNotIn(link.token, repr(link))
        self.assertNotIn(link.token, str(Invitation.objects.values().get()))

    def test_who_belongs_to_the_room_uses_nothing_up(self) -> None:
        link = self.link(uses=2)
        for fresh in (True, False, False):
            opened = acting.perform(self.ana.pk, AcceptInvitation(link.token))
            self.assertEqual(opened, Opened("den", fresh=fresh))
        self.assertEqual(self.uses(link), 1)
        self.assertEqual(acting.perform(self.mo.pk, AcceptInvitation(link.token)), Opened("den", fresh=False))

    def test_nor_of_one_that_is_used_up_or_too_old(self) -> None:
        used, old, revoked = self.link(), self.link(), self.link()
        acting.perform(self.ana.pk, AcceptInvitation(used.token))
        Invitation.objects.filter(pk=old.invitation).update(expires_at=timezone.now())
        for link in (used, old):
            opened = acting.perform(self.ana.pk, AcceptInvitation(link.token))
            self.assertEqual(opened, Opened("den", fresh=False))
        acting.perform(self.mo.pk, RevokeInvitation("den", revoked.invitation))
        self.assertEqual(refusal(self.ana.pk, AcceptInvitation(revoked.token)), Code.NOT_FOUND)

    def test_expired_used_up_revoked_and_unknown_are_one_answer(self) -> None:
        expired, used, revoked = self.link(), self.link(), self.link()
        Invitation.objects.filter(pk=expired.invitation).update(expires_at=timezone.now())
        acting.perform(self.ben.pk, AcceptInvitation(used.token))
        acting.perform(self.mo.pk, RevokeInvitation("den", revoked.invitation))
        tokens = [expired.token, used.token, revoked.token, UNKNOWN, "", "\ud800", "x" * 100_000]
        answers = {
            (refusal(self.ana.pk, AcceptInvitation(token)), detail(self.ana.pk, AcceptInvitation(token)))
            for token in tokens
        }
        self.assertEqual(answers, {(Code.NOT_FOUND, invitations.NOT_GOOD.detail)})
        self.assertEqual([invitations.peek(token) for token in tokens], [None] * len(tokens))
        self.assertIn(("mo", "revoke_invitation", ""), trail())

    def test_the_page_of_a_link_learns_the_name_of_its_room(self) -> None:
        self.assertEqual(invitations.peek(self.link().token), "Den")

    def test_who_is_banned_stays_out_and_of_a_private_room_learns_nothing(self) -> None:
        link = self.link()
        Ban.objects.create(room=self.den, user=self.ana)
        self.assertEqual(refusal(self.ana.pk, AcceptInvitation(link.token)), Code.NOT_FOUND)
        self.assertEqual(detail(self.ana.pk, AcceptInvitation(link.token)), invitations.NOT_GOOD.detail)
        ChatRoom.objects.filter(pk=self.den.pk).update(visibility=ChatRoom.Visibility.PUBLIC)
        self.assertEqual(refusal(self.ana.pk, AcceptInvitation(link.token)), Code.FORBIDDEN)
        self.assertEqual(self.uses(link), 1)

    def test_a_guest_needs_an_account_first(self) -> None:
        self.assertEqual(refusal(None, AcceptInvitation(self.link().token)), Code.NOT_AUTHENTICATED)
        trusted = refusal(None, AcceptInvitation(self.link().token), trusted=True)
        self.assertEqual(trusted, Code.NOT_AUTHENTICATED)

    def test_an_archived_room_is_entered_all_the_same(self) -> None:
        link = self.link()
        acting.perform(None, Archive("den"), trusted=True)
        acting.perform(self.ana.pk, AcceptInvitation(link.token))

    def test_bounds_are_named(self) -> None:
        most = invitations.MOST_SECONDS
        for action, field in (
            (Invite("den", seconds=0), "seconds"),
            (Invite("den", seconds=most + 1), "seconds"),
            (Invite("den", uses=0), "uses"),
            (Invite("den", uses=1001), "uses"),
        ):
            self.assertEqual(refusal(self.mo.pk, action), Code.BAD_REQUEST)
            self.assertTrue(detail(self.mo.pk, action).startswith(f"{field}: "))
        made = self.link(seconds=most, uses=1000)
        self.assertAlmostEqual(
            made.expires_at, timezone.now() + timedelta(days=90), delta=timedelta(minutes=1)
        )

    def test_moderators_alone_make_list_and_revoke_them(self) -> None:
        link = self.link()
        ChatRoom.objects.filter(pk=self.den.pk).update(visibility=ChatRoom.Visibility.PUBLIC)
        for action in (Invite("den"), RevokeInvitation("den", link.invitation)):
            self.assertEqual(refusal(self.ana.pk, action), Code.FORBIDDEN)
        self.assertEqual(invitations.good(self.ana.pk, "den"), invitations.NOT_A_MODERATOR)
        guest = invitations.good(None, "den")
        self.assertTrue(isinstance(guest, Refused) and guest.code is Code.NOT_AUTHENTICATED)

    def test_a_link_is_revoked_by_its_own_room_only(self) -> None:
        link = self.link()
        other = room("other")
        Membership.objects.create(room=other, user=self.ana, role="owner")
        for number in (link.invitation, 10**6, 2**70):
            self.assertEqual(refusal(self.ana.pk, RevokeInvitation("other", number)), Code.NOT_FOUND)
        self.assertEqual(self.uses(link), 1)

    def test_the_list_holds_those_that_are_still_good(self) -> None:
        first, expired, used = self.link(uses=3), self.link(), self.link()
        Invitation.objects.filter(pk=expired.invitation).update(expires_at=timezone.now())
        acting.perform(self.ana.pk, AcceptInvitation(used.token))
        server = acting.perform(None, Invite("den"), trusted=True)
        listed = invitations.good(self.mo.pk, "den")
        assert not isinstance(listed, Refused)
        self.assertEqual(
            [(one.invitation, one.made_by and one.made_by.name, one.uses) for one in listed],
            [(first.invitation, "mo", 3), (server.invitation, None, 1)],
        )

    def test_a_link_is_as_good_as_its_makers_right_to_invite(self) -> None:
        link = self.link(uses=9)
        mine = Membership.objects.get(user=self.mo)

        numbers = iter(range(99))

        def is_good() -> bool:
            listed = invitations.good(owner.pk, "den")
            assert not isinstance(listed, Refused)
            told = {bool(listed), invitations.peek(link.token) is not None}
            try:
                acting.perform(person(f"guest{next(numbers)}").pk, AcceptInvitation(link.token))
            except log.Refusal as refused:
                self.assertEqual((refused.code, told), (Code.NOT_FOUND, {False}))
                return False
            self.assertEqual(told, {True})
            return True

        owner = person("owner")
        Membership.objects.create(room=self.den, user=owner, role="owner")
        self.assertTrue(is_good())
        ban = Ban.objects.create(room=self.den, user=self.mo)
        self.assertFalse(is_good())
        ban.delete()
        self.assertTrue(is_good())
        acting.perform(None, Suspend(self.mo.pk), trusted=True)
        self.assertFalse(is_good())
        acting.perform(None, Unsuspend(self.mo.pk), trusted=True)
        mine.role = "member"
        mine.save()
        self.assertFalse(is_good())
        mine.delete()
        self.assertFalse(is_good())
        self.assertEqual(refusal(self.mo.pk, AcceptInvitation(link.token)), Code.NOT_FOUND)

    def test_a_link_goes_with_the_account_of_its_maker(self) -> None:
        link = self.link(uses=9)
        server = acting.perform(None, Invite("den"), trusted=True)
        Ban.objects.create(room=self.den, user=self.mo)
        self.mo.delete()
        self.assertIsNone(invitations.peek(link.token))
        self.assertEqual(refusal(self.ana.pk, AcceptInvitation(link.token)), Code.NOT_FOUND)
        acting.perform(self.ana.pk, AcceptInvitation(server.token))

    def test_only_so_many_are_good_at_a_time(self) -> None:
        links = [self.link() for _each in range(invitations.MOST_LINKS)]
        self.assertEqual(refusal(self.mo.pk, Invite("den")), Code.FORBIDDEN)
        acting.perform(self.mo.pk, RevokeInvitation("den", links[0].invitation))
        self.link()

    def test_those_that_are_good_no_more_take_no_place(self) -> None:
        for _each in range(invitations.MOST_LINKS):
            self.link()
        owner = person("owner")
        Membership.objects.create(room=self.den, user=owner, role="owner")
        self.assertEqual(refusal(owner.pk, Invite("den")), Code.FORBIDDEN)
        Membership.objects.get(user=self.mo).delete()
        acting.perform(owner.pk, Invite("den"))
        listed = invitations.good(owner.pk, "den")
        assert not isinstance(listed, Refused)
        self.assertEqual(len(listed), 1)

    def test_the_list_of_a_hidden_room_is_that_of_none(self) -> None:
        self.assertEqual(invitations.good(self.ana.pk, "den"), invitations.good(self.ana.pk, "nowhere"))


class AtOnce(TransactionTestCase):
    """Many use one link at the same moment."""

    def test_no_more_come_in_than_it_is_good_for(self) -> None:
        den = room("den", visibility=ChatRoom.Visibility.PRIVATE)
        link = acting.perform(None, Invite("den", uses=3), trusted=True)
        people = [person(f"p{number}") for number in range(8)]
        codes: list[Code] = []

        def accept(key: int) -> None:
            try:
                acting.perform(key, AcceptInvitation(link.token))
            except log.Refusal as refused:
                codes.append(refused.code)

        guests = [OtherThread(lambda key=one.pk: accept(key)) for one in people]  # type: ignore[misc]
        for guest in guests:
            guest.join()
        self.assertEqual(Membership.objects.filter(room=den).count(), 3)
        self.assertEqual(codes, [Code.NOT_FOUND] * 5)
        self.assertEqual(Invitation.objects.get().uses_left, 0)

    def test_one_who_uses_it_from_many_places_comes_in_once(self) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        link = acting.perform(None, Invite("den", uses=8), trusted=True)
        ana = person("ana")
        opened: list[Opened] = []
        places = [
            OtherThread(lambda: opened.append(acting.perform(ana.pk, AcceptInvitation(link.token))))
            for _place in range(8)
        ]
        for place in places:
            place.join()
        self.assertEqual(sorted(one.fresh for one in opened), [False] * 7 + [True])
        self.assertEqual(Invitation.objects.get().uses_left, 7)
        self.assertEqual(told("den"), [("joined", "ana", None)])
