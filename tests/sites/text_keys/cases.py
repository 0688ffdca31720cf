"""The rooms on that site. `tests/test_text_keys.py` runs these in a process of their own."""

from __future__ import annotations

from typing import Any

from django.test import TestCase, TransactionTestCase
from django.urls import reverse

from realtime import queries
from rooms import accounts, acting, log, search
from rooms.actions import BanPerson, OpenDirect, RoomAction
from rooms.messages import Code, UserId, user_id
from rooms.models import Ban, ChatRoom, Membership
from tests.sites.text_keys.models import Person
from tests.support_inline import Inline

UNSTORABLE = ("\x00", "a\x00", "\ud800")


def person(number: str, name: str, **more: Any) -> Any:
    """Make somebody."""
    # Any: types are checked by the settings of the product's own site, whose users are others.
    return Person.objects.create_user(name, password="pw", number=number, **more)


class ByTheApi(TransactionTestCase):
    """The whole service, which has transactions of its own."""

    def test_one_leaves_by_ones_own_key(self) -> None:
        """It crosses as a number in the path, and as a text in who asks."""
        room = ChatRoom.objects.get(slug="lobby")
        seven, bond = person("7", "seven"), person("007", "bond")
        for one in (seven, bond):
            Membership.objects.create(room=room, user=one)
        chat = Inline()
        self.addCleanup(chat.close)
        answers = [chat.ask("DELETE", f"/api/rooms/lobby/members/{key}", by=seven) for key in ("007", "7")]
        self.assertEqual([one.status for one in answers], [403, 204])
        self.assertEqual([row.user for row in Membership.objects.all()], [bond])


class TextKeys(TestCase):
    """A site where 007 and 7 are two people."""

    def setUp(self) -> None:
        """Make both of them, and somebody above them."""
        self.room = ChatRoom.objects.get(slug="lobby")
        self.boss = person("001", "boss", is_staff=True, is_superuser=True)
        self.seven, self.bond = person("7", "seven"), person("007", "bond")
        for one in (self.seven, self.bond):
            Membership.objects.create(room=self.room, user=one)
        self.client.force_login(self.boss, backend="rooms.backends.AccountBackend")

    def test_a_key_finds_its_owner_in_a_path_a_query_and_a_body(self) -> None:
        """A body has what it says; a number is the text of it."""
        for text, owner in (
            ("007", self.bond),
            ("7", self.seven),
            ("0", None),
            ("07", None),
            ("\u0667", None),
        ):
            self.assertEqual(accounts.find(user_id(text)), owner, text)
        self.assertEqual(accounts.find(7), self.seven)
        self.assertEqual(queries.decode_members_query(b"after=007")[0], "007")
        self.assertEqual(queries.decode_search_query(b"q=x&author=007").author, "007")

    def test_the_button_beside_somebody_bans_them(self) -> None:
        """The page writes the key as it is."""
        page = reverse("rooms:members", args=["lobby"])
        self.assertContains(self.client.get(page), 'name="user" value="007"')
        asked = {"do": "sanction", "user": "007", "what": "ban", "minutes": "", "reason": ""}
        self.client.post(page, asked)
        self.assertEqual(Ban.objects.get().user, self.bond)
        self.client.post(page, {**asked, "user": "7"})
        self.assertEqual(Ban.objects.latest("pk").user, self.seven)

    def test_the_page_goes_on_after_a_key(self) -> None:
        """Keys are in the order of texts."""
        for after, shown in (("007", ["7"]), ("0", ["007", "7"])):
            page = self.client.get(reverse("rooms:members", args=["lobby"]), {"after": after})
            self.assertEqual([one.user.id for one in page.context["members"]], shown)

    def test_what_somebody_said_is_found_by_their_key(self) -> None:
        """And not by that of another."""
        log.post(self.room, self.bond, "shaken")
        for key, found in (("007", 1), ("7", 0)):
            answer: Any = search.find("001", "shaken", author=user_id(key))
            self.assertEqual(len(answer.messages), found)

    def test_a_key_that_no_database_holds_is_nobodys(self) -> None:
        """It is refused as any other that nobody has."""
        for key in UNSTORABLE:
            self.assertIsNone(accounts.find(key))
            for action in (BanPerson("lobby", key), OpenDirect(key)):
                with self.assertRaises(log.Refusal) as caught:
                    self.asks("001", action)
                self.assertEqual(caught.exception.code, Code.NOT_FOUND)

    def test_every_two_people_have_a_room_of_their_own(self) -> None:
        """Whatever their keys hold."""
        keys = ("a:b", "c", "a", "b:c", "3:a", "a:b:c", ":", "::", "b")
        for number, key in enumerate(keys):
            person(key, f"person{number}")
        pairs = [(one, other) for at, one in enumerate(keys) for other in keys[at + 1 :]]
        made = [self.asks(one, OpenDirect(other)).room for one, other in pairs]
        self.assertEqual(len(set(made)), len(pairs))
        self.assertEqual([self.asks(other, OpenDirect(one)).room for one, other in pairs], made)
        self.assertEqual(ChatRoom.objects.get(slug=self.asks("7", OpenDirect("007")).room).pair, "007:7")

    def asks(self, who: UserId, action: RoomAction | OpenDirect) -> Any:
        """Return what comes of an action."""
        return acting.perform(who, action)
