"""The people of a room in the admin, page by page, and suspensions from the site."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from rooms import accounts
from rooms.models import AuditEntry, Ban, Membership, Mute, Suspension
from tests.support_admin import AdminCase

pytestmark = pytest.mark.databases


class People(AdminCase):
    @property
    def url(self) -> str:
        return reverse("admin:rooms_chatroom_people", args=[self.room.pk])

    def join(self, *users: User, role: str = "member") -> None:
        Membership.objects.bulk_create([Membership(room=self.room, user=user, role=role) for user in users])

    def users(self, number: int) -> list[User]:
        User.objects.bulk_create(User(username=f"u{n:03}") for n in range(number))
        return list(User.objects.filter(username__startswith="u").order_by("pk"))

    def do(self, deed: str, *people: User, **said: Any) -> str:
        data = {"deed": deed, "people": [user.pk for user in people], "reason": "", **said}
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(self.url, data)
        self.assertRedirects(response, self.url, fetch_redirect_response=False)
        return self.told(response)

    def test_each_deed_is_done_told_and_in_the_trail(self) -> None:
        self.join(self.ana)
        self.join(self.boss, role="owner")
        heard = self.heard()
        for deed in ("moderator", "member", "mute", "unmute", "ban", "unban", "remove"):
            self.assertIn("1 person", self.do(deed, self.ana, reason="why", minutes="5"), deed)
        told = ["role", "role", "muted", "unmuted", "banned", "unbanned", "removed"]
        self.assertEqual(heard.events, told)
        self.assertEqual(AuditEntry.objects.filter(actor=self.boss, person=self.ana).count(), 7)
        self.assertFalse(Membership.objects.filter(user=self.ana).exists())

    def test_a_sanction_has_its_reason_and_its_end(self) -> None:
        self.do("mute", self.ana, reason="spam", minutes="90")
        mute = Mute.objects.get()
        assert mute.until is not None
        self.assertEqual(mute.reason, "spam")
        self.assertAlmostEqual((mute.until - timezone.now()).total_seconds(), 5400, delta=30)
        self.do("ban", self.ana)
        self.assertIsNone(Ban.objects.get().until)
        page = self.client.get(self.url, {"kind": "banned"})
        self.assertContains(page, "for good")
        self.assertContains(page, "spam")

    def test_somebody_who_does_not_belong_is_named(self) -> None:
        self.do("moderator", person="ana")
        self.assertEqual(Membership.objects.get(user=self.ana).role, "moderator")

    def test_what_is_refused_is_told_and_fails_no_other(self) -> None:
        self.join(self.ana)
        other = User.objects.create_superuser("chief")
        told = self.do("ban", self.ana, other)
        self.assertIn("Ban: 1 person.", told)
        self.assertGreater(len(told), len("Ban: 1 person. "))
        self.assertEqual(Ban.objects.get().user, self.ana)

    def test_nonsense_is_told_and_does_nothing(self) -> None:
        for data, why in (
            ({"deed": "ban", "person": "nobody"}, "Nobody logs in with this name."),
            ({"deed": "ban", "person": "a\x00b"}, "Null characters"),
            ({"deed": "ban"}, "Tick somebody"),
            ({"deed": "ban", "people": ["x", "999999"]}, "Tick somebody"),
            ({"deed": "ban", "person": "ana", "minutes": "0"}, "greater than or equal to 1"),
            ({"deed": "dance", "person": "ana"}, "Select a valid choice"),
            ({"deed": "ban", "person": "ana", "reason": "x" * 251}, "at most 250"),
        ):
            with self.subTest(data):
                self.assertContains(self.client.post(self.url, data), why)
        self.assertFalse(Ban.objects.exists())

    def test_a_room_of_many_is_read_page_by_page_and_all_of_them_can_be_acted_on(self) -> None:
        users = self.users(130)
        self.join(*users)
        url, seen = self.url, []
        while url:
            page = self.client.get(url)
            seen += [one["user"].pk for one in page.context["people"]]
            url = page.context["next_url"] and self.url + page.context["next_url"]
        self.assertEqual(seen, [user.pk for user in users])
        self.do("remove", users[-1])
        self.assertEqual(Membership.objects.count(), 129)
        found = self.client.get(self.url, {"find": users[100].username}).context["people"]
        self.assertEqual([one["user"] for one in found], [users[100]])
        self.assertEqual(self.client.get(self.url, {"find": "none"}).context["people"], [])

    def test_the_number_of_queries_does_not_grow_and_nothing_is_counted(self) -> None:
        users = self.users(60)
        self.join(users[0])
        few = self.queries(self.url)
        self.join(*users[1:])
        many = self.queries(self.url)
        self.assertEqual(len(few), len(many))
        self.assertFalse([sql for sql in many if "COUNT(" in sql or "OFFSET" in sql])

    def test_who_may_only_look_is_offered_nothing(self) -> None:
        self.join(self.ana)
        self.staff("view_chatroom")
        self.assertNotContains(self.client.get(self.url), "Do it")
        page = self.client.post(self.url, {"deed": "ban", "people": [self.ana.pk], "reason": ""})
        self.assertEqual(page.status_code, 200)
        self.assertFalse(Ban.objects.exists())

    def test_a_permission_gives_its_own_deeds_alone(self) -> None:
        self.staff("view_chatroom", "add_mute")
        self.do("mute", self.ana)
        self.assertTrue(Mute.objects.exists())
        self.client.post(self.url, {"deed": "ban", "people": [self.ana.pk], "reason": ""})
        self.assertFalse(Ban.objects.exists())

    def test_others_see_nothing(self) -> None:
        self.staff("view_message")
        self.assertEqual(self.client.get(self.url).status_code, 403)
        self.client.force_login(self.ana)
        self.assertEqual(self.client.get(self.url).status_code, 302)

    def test_a_room_that_is_not_there_is_told(self) -> None:
        for key in (10**6, "x"):
            url = reverse("admin:rooms_chatroom_people", args=[key])
            self.assertRedirects(self.client.get(url), reverse("admin:index"))


class Suspensions(AdminCase):
    LIST = "admin:rooms_suspension_changelist"
    ADD = "admin:rooms_suspension_add"

    def may_be_used(self) -> bool:
        return accounts.holds(accounts.users_by_id([self.ana.pk])[self.ana.pk])

    def suspend(self, **said: Any) -> Any:
        return self.client.post(reverse(self.ADD), {"user": self.ana.pk, "reason": "spam", **said})

    def test_one_is_made_for_a_time_with_a_reason(self) -> None:
        self.assertRedirects(self.suspend(minutes="60"), reverse(self.LIST))
        row = Suspension.objects.get()
        assert row.until is not None
        self.assertEqual((row.user, row.reason), (self.ana, "spam"))
        self.assertAlmostEqual((row.until - timezone.now()).total_seconds(), 3600, delta=30)
        self.assertFalse(self.may_be_used())
        self.assertEqual(AuditEntry.objects.get().deed, "suspend")

    def test_saving_it_again_begins_it_anew(self) -> None:
        self.suspend(minutes="60")
        change = reverse("admin:rooms_suspension_change", args=[Suspension.objects.get().pk])
        self.assertRedirects(self.client.post(change, {"reason": "more"}), reverse(self.LIST))
        row = Suspension.objects.get()
        self.assertEqual((row.reason, row.until), ("more", None))

    def test_deleting_it_and_the_action_let_in(self) -> None:
        for how in ("delete", "action"):
            with self.subTest(how):
                self.suspend()
                row = Suspension.objects.get()
                if how == "delete":
                    self.client.post(reverse("admin:rooms_suspension_delete", args=[row.pk]), {"post": "yes"})
                else:
                    data = {"action": "let_in", "_selected_action": [row.pk]}
                    self.assertIn("1 person was", self.told(self.client.post(reverse(self.LIST), data)))
                self.assertTrue(self.may_be_used())
                self.assertEqual(AuditEntry.objects.order_by("-id")[0].deed, "unsuspend")

    def test_one_that_has_ended_is_tidied_away(self) -> None:
        row = Suspension.objects.create(user=self.ana, until=timezone.now())
        self.client.post(reverse("admin:rooms_suspension_delete", args=[row.pk]), {"post": "yes"})
        self.assertFalse(Suspension.objects.exists())

    def test_what_is_refused_is_told_on_the_form(self) -> None:
        response = self.client.post(reverse(self.ADD), {"user": self.boss.pk, "reason": ""})
        self.assertContains(response, "Nobody does this to themselves.")
        self.assertFalse(Suspension.objects.exists())

    def test_letting_in_that_is_refused_is_told(self) -> None:
        staff = self.staff("view_suspension", "delete_suspension")
        Suspension.objects.create(user=self.boss)
        delete = reverse("admin:rooms_suspension_delete", args=[Suspension.objects.get().pk])
        response = self.client.post(delete, {"post": "yes"})
        self.assertEqual(response.status_code, 302)
        self.assertNotEqual(self.told(response), "")
        self.assertTrue(Suspension.objects.filter(user=self.boss).exists())
        self.assertTrue(staff.is_staff)

    def test_it_needs_the_permission(self) -> None:
        self.staff("view_suspension")
        self.assertEqual(self.suspend().status_code, 403)
        self.assertEqual(self.client.get(reverse(self.LIST)).status_code, 200)
        self.assertFalse(Suspension.objects.exists())

    def test_users_are_searched_not_listed(self) -> None:
        User.objects.create(username="somebody")
        page = self.client.get(reverse(self.ADD))
        self.assertNotContains(page, "somebody")
        self.assertContains(page, "admin-autocomplete")
