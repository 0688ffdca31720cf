"""Rooms in the admin: made, changed, archived, several at a time; refused in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rooms.models import AuditEntry, ChatRoom, Membership, Message
from tests.support_admin import AdminCase

pytestmark = pytest.mark.databases

LIST = "admin:rooms_chatroom_changelist"
ADD = "admin:rooms_chatroom_add"


class RoomsCase(AdminCase):
    """Forms of rooms, as a browser sends them."""

    NEW: ClassVar[dict[str, Any]] = {"name": "New", "topic": "", "visibility": "public", "slow_mode_s": 0}

    def page(self, room: ChatRoom | None = None) -> str:
        return reverse("admin:rooms_chatroom_change", args=[(room or self.room).pk])

    def form(self, room: ChatRoom | None = None) -> dict[str, Any]:
        """Return what the page of a room would send if nothing was touched."""
        form = self.client.get(self.page(room)).context["adminform"].form
        sent: dict[str, Any] = {}
        for name, field in form.fields.items():
            value = field.prepare_value(form.get_initial_for_field(field, name))
            sent[f"initial-{name}"] = "" if value is None else str(value)
            if value is not None and value is not False:
                sent[name] = value
        return sent

    def save(self, sent: dict[str, Any] | None = None, /, **changed: Any) -> Any:
        """Send the form of the lobby with some changes; None takes a field out."""
        merged = {**(sent if sent is not None else self.form()), **changed}
        data = {name: value for name, value in merged.items() if value is not None}
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(self.page(), data)

    def stored(self) -> ChatRoom:
        return ChatRoom.objects.get(pk=self.room.pk)


class Making(RoomsCase):
    def make(self, **fields: Any) -> Any:
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(reverse(ADD), {**self.NEW, **fields})

    def test_a_new_one_gets_an_address_that_stays(self) -> None:
        self.assertContains(self.client.get(reverse(ADD)), 'name="slug"')
        heard = self.heard()
        self.make(slug="hall")
        room = ChatRoom.objects.get(slug="hall")
        self.assertEqual(heard.events, ["created"])
        self.assertEqual(Membership.objects.get(room=room).user, self.boss)
        self.assertNotContains(self.client.get(self.page(room)), 'name="slug"')
        self.client.post(self.page(room), {**self.NEW, "name": "Newer", "slug": "newer"})
        room.refresh_from_db()
        self.assertEqual((room.name, room.slug), ("Newer", "hall"))
        self.assertEqual(LogEntry.objects.filter(object_id=room.pk).count(), 2)

    def test_without_an_address_one_is_made_of_the_name(self) -> None:
        self.make(name="Über alles", slug="")
        self.assertEqual(ChatRoom.objects.get(name="Über alles").slug, "uber-alles")

    def test_all_that_is_set_at_first_is_set(self) -> None:
        self.make(
            slug="quiet", topic="hush", visibility="private", slow_mode_s=30, keep_days=7, read_only="on",
            archived="on",
        )  # fmt: skip
        room = ChatRoom.objects.get(slug="quiet")
        self.assertEqual((room.topic, room.visibility), ("hush", "private"))
        self.assertEqual((room.slow_mode_s, room.keep_days, room.read_only), (30, 7, True))
        self.assertIsNotNone(room.archived_at)

    def test_a_bad_address_is_refused(self) -> None:
        for slug in ("Big", "with space", "a\nb", "ü", "x" * 65, "lobby"):
            self.assertEqual(self.make(slug=slug).status_code, 200, slug)
        self.assertEqual(ChatRoom.objects.count(), 1)

    def test_what_is_refused_is_told_on_the_form_and_makes_no_room(self) -> None:
        response = self.make(slug="hall", visibility="private", open_to_guests="on")
        self.assertContains(response, "A private room is not open to guests")
        self.assertContains(response, 'value="New"')
        self.assertFalse(ChatRoom.objects.filter(slug="hall").exists() or AuditEntry.objects.exists())

    def test_nobody_makes_a_room_of_two(self) -> None:
        self.assertEqual(self.make(slug="two", visibility="direct").status_code, 200)
        self.assertFalse(ChatRoom.objects.filter(slug="two").exists())


class Changing(RoomsCase):
    def test_each_changed_field_is_a_deed_with_its_notice_and_its_entry(self) -> None:
        heard = self.heard()
        self.save(
            name="Hall", topic="news", open_to_guests="on", read_only="on", slow_mode_s="20", keep_days="9",
            archived="on",
        )  # fmt: skip
        room = self.stored()
        self.assertEqual((room.name, room.topic, room.slow_mode_s, room.keep_days), ("Hall", "news", 20, 9))
        self.assertTrue(room.open_to_guests and room.read_only and room.archived_at)
        told = ["renamed", "topic", "guests", "read_only", "slow_mode", "archived"]
        self.assertEqual(heard.events, told)
        self.assertEqual({message.author.name for message in heard.messages if message.author}, {"boss"})
        self.assertEqual(AuditEntry.objects.filter(actor=self.boss, room=room).count(), 7)

    def test_what_nobody_changed_is_not_done(self) -> None:
        heard = self.heard()
        self.assertRedirects(self.save(), reverse(LIST))
        self.assertEqual((heard.messages, AuditEntry.objects.count()), ([], 0))

    def test_what_somebody_else_changed_meanwhile_stays(self) -> None:
        form = self.form()
        room = self.stored()
        room.name = "Renamed meanwhile"
        room.save()
        self.save(form, topic="new")
        self.assertEqual((self.stored().name, self.stored().topic), ("Renamed meanwhile", "new"))

    def test_one_that_is_refused_undoes_all_and_is_told_on_the_form(self) -> None:
        heard = self.heard()
        response = self.save(name="Hall", visibility="private", open_to_guests="on")
        self.assertEqual(response.status_code, 200)
        self.assertContains(response, "A private room is not open to guests")
        self.assertContains(response, 'value="Hall"')
        self.assertEqual((self.stored().name, self.stored().visibility), ("Lobby", "public"))
        self.assertEqual((heard.messages, AuditEntry.objects.count()), ([], 0))

    def test_saving_one_rewinds_nothing_and_has_access_asked_again(self) -> None:
        form = self.form()
        [message] = self.said("meanwhile")
        self.save(form, topic="new")
        room = self.stored()
        self.assertEqual(room.topic, "new")
        self.assertGreater(room.last_message_id, message.pk)
        self.assertGreater(room.access_version, self.room.access_version)

    def test_the_box_archives_and_keeps_since_when(self) -> None:
        self.save(archived="on")
        since = self.stored().archived_at
        self.assertIsNotNone(since)
        self.save(topic="x")
        self.assertEqual(self.stored().archived_at, since)
        self.save(archived=None)
        self.assertIsNone(self.stored().archived_at)

    def test_a_room_of_two_is_not_made_public(self) -> None:
        ChatRoom.objects.filter(pk=self.room.pk).update(visibility="direct")
        self.assertNotContains(self.client.get(self.page()), 'name="visibility"')
        self.assertContains(self.save(name="x"), "direct")
        self.assertEqual((self.stored().visibility, self.stored().name), ("direct", "Lobby"))


class SeveralAtATime(RoomsCase):
    def act(self, action: str, *rooms: ChatRoom) -> Any:
        with self.captureOnCommitCallbacks(execute=True):
            data = {"action": action, "_selected_action": [room.pk for room in rooms]}
            return self.client.post(reverse(LIST), data)

    def test_each_action_is_done_to_all_and_told_how_many(self) -> None:
        other = ChatRoom.objects.create(slug="other", name="Other")
        versions = [self.room.access_version]
        for action, event, field, there in (
            ("archive", "archived", "archived_at", True),
            ("unarchive", "unarchived", "archived_at", False),
            ("make_read_only", "read_only", "read_only", True),
            ("make_writable", "read_only", "read_only", False),
        ):
            with self.subTest(action):
                heard = self.heard()
                self.assertIn("2 rooms were changed.", self.told(self.act(action, self.room, other)))
                self.assertEqual(heard.events, [event] * 2)
                for room in ChatRoom.objects.all():
                    self.assertEqual(bool(getattr(room, field)), there)
                versions.append(self.stored().access_version)
        self.assertEqual(versions, sorted(set(versions)))
        self.assertEqual((LogEntry.objects.count(), AuditEntry.objects.count()), (8, 8))

    def test_what_is_refused_is_told_and_fails_no_other(self) -> None:
        two = ChatRoom.objects.create(slug="two", name="Two", visibility="direct")
        told = self.told(self.act("make_read_only", self.room, two))
        self.assertIn("1 room was changed.", told)
        self.assertIn("Two: ", told)
        self.assertTrue(self.stored().read_only)
        self.assertFalse(ChatRoom.objects.get(pk=two.pk).read_only)

    def test_who_may_only_look_changes_nothing(self) -> None:
        self.staff("view_chatroom")
        self.act("archive", self.room)
        self.assertIsNone(self.stored().archived_at)
        self.assertEqual(self.client.post(self.page(), self.NEW).status_code, 403)
        self.assertEqual(self.client.post(reverse(ADD), self.NEW).status_code, 403)

    def test_staff_with_the_permission_changes_it(self) -> None:
        self.staff("change_chatroom")
        self.act("archive", self.room)
        self.assertIsNotNone(self.stored().archived_at)

    def test_they_are_never_deleted(self) -> None:
        url = reverse(LIST)
        self.client.post(
            url, {"action": "delete_selected", "_selected_action": [self.room.pk], "post": "yes"}
        )
        delete = reverse("admin:rooms_chatroom_delete", args=[self.room.pk])
        self.assertEqual(self.client.post(delete, {"post": "yes"}).status_code, 403)
        self.assertTrue(ChatRoom.objects.filter(pk=self.room.pk).exists())


class TheList(RoomsCase):
    def test_it_tells_the_last_activity_in_a_number_of_queries_that_does_not_grow(self) -> None:
        url = reverse(LIST)
        [message] = self.said("now")
        Message._base_manager.filter(pk=message.pk).update(created_at=datetime(2026, 5, 4, 3, 2, tzinfo=UTC))
        self.assertContains(self.client.get(url), "May 4, 2026, 3:02 a.m.")
        with CaptureQueriesContext(connection) as few:
            self.client.get(url)
        for n in range(5):
            ChatRoom.objects.create(slug=f"r{n}", name=f"Room {n}")
        with CaptureQueriesContext(connection) as many:
            self.client.get(url)
        self.assertEqual(len(few), len(many))

    def test_it_is_narrowed_to_the_archive(self) -> None:
        ChatRoom.objects.create(slug="old", name="Old", archived_at=timezone.now())
        url = reverse(LIST)
        for value, slugs in (("yes", ["old"]), ("no", ["lobby"])):
            found = self.client.get(url, {"archived": value}).context["cl"].result_list
            self.assertEqual([room.slug for room in found], slugs)

    def test_a_room_leads_to_its_people_and_to_what_is_said(self) -> None:
        for url in (reverse(LIST), self.page()):
            page = self.client.get(url)
            for name in ("people", "conversation"):
                self.assertContains(page, reverse(f"admin:rooms_chatroom_{name}", args=[self.room.pk]))

    def test_its_page_lists_nobody(self) -> None:
        User.objects.create(username="somebody")
        self.assertNotContains(self.client.get(self.page()), "somebody")
