"""The pages by which people make rooms and run them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client, TestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from realtime import wire
from rooms import history
from rooms.acting import perform
from rooms.actions import (
    Archive,
    BanPerson,
    CreateRoom,
    Deed,
    MuteForOneself,
    MutePerson,
    SetReadOnly,
    SetRole,
    SetTopic,
)
from rooms.messages import Newest, Refused
from rooms.models import AuditEntry, Ban, ChatRoom, Membership, Message, Mute, ReadMarker, SiteState
from tests.support_rooms import LOBBY, message, person, redaction, room, store
from tests.test_accounts_pages import INLINE

pytestmark = pytest.mark.databases

FIRST = re.compile(r'<script id="first-messages" type="application/json">(?P<json>[^<]*)</script>')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"|"csrfToken": "[^"]+"')


class Pages(TestCase):
    """Ana owns a room, Ben moderates it, Carl belongs to it, Dora has an account."""

    def setUp(self) -> None:
        self.ana, self.ben, self.carl, self.dora = (person(name) for name in ("ana", "ben", "carl", "dora"))
        self.slug = perform(self.ana.pk, CreateRoom("Garden", topic="of slugs")).room
        perform(self.ana.pk, SetRole(self.slug, self.ben.pk, "moderator"))
        perform(self.ana.pk, SetRole(self.slug, self.carl.pk))

    def as_(self, user: object) -> Client:
        """Return somebody's browser."""
        client = Client()
        client.force_login(user)  # type: ignore[arg-type]
        return client

    def url(self, name: str, slug: str = "") -> str:
        """Return the address of a page of the room."""
        return reverse(f"rooms:{name}", args=[slug or self.slug])


class Making(Pages):
    """Rooms are made from a page, and two people find each other."""

    def test_a_room_is_made_and_gone_to(self) -> None:
        asked = {"name": "Salad days", "topic": "green", "private": "on"}
        answer = self.as_(self.dora).post(reverse("rooms:new_room"), asked)
        made = ChatRoom.objects.get(slug="salad-days")
        self.assertRedirects(answer, self.url("room", "salad-days"))
        self.assertEqual((made.name, made.topic, made.visibility), ("Salad days", "green", "private"))
        self.assertEqual(Membership.objects.get(room=made).user, self.dora)

    def test_a_refusal_is_an_error_of_its_field(self) -> None:
        for room_, wanted in (("garden", "This address is in use"), ("Not An Address", "small letters")):
            answer = self.as_(self.dora).post(reverse("rooms:new_room"), {"name": "x", "room": room_})
            self.assertEqual(answer.status_code, 200)
            self.assertIn(wanted, answer.context["form"].errors["room"][0])
        self.assertFalse(ChatRoom.objects.filter(name="x").exists())

    @override_settings(CHAT_MEMBERS_CREATE_ROOMS=False)
    def test_where_only_staff_make_rooms_others_are_offered_none_and_refused(self) -> None:
        boss = person("boss", is_staff=True)
        for user, offered in ((self.dora, False), (boss, True)):
            client = self.as_(user)
            page = client.get(reverse("rooms:index"))
            self.assertEqual(b"New room" in page.content, offered)
            client.post(reverse("rooms:new_room"), {"name": f"Of {user.username}"})
        self.assertEqual(
            list(ChatRoom.objects.filter(name__startswith="Of ").values_list("name", flat=True)), ["Of boss"]
        )

    def test_two_people_have_one_room_whoever_asks_and_each_sees_the_others_name(self) -> None:
        places = {
            self.as_(one).post(reverse("rooms:direct"), {"user": name})["Location"]
            for one, name in ((self.ana, "@Ben"), (self.ben, "ana"), (self.ana, "ben"))
        }
        [place] = places
        self.assertContains(self.as_(self.ana).get(place), "<bdi>ben</bdi></h1>")
        self.assertContains(self.as_(self.ben).get(place), "<bdi>ana</bdi></h1>")
        self.assertContains(self.as_(self.ana).get(reverse("rooms:index")), "<bdi>ben</bdi>")

    def test_nobody_talks_to_nobody_or_to_themselves(self) -> None:
        for name, wanted in (("nobody", "There is no such person."), ("ana", "with somebody else")):
            answer = self.as_(self.ana).post(reverse("rooms:direct"), {"user": name})
            self.assertIn(wanted, answer.context["form"].errors["user"][0])
        self.assertFalse(ChatRoom.objects.filter(visibility="direct").exists())

    def test_a_guest_is_asked_to_log_in(self) -> None:
        for name in ("new_room", "direct", "reports"):
            self.assertIn("login", self.client.get(reverse(f"rooms:{name}"))["Location"])

    def test_of_two_whose_names_differ_in_size_the_one_that_is_written_is_meant(self) -> None:
        for name in ("Eve", "eve", "EVE"):
            person(name)
        for name in ("Eve", "@eve", "EVE"):
            answer = self.as_(self.dora).post(reverse("rooms:direct"), {"user": name}, follow=True)
            self.assertEqual(answer.context["room"].name, name.removeprefix("@"))
        answer = self.as_(self.dora).post(reverse("rooms:direct"), {"user": "eVe"})
        self.assertIn("no such person", answer.context["form"].errors["user"][0])
        answer = self.as_(self.dora).post(reverse("rooms:direct"), {"user": "CARL"}, follow=True)
        self.assertEqual(answer.context["room"].name, "carl")


class Listing(Pages):
    """The list shows first what is for its reader in person, then what is unread."""

    def test_rooms_stand_in_the_order_of_what_waits_there_then_by_name(self) -> None:
        spoken = {"Zeta": "hello @carl", "Young": "hello", "Xenon": "hello @carl"}
        slugs = {}
        for name in ("Ärger", "Beta", *spoken):
            slugs[name] = perform(self.ana.pk, CreateRoom(name)).room
            perform(self.ana.pk, SetRole(slugs[name], self.carl.pk))
            if name in spoken:
                store(message(self.ana, spoken[name], room=slugs[name]))
        perform(self.carl.pk, MuteForOneself(slugs["Xenon"], muted=True))
        answer = self.as_(self.carl).get(reverse("rooms:index"))
        shown = [one.name for one in answer.context["rooms"]]
        self.assertEqual([one for one in shown if one in slugs], ["Zeta", "Young", "Ärger", "Beta", "Xenon"])


class Hidden(Pages):
    """A room that one may not see is a room that does not exist, on every page of it."""

    PAGES = ("room", "settings", "members", "invitations")

    def test_a_private_room_and_none_are_answered_alike_in_as_many_queries(self) -> None:
        secret = perform(self.ana.pk, CreateRoom("Secret", private=True)).room
        for client in (self.as_(self.dora), Client()):
            for name in self.PAGES:
                client.get(self.url(name, "nowhere"))  # what is read once is read
                answers, counts = [], []
                for slug in (secret, "nowhere"):
                    with self.subTest(name, slug=slug), CaptureQueriesContext(connection) as counted:
                        answers.append(client.get(self.url(name, slug)))
                    counts.append(len(counted))
                texts = [TOKEN.sub("", one.content.decode()) for one in answers]
                places = [one.headers.get("Location", "").replace(secret, "nowhere") for one in answers]
                self.assertEqual(answers[0].status_code, answers[1].status_code)
                self.assertIn(answers[0].status_code, {302, 404})
                self.assertEqual((texts[0], places[0], counts[0]), (texts[1], places[1], counts[1]))

    def test_who_is_banned_is_told_so(self) -> None:
        perform(self.ana.pk, BanPerson(self.slug, self.carl.pk))
        for name in self.PAGES:
            self.assertContains(self.as_(self.carl).get(self.url(name)), "You are banned", status_code=403)


class Settings(Pages):
    """What a room is, those change who may, each what they may."""

    def shown(self, client: Client) -> dict[str, str]:
        """Return what the browser sends of the form where nothing is touched."""
        form = client.get(self.url("settings")).context["form"]
        fields = [(one, one.value()) for one in form]
        now = {one.html_name: "on" if value is True else str(value) for one, value in fields if value}
        now |= {one.html_initial_name: "" if value is None else str(value) for one, value in fields}
        return {"slow_mode": "0", **now}

    def test_an_owner_changes_all_of_it_and_the_log_tells_what_changed(self) -> None:
        before = Message.objects.filter(room__slug=self.slug).count()
        asked = {"name": "Orchard", "topic": "", "read_only": "on", "slow_mode": "30", "open_to_guests": "on"}
        client = self.as_(self.ana)
        answer = client.post(self.url("settings"), {**self.shown(client), **asked})
        self.assertRedirects(answer, self.url("settings"))
        now = ChatRoom.objects.get(slug=self.slug)
        self.assertEqual((now.name, now.topic, now.read_only, now.slow_mode_s), ("Orchard", "", True, 30))
        rows = Message.objects.filter(room=now).order_by("id")[before:]
        events = [history.posted(row, self.slug).notice for row in rows.select_related("author")]
        self.assertEqual(
            [one.event.value for one in events if one],
            ["renamed", "topic", "guests", "read_only", "slow_mode"],
        )

    def test_what_is_not_changed_is_not_told(self) -> None:
        before = Message.objects.count()
        client = self.as_(self.ana)
        self.assertEqual(client.post(self.url("settings"), self.shown(client)).status_code, 302)
        self.assertEqual(Message.objects.count(), before)

    def test_two_who_have_the_form_open_do_not_take_back_what_the_other_did(self) -> None:
        client = self.as_(self.ana)
        shown = self.shown(client)
        perform(self.ana.pk, SetTopic(self.slug, "of snails"))
        perform(self.ana.pk, SetReadOnly(self.slug))
        self.assertRedirects(
            client.post(self.url("settings"), {**shown, "name": "Orchard"}), self.url("settings")
        )
        now = ChatRoom.objects.get(slug=self.slug)
        self.assertEqual((now.name, now.topic, now.read_only), ("Orchard", "of snails", True))

    def test_a_moderator_is_offered_and_granted_what_moderators_may(self) -> None:
        client = self.as_(self.ben)
        self.assertEqual(
            list(client.get(self.url("settings")).context["form"].fields), ["topic", "slow_mode"]
        )
        client.post(
            self.url("settings"), {"topic": "of snails", "slow_mode": "5", "name": "Mine", "archived": "on"}
        )
        now = ChatRoom.objects.get(slug=self.slug)
        self.assertEqual(
            (now.topic, now.slow_mode_s, now.name, now.archived_at), ("of snails", 5, "Garden", None)
        )

    def test_all_or_nothing(self) -> None:
        asked = {"name": "Other", "topic": "x", "slow_mode": "0", "private": "on", "open_to_guests": "on"}
        answer = self.as_(self.ana).post(self.url("settings"), asked)
        self.assertIn("private room", answer.context["form"].errors["open_to_guests"][0])
        self.assertEqual(ChatRoom.objects.get(slug=self.slug).name, "Garden")

    def test_others_are_told_that_they_may_not(self) -> None:
        for user in (self.carl, self.dora):
            answer = self.as_(user).post(self.url("settings"), {"topic": "mine", "slow_mode": "0"})
            self.assertContains(answer, "You may not do this", status_code=403)
        self.assertEqual(ChatRoom.objects.get(slug=self.slug).topic, "of slugs")


class People(Pages):
    """Who belongs to a room, as what, and what is done about them."""

    def do(self, who: object, **asked: object) -> list[str]:
        """Press a button of the page of people and return what the next page tells."""
        answer = self.as_(who).post(self.url("members"), asked, follow=True)
        return [str(one) for one in answer.context["messages"]]

    def test_everybody_with_an_account_sees_who_belongs_to_a_public_room(self) -> None:
        answer = self.as_(self.dora).get(self.url("members"))
        self.assertContains(answer, "<bdi>carl</bdi>")
        self.assertNotContains(answer, "What to do about")
        self.assertNotContains(answer, "Banned")

    def test_pages_of_many_go_on_where_the_last_one_ended(self) -> None:
        for number in range(60):
            perform(self.ana.pk, SetRole(self.slug, person(f"p{number}").pk))
        client = self.as_(self.dora)
        first = client.get(self.url("members"))
        rest = client.get(self.url("members") + f"?after={first.context['next']}")
        names = [one.user.name for page in (first, rest) for one in page.context["members"]]
        self.assertEqual((len(names), len(set(names)), rest.context["next"]), (63, 63, None))

    def test_an_owner_adds_by_name_gives_roles_and_removes(self) -> None:
        self.assertEqual(
            self.do(self.ana, do="add", user="dora", role="member"), ["They belong to the room now."]
        )
        self.assertEqual(self.do(self.ana, do="role", user=self.dora.pk, role="moderator"), ["Changed."])
        self.assertEqual(Membership.objects.get(user=self.dora).role, "moderator")
        self.assertEqual(
            self.do(self.ana, do="remove", user=self.dora.pk, reason="gone"), ["They are removed."]
        )
        self.assertFalse(Membership.objects.filter(user=self.dora).exists())
        self.assertEqual(AuditEntry.objects.filter(deed=Deed.REMOVE.value, reason="gone").count(), 1)

    def test_a_name_that_nobody_has_is_an_error_of_its_field(self) -> None:
        answer = self.as_(self.ana).post(
            self.url("members"), {"do": "add", "user": "nobody", "role": "member"}
        )
        self.assertIn("There is no such person.", answer.context["add"].errors["user"])

    def test_mutes_and_bans_are_imposed_listed_and_lifted(self) -> None:
        self.do(self.ben, do="sanction", user=self.carl.pk, what="mute", minutes="10", reason="loud")
        asked = {"do": "sanction_by_name", "user": "dora", "what": "ban", "minutes": "", "reason": "spam"}
        self.do(self.ben, **asked)
        self.assertIsNotNone(Mute.objects.get(user=self.carl).until)
        self.assertIsNone(Ban.objects.get(user=self.dora).until)
        page = self.as_(self.ben).get(self.url("members"))
        for text in ("loud", "spam", "Lift the mute: carl", "Lift the ban: dora"):
            self.assertContains(page, text)
        self.do(self.ben, do="unmute", user=self.carl.pk)
        self.do(self.ben, do="unban", user=self.dora.pk)
        self.assertFalse(Mute.objects.exists() or Ban.objects.exists())

    def test_what_is_refused_is_told_and_not_done(self) -> None:
        mute = {"do": "sanction", "what": "mute", "minutes": "5", "reason": ""}
        self.assertIn("higher rank", self.do(self.ben, user=self.ana.pk, **mute)[0])
        self.assertIn("You may not", self.do(self.carl, user=self.ben.pk, **mute)[0])
        self.assertIn("last owner", self.do(self.ana, do="leave")[0])
        self.assertIn("no such person", self.do(self.ben, **mute | {"user": "x" * 300})[0])
        self.assertIn("Minutes", self.do(self.ben, **mute | {"user": self.carl.pk, "minutes": "soon"})[0])
        self.assertFalse(Mute.objects.exists())

    def test_a_number_longer_than_any_key_names_nobody(self) -> None:
        many = "9" * 5000
        self.assertEqual(self.as_(self.ana).get(f"{self.url('members')}?after={many}").status_code, 404)
        for asked in ("remove", "unmute", "unban"):
            self.assertEqual(self.do(self.ana, do=asked, user=many), ["There is no such person."])

    def test_who_does_not_belong_joins_and_who_does_leaves(self) -> None:
        self.do(self.dora, do="join")
        self.assertTrue(Membership.objects.filter(user=self.dora).exists())
        self.do(self.dora, do="leave")
        self.assertFalse(Membership.objects.filter(user=self.dora).exists())


class RoomList(Pages):
    """The list of rooms: what is unread, who is talked to, what is over."""

    def test_tells_what_is_unread_and_where_one_is_named(self) -> None:
        ReadMarker.objects.filter(user=self.carl).update(last_read_id=0)
        store(*(message(self.ana, f"@carl {number}", room=self.slug) for number in range(3)))
        page = self.as_(self.carl).get(reverse("rooms:index"))
        self.assertContains(page, "3 unread.")
        self.assertContains(page, "You are named 3 times.")
        self.assertContains(page, 'class="news"')

    def test_says_99_and_more_and_is_quiet_where_it_is_to_be(self) -> None:
        ReadMarker.objects.filter(user=self.carl).update(last_read_id=0, muted=True)
        store(*(message(self.ana, "x", room=self.slug) for _ in range(101)))
        page = self.as_(self.carl).get(reverse("rooms:index"))
        self.assertContains(page, "99+")
        self.assertContains(page, 'class="hushed"')
        self.assertNotContains(page, 'class="news"')

    def test_keeps_archived_rooms_apart(self) -> None:
        perform(self.ana.pk, Archive(self.slug))
        page = self.as_(self.ana).get(reverse("rooms:index"))
        self.assertEqual([one.room for one in page.context["archived"]], [self.slug])
        self.assertContains(page, "One archived room")

    def test_no_page_has_anything_inline(self) -> None:
        perform(self.ana.pk, MutePerson(self.slug, self.carl.pk, 5, "<b>loud</b>"))
        client = self.as_(self.ana)
        paths = [reverse(f"rooms:{name}") for name in ("index", "new_room", "direct", "reports")]
        paths += [self.url(name) for name in ("room", "settings", "members", "invitations")]
        for path in paths:
            text = client.get(path).content.decode()
            self.assertIsNone(INLINE.search(text), path)
            self.assertNotIn("<b>loud", text)

    def test_the_page_of_a_room_carries_what_its_script_begins_with(self) -> None:
        perform(self.ana.pk, MutePerson(self.slug, self.carl.pk))
        state = self.as_(self.carl).get(self.url("room")).context["page"]["state"]
        wanted = {"name": "Garden", "topic": "of slugs", "post": False, "moderate": False, "muted_until": ""}
        self.assertEqual({key: state[key] for key in wanted}, wanted)
        room("plain")
        self.assertNotIn("read", self.as_(self.dora).get(self.url("room", LOBBY)).context["page"]["state"])

    def test_the_page_of_a_room_carries_its_newest_messages_as_the_api_gives_them(self) -> None:
        said = store(*(message(self.ana, f"</script><b>{number}", room=self.slug) for number in range(60)))
        store(redaction(self.ana, said[-1]))
        answer = self.as_(self.dora).get(self.url("room"))
        carried = json.loads(FIRST.search(answer.content.decode())["json"])  # type: ignore[index]
        page = history.read(self.dora.pk, self.slug, Newest(50))
        assert not isinstance(page, Refused)
        told = [wire.encode_message(one) for one in page.messages]
        epoch = SiteState.current().epoch
        given = wire.encode_page(self.slug, epoch, told, last_id=page.head, more=True)
        self.assertEqual(carried, json.loads(given))
        self.assertEqual(len(carried["messages"]), 50)
        self.assertNotIn("<b>59", json.dumps(carried))
        self.assertNotContains(answer, "</script><b>")

    def test_the_page_of_a_room_carries_nothing_for_who_may_not_read_it(self) -> None:
        store(message(self.ana, "of us alone", room=self.slug))
        perform(self.ana.pk, BanPerson(self.slug, self.carl.pk))
        for client in (self.as_(self.carl), Client()):
            answer = client.get(self.url("room"))
            self.assertNotIn("of us alone", answer.content.decode())

    def test_the_page_of_an_empty_room_carries_a_cursor_before_all(self) -> None:
        room("plain")
        carried = self.as_(self.dora).get(self.url("room", "plain")).context["first"]
        wanted = {
            "room": "plain",
            "epoch": SiteState.current().epoch,
            "messages": [],
            "last_id": 0,
            "more": False,
        }
        self.assertEqual(carried, wanted)


class WhatIsUploaded(TestCase):
    def test_the_script_is_told_what_a_file_may_be(self) -> None:
        client = Client()
        client.force_login(person("ana"))

        def told() -> Any:
            return client.get("/rooms/lobby/").context["page"].get("uploads")

        self.assertEqual(told(), {"maxBytes": 10 * 1_048_576, "most": 10, "types": ""})
        with override_settings(CHAT_UPLOAD_TYPES=["image/*", "application/pdf"]):
            self.assertEqual(told()["types"], "image/*,application/pdf")
        with override_settings(CHAT_UPLOADS=0):
            self.assertIsNone(told())
