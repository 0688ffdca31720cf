"""Who belongs to a room: joining, leaving, roles, removal, rooms of two, and lists of members."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import TestCase, TransactionTestCase

from rooms import acting, history, membership
from rooms.actions import Archive, Join, Leave, OpenDirect, Remove, SetRole
from rooms.answers import Member, Members, Opened
from rooms.messages import Code, Refused
from rooms.models import Ban, ChatRoom, Membership, Suspension
from tests.support_acting import detail, refusal, told, trail
from tests.support_rooms import LOBBY, person, room
from tests.test_order import OtherThread

pytestmark = pytest.mark.databases

Visibility = ChatRoom.Visibility


class InARoom(TestCase):
    """A room with an owner, a moderator, a member, staff beside it, and somebody who does not belong."""

    def setUp(self) -> None:
        self.den = room("den")
        self.olga, self.mo, self.mia, self.sue, self.ana = (
            person("olga"),
            person("mo"),
            person("mia"),
            person("sue", is_staff=True),
            person("ana"),
        )
        for user, role in ((self.olga, "owner"), (self.mo, "moderator"), (self.mia, "member")):
            Membership.objects.create(room=self.den, user=user, role=role)

    def role(self, user: User) -> str | None:
        return Membership.objects.filter(room=self.den, user=user).values_list("role", flat=True).first()

    def make_private(self) -> None:
        ChatRoom.objects.filter(pk=self.den.pk).update(visibility=Visibility.PRIVATE)


class Joining(InARoom):
    """Coming and going by oneself."""

    def test_joining_a_public_room_is_told_once_and_is_the_same_again(self) -> None:
        first = acting.perform(self.ana.pk, Join("den"))
        assert isinstance(first, Member)
        self.assertEqual((first.user.name, first.role), ("ana", "member"))
        self.assertEqual(acting.perform(self.ana.pk, Join("den")), first)
        self.assertEqual(told("den"), [("joined", "ana", None)])

    def test_who_is_more_than_a_member_stays_so(self) -> None:
        self.assertEqual(acting.perform(self.olga.pk, Join("den")).role, "owner")

    def test_a_private_room_is_not_there_and_staff_are_told_that_it_is_private(self) -> None:
        self.make_private()
        self.assertEqual(refusal(self.ana.pk, Join("den")), Code.NOT_FOUND)
        self.assertEqual(detail(self.ana.pk, Join("den")), detail(self.ana.pk, Join("nowhere")))
        self.assertEqual(refusal(self.sue.pk, Join("den")), Code.FORBIDDEN)
        self.assertEqual(acting.perform(self.mia.pk, Join("den")).role, "member")
        self.assertEqual(acting.perform(self.ana.pk, Join("den"), trusted=True).role, "member")

    def test_an_archived_room_may_be_joined_and_left(self) -> None:
        acting.perform(self.olga.pk, Archive("den"))
        acting.perform(self.ana.pk, Join("den"))
        acting.perform(self.ana.pk, Leave("den"))
        self.assertIsNone(self.role(self.ana))

    def test_leaving_is_told_and_leaving_again_is_nothing(self) -> None:
        acting.perform(self.mia.pk, Leave("den"))
        acting.perform(self.mia.pk, Leave("den"))
        self.assertIsNone(self.role(self.mia))
        self.assertEqual(told("den"), [("left", "mia", None)])

    def test_the_last_owner_stays(self) -> None:
        self.assertEqual(refusal(self.olga.pk, Leave("den")), Code.FORBIDDEN)
        self.assertEqual(refusal(self.olga.pk, Leave("den"), trusted=True), Code.FORBIDDEN)
        acting.perform(self.olga.pk, SetRole("den", self.mia.pk, "owner"))
        acting.perform(self.olga.pk, Leave("den"))
        self.assertIsNone(self.role(self.olga))

    def test_the_server_belongs_to_no_room(self) -> None:
        for action in (Join("den"), Leave("den")):
            self.assertEqual(refusal(None, action, trusted=True), Code.NOT_AUTHENTICATED)


class Roles(InARoom):
    """Giving roles, and taking them."""

    def test_an_owner_gives_any_role_and_each_change_is_told_and_noted(self) -> None:
        given = acting.perform(self.olga.pk, SetRole("den", self.mia.pk, "moderator"))
        self.assertEqual((given.user.id, given.role), (self.mia.pk, "moderator"))
        acting.perform(self.olga.pk, SetRole("den", self.mia.pk, "moderator"))
        acting.perform(self.olga.pk, SetRole("den", self.mia.pk, "owner"))
        self.assertEqual(told("den"), [("role", "mia", "moderator"), ("role", "mia", "owner")])
        self.assertEqual(trail(), [("olga", "set_role", "mia")] * 2)

    def test_who_did_not_belong_then_does(self) -> None:
        self.make_private()
        acting.perform(self.olga.pk, SetRole("den", self.ana.pk))
        acting.perform(self.olga.pk, SetRole("den", self.sue.pk, "moderator"))
        self.assertEqual(
            told("den"), [("joined", "ana", None), ("joined", "sue", None), ("role", "sue", "moderator")]
        )

    def test_only_owners_and_staff_do(self) -> None:
        for user in (self.mo, self.mia, self.ana):
            self.assertEqual(refusal(user.pk, SetRole("den", user.pk, "owner")), Code.FORBIDDEN)
        acting.perform(self.sue.pk, SetRole("den", self.mia.pk, "owner"))

    def test_nobody_takes_a_role_from_their_equal_but_from_themselves(self) -> None:
        acting.perform(self.olga.pk, SetRole("den", self.mia.pk, "owner"))
        self.assertEqual(refusal(self.olga.pk, SetRole("den", self.mia.pk, "member")), Code.FORBIDDEN)
        acting.perform(self.olga.pk, SetRole("den", self.olga.pk, "member"))
        self.assertEqual(self.role(self.olga), "member")

    def test_nobody_takes_a_role_from_staff_whatever_it_is(self) -> None:
        acting.perform(self.olga.pk, SetRole("den", self.sue.pk, "moderator"))
        self.assertEqual(refusal(self.olga.pk, SetRole("den", self.sue.pk, "member")), Code.FORBIDDEN)
        acting.perform(None, SetRole("den", self.sue.pk, "member"), trusted=True)

    def test_a_suspended_owner_is_an_owner_still(self) -> None:
        acting.perform(self.olga.pk, SetRole("den", self.mia.pk, "owner"))
        Suspension.objects.create(user=self.mia)
        self.assertEqual(refusal(self.olga.pk, SetRole("den", self.mia.pk, "member")), Code.FORBIDDEN)

    def test_the_last_owner_does_not_become_less_whoever_asks(self) -> None:
        for by in (self.olga, self.sue):
            self.assertEqual(refusal(by.pk, SetRole("den", self.olga.pk, "moderator")), Code.FORBIDDEN)
        self.assertEqual(refusal(None, SetRole("den", self.olga.pk, "member"), trusted=True), Code.FORBIDDEN)

    def test_the_staff_makes_an_owner_where_the_last_one_s_account_was_deleted(self) -> None:
        self.olga.delete()
        self.assertEqual(refusal(self.mo.pk, SetRole("den", self.mia.pk, "owner")), Code.FORBIDDEN)
        acting.perform(self.sue.pk, SetRole("den", self.mia.pk, "owner"))
        self.assertEqual(self.role(self.mia), "owner")

    def test_there_are_three_roles(self) -> None:
        self.assertEqual(refusal(self.olga.pk, SetRole("den", self.mia.pk, "king")), Code.BAD_REQUEST)
        self.assertIn("role: ", detail(self.olga.pk, SetRole("den", self.mia.pk, "")))

    def test_who_is_banned_is_not_added(self) -> None:
        Ban.objects.create(room=self.den, user=self.ana)
        self.assertEqual(refusal(self.olga.pk, SetRole("den", self.ana.pk)), Code.FORBIDDEN)

    def test_nobody_of_that_key_is_added_nor_one_whose_account_is_disabled(self) -> None:
        gone = person("gone", is_active=False)
        for key in (gone.pk, 10**6, 2**70, -1, "nobody", ""):
            self.assertEqual(refusal(self.olga.pk, SetRole("den", key)), Code.NOT_FOUND, key)

    def test_a_key_may_be_text(self) -> None:
        acting.perform(self.olga.pk, SetRole("den", str(self.mia.pk), "moderator"))
        self.assertEqual(self.role(self.mia), "moderator")


class Removing(InARoom):
    """Taking people out."""

    def test_moderators_remove_members_with_a_reason_that_the_trail_keeps(self) -> None:
        acting.perform(self.mo.pk, Remove("den", self.mia.pk, "spam"))
        self.assertIsNone(self.role(self.mia))
        self.assertEqual(told("den"), [("removed", "mia", None)])
        self.assertEqual(trail(), [("mo", "remove", "mia")])

    def test_nobody_removes_who_is_not_below_them(self) -> None:
        Membership.objects.create(room=self.den, user=self.sue)
        mel = person("mel")
        Membership.objects.create(room=self.den, user=mel, role="moderator")
        for by, whom in ((self.mo, mel), (self.mo, self.olga), (self.mo, self.sue), (self.olga, self.sue)):
            self.assertEqual(refusal(by.pk, Remove("den", whom.pk)), Code.FORBIDDEN)
        for user in (self.mia, self.ana):
            self.assertEqual(refusal(user.pk, Remove("den", self.mo.pk)), Code.FORBIDDEN)
        acting.perform(self.olga.pk, Remove("den", mel.pk))
        acting.perform(None, Remove("den", self.sue.pk), trusted=True)

    def test_who_removes_themselves_leaves(self) -> None:
        acting.perform(self.mo.pk, Remove("den", self.mo.pk))
        self.assertEqual(told("den"), [("left", "mo", None)])

    def test_the_last_owner_is_not_removed(self) -> None:
        self.assertEqual(refusal(self.sue.pk, Remove("den", self.olga.pk)), Code.FORBIDDEN)

    def test_who_does_not_belong_is_removed_without_a_word_and_who_is_not_there_is_not(self) -> None:
        acting.perform(self.mo.pk, Remove("den", self.ana.pk))
        self.assertEqual((told("den"), trail()), ([], []))
        self.assertEqual(refusal(self.mo.pk, Remove("den", 10**6)), Code.NOT_FOUND)

    def test_a_reason_has_an_end(self) -> None:
        self.assertEqual(refusal(self.mo.pk, Remove("den", self.mia.pk, "x" * 251)), Code.BAD_REQUEST)

    def test_out_of_a_private_room_is_out(self) -> None:
        self.make_private()
        acting.perform(self.mo.pk, Remove("den", self.mia.pk))
        self.assertEqual(history.room_for(self.mia.pk, "den"), history.NO_ROOM)


class Listing(InARoom):
    """Lists of members, page by page."""

    def names(self, found: Members | Refused) -> list[str]:
        assert isinstance(found, Members), found
        return [one.user.name for one in found.members]

    def code(self, user: User | None, slug: str = "den") -> Code | None:
        found = membership.members(user.pk if user else None, slug, None, 9)
        return found.code if isinstance(found, Refused) else None

    def test_in_the_order_of_keys_and_on_from_one(self) -> None:
        first = membership.members(self.ana.pk, "den", None, 2)
        self.assertEqual(self.names(first), ["olga", "mo"])
        self.assertTrue(isinstance(first, Members) and first.more)
        second = membership.members(self.ana.pk, "den", self.mo.pk, 2)
        self.assertEqual(self.names(second), ["mia"])
        self.assertFalse(isinstance(second, Members) and second.more)
        self.assertEqual(self.names(membership.members(self.ana.pk, "den", str(self.mo.pk), 2)), ["mia"])

    def test_a_cursor_that_names_nobody_is_refused(self) -> None:
        for cursor in ("x", "", 2**70):
            found = membership.members(self.ana.pk, "den", cursor, 2)
            self.assertTrue(isinstance(found, Refused) and found.code is Code.BAD_REQUEST, cursor)

    def test_for_everybody_with_an_account_where_it_is_public_else_for_members(self) -> None:
        ChatRoom.objects.filter(pk=self.den.pk).update(open_to_guests=True)
        self.assertEqual(self.code(None), Code.NOT_AUTHENTICATED)
        self.assertIsNone(self.code(self.ana))
        Ban.objects.create(room=self.den, user=self.ana)
        self.assertEqual(self.code(self.ana), Code.FORBIDDEN)
        self.make_private()
        self.assertEqual(self.code(self.ana), Code.NOT_FOUND)
        self.assertEqual(self.code(self.ana, "nowhere"), Code.NOT_FOUND)
        self.assertIsNone(self.code(self.mia))
        self.assertIsNone(self.code(self.sue))

    def test_as_many_queries_however_many_there_are(self) -> None:
        with self.assertNumQueries(4):
            membership.members(self.ana.pk, "den", None, 1)
        with self.assertNumQueries(4):
            membership.members(self.ana.pk, "den", None, 50)


class Direct(TestCase):
    """Rooms of two."""

    def setUp(self) -> None:
        self.ana, self.ben = person("ana"), person("ben")

    def test_two_people_have_one_room_whoever_asks(self) -> None:
        first = acting.perform(self.ana.pk, OpenDirect(self.ben.pk))
        self.assertRegex(first.room, r"\Adirect-[0-9a-f]{24}\Z")
        self.assertTrue(first.fresh)
        for by, whom in ((self.ana, self.ben), (self.ben, self.ana)):
            self.assertEqual(acting.perform(by.pk, OpenDirect(whom.pk)), Opened(first.room, fresh=False))
        made = ChatRoom.objects.get(slug=first.room)
        self.assertEqual(made.visibility, "direct")
        belonging = set(made.memberships.values_list("user", "role"))
        self.assertEqual(belonging, {(self.ana.pk, "member"), (self.ben.pk, "member")})
        self.assertEqual(told(first.room), [("created", "ben", None)])

    def test_each_sees_the_name_of_the_other_and_nobody_else_sees_the_room(self) -> None:
        slug = acting.perform(self.ana.pk, OpenDirect(self.ben.pk)).room
        for reader, other in ((self.ana, self.ben), (self.ben, self.ana)):
            [shown] = [one for one in history.rooms_for(reader.pk)[1] if one.visibility == "direct"]
            assert shown.with_ is not None
            self.assertEqual((shown.room, shown.name, shown.with_.id), (slug, other.get_username(), other.pk))
        stranger, staff = person("eve"), person("sue", is_staff=True)
        self.assertEqual(history.room_for(stranger.pk, slug), history.NO_ROOM)
        self.assertNotIn(slug, [one.room for one in history.rooms_for(staff.pk)[1]])
        seen = history.room_for(staff.pk, slug)
        self.assertEqual((getattr(seen, "name", None), getattr(seen, "with_", "")), ("ana, ben", None))

    def test_the_room_outlives_an_account_and_keeps_both_names(self) -> None:
        slug = acting.perform(self.ana.pk, OpenDirect(self.ben.pk)).room
        self.ben.delete()
        seen = history.room_for(self.ana.pk, slug)
        self.assertEqual((getattr(seen, "name", None), getattr(seen, "with_", "")), ("ana, ben", None))

    def test_not_with_oneself_nor_with_who_is_not_there(self) -> None:
        self.assertEqual(refusal(self.ana.pk, OpenDirect(self.ana.pk)), Code.BAD_REQUEST)
        self.assertTrue(detail(self.ana.pk, OpenDirect(self.ana.pk)).startswith("user: "))
        self.ben.is_active = False
        self.ben.save()
        for key in (self.ben.pk, 10**6, "x"):
            self.assertEqual(refusal(self.ana.pk, OpenDirect(key)), Code.NOT_FOUND)
        self.assertEqual(refusal(None, OpenDirect(self.ana.pk)), Code.NOT_AUTHENTICATED)

    def test_nobody_leaves_joins_or_is_removed(self) -> None:
        slug = acting.perform(self.ana.pk, OpenDirect(self.ben.pk)).room
        for action in (
            Join(slug),
            Leave(slug),
            Remove(slug, self.ben.pk),
            SetRole(slug, self.ben.pk, "owner"),
        ):
            self.assertEqual(refusal(self.ana.pk, action), Code.FORBIDDEN)
            self.assertEqual(refusal(self.ana.pk, action, trusted=True), Code.FORBIDDEN)


class AtOnce(TransactionTestCase):
    """Both open their room at the same moment."""

    def test_two_who_open_at_once_find_one_room(self) -> None:
        ana, ben = person("ana"), person("ben")
        found: list[Opened] = []
        openers = [
            OtherThread(lambda by=by, whom=whom: found.append(acting.perform(by, OpenDirect(whom))))  # type: ignore[misc]
            for by, whom in ((ana.pk, ben.pk), (ben.pk, ana.pk)) * 4
        ]
        for opener in openers:
            opener.join()
        self.assertEqual(len({one.room for one in found}), 1)
        self.assertEqual(sum(one.fresh for one in found), 1)
        self.assertEqual(ChatRoom.objects.filter(visibility=Visibility.DIRECT).count(), 1)
        self.assertEqual(Membership.objects.count(), 2)
        self.assertEqual(ChatRoom.objects.exclude(slug=LOBBY).count(), 1)
