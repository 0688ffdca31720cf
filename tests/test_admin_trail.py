"""The audit trail in the admin: found by who, to whom, where, what and when; written by nobody."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from rooms import audit
from rooms.actions import Deed
from rooms.models import AuditEntry, ChatRoom
from tests.support_admin import AdminCase, page_of

pytestmark = pytest.mark.databases

TRAIL = "admin:rooms_auditentry_changelist"


class TrailCase(AdminCase):
    def entry(self, deed: Deed = Deed.MUTE, **about: Any) -> int:
        audit.note(deed, about.pop("actor", self.boss), **about)
        key: int = AuditEntry.objects.order_by("-id").values_list("id", flat=True)[0]
        return key

    def listed(self, **parameters: Any) -> list[int]:
        response = self.client.get(reverse(TRAIL), parameters)
        self.assertEqual(response.status_code, 200, response)
        return [entry.pk for entry in response.context["cl"].result_list]


class TheTrail(TrailCase):
    def test_each_filter_narrows_it(self) -> None:
        other = ChatRoom.objects.create(slug="other", name="Other")
        chief = User.objects.create_superuser("chief")
        first = self.entry(room=self.room, person=self.ana)
        second = self.entry(Deed.BAN, actor=chief, room=other, person=self.boss)
        third = self.entry(Deed.RENAME, actor=None, room=self.room)
        self.assertEqual(self.listed(), [third, second, first])
        self.assertEqual(self.listed(actor="chief"), [second])
        self.assertEqual(self.listed(person="ana"), [first])
        self.assertEqual(self.listed(room="lobby"), [third, first])
        self.assertEqual(self.listed(room="lobby", deed="rename"), [third])
        self.assertEqual(self.listed(actor="nobody"), [])

    def test_days_narrow_it_by_keys(self) -> None:
        ids = [self.entry() for _n in range(4)]
        for n, key in enumerate(ids):
            AuditEntry._base_manager.filter(pk=key)._update(  # type: ignore[attr-defined]
                [(AuditEntry._meta.get_field("at"), AuditEntry, datetime(2026, 5, 1 + n, 23, tzinfo=UTC))]
            )
        self.assertEqual(self.listed(sent_from="2026-05-02", sent_to="2026-05-03"), ids[2:0:-1])
        self.assertEqual(self.listed(sent_to="2026-05-01"), ids[:1])
        self.assertEqual(self.listed(sent_from="2026-05-05"), [])

    def test_pages_meet_in_both_directions_without_counting(self) -> None:
        ids = [self.entry() for _n in range(7)][::-1]
        self.enterContext(mock.patch.object(admin.site.get_model_admin(AuditEntry), "list_per_page", 3))
        for begin, on, pages in (
            ("", "older_url", [ids[:3], ids[3:6], ids[6:]]),
            ("?newer=0", "newer_url", [ids[4:], ids[1:4], ids[:1]]),
        ):
            url, seen = reverse(TRAIL) + begin, []
            while url:
                changelist = self.client.get(url).context["cl"]
                seen.append([entry.pk for entry in changelist.result_list])
                link = getattr(changelist, on)
                url = link and reverse(TRAIL) + link
            self.assertEqual(seen, pages)
        day = {"sent_from": "2020-01-01", "room": "lobby"}
        for parameters in ({}, {"older": ids[1]}, day, {"p": 2}, {"o": "1"}, {"all": ""}):
            for sql in self.queries(reverse(TRAIL), parameters):
                self.assertNotIn("COUNT(", sql)
                self.assertNotIn("OFFSET", sql)

    def test_nonsense_is_told_and_fails_nothing(self) -> None:
        for nonsense in (
            {"older": "x"},
            {"newer": str(2**63)},
            {"sent_from": "yesterday"},
            {"sent_to": "9999-12-31"},
        ):
            self.assertRedirects(self.client.get(reverse(TRAIL), nonsense), reverse(TRAIL) + "?e=1")
        for lookup in ("reason__regex", "actor__password__startswith"):
            self.assertEqual(self.client.get(reverse(TRAIL), {lookup: "1"}).status_code, 400, lookup)

    def test_an_entry_leads_to_room_person_and_message(self) -> None:
        [message] = self.said("rude")
        key = self.entry(
            room=self.room, person=self.ana, message_id=message.pk, reason="<b>why</b>", details={"n": "ü"}
        )
        for url in (reverse(TRAIL), reverse("admin:rooms_auditentry_change", args=[key])):
            page = self.client.get(url)
            self.assertContains(page, page_of(message))
            self.assertContains(page, reverse("admin:rooms_chatroom_change", args=[self.room.pk]))
            self.assertContains(page, f"{reverse(TRAIL)}?person=ana")
            self.assertContains(page, "&lt;b&gt;why&lt;/b&gt;")
            self.assertContains(page, "n: &quot;ü&quot;")

    def test_somebody_whose_name_is_an_address_is_led_to(self) -> None:
        odd = User.objects.create_user("a+b&c@example.org")
        key = self.entry(person=odd)
        page = self.client.get(reverse(TRAIL)).content.decode()
        [link] = re.findall(r'href="[^"]*(\?person=a[^"]*)"', page)
        found = self.client.get(reverse(TRAIL) + link.replace("&amp;", "&")).context["cl"].result_list
        self.assertEqual([entry.pk for entry in found], [key])

    def test_names_stay_where_accounts_are_gone(self) -> None:
        self.entry(person=self.ana)
        self.ana.delete()
        self.assertContains(self.client.get(reverse(TRAIL)), "ana")

    def test_the_queries_do_not_grow(self) -> None:
        self.entry(room=self.room, person=self.ana)
        few = self.queries(reverse(TRAIL))
        for n in range(5):
            room = ChatRoom.objects.create(slug=f"r{n}", name=f"Room {n}")
            self.entry(room=room, person=User.objects.create_user(f"u{n}"))
        self.assertEqual(len(few), len(self.queries(reverse(TRAIL))))


class NobodyWritesIt(TrailCase):
    def test_not_even_a_superuser(self) -> None:
        key = self.entry()
        change = reverse("admin:rooms_auditentry_change", args=[key])
        self.assertNotContains(self.client.get(change), "_save")
        for url, data in (
            (change, {"reason": "else"}),
            (reverse("admin:rooms_auditentry_delete", args=[key]), {"post": "yes"}),
            (reverse("admin:rooms_auditentry_add"), {"deed": "mute"}),
        ):
            self.assertEqual(self.client.post(url, data).status_code, 403, url)
        self.client.post(
            reverse(TRAIL), {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
        )
        self.assertEqual(AuditEntry.objects.get().reason, "")

    def test_it_needs_the_permission_to_be_seen(self) -> None:
        self.staff("view_message")
        self.assertEqual(self.client.get(reverse(TRAIL)).status_code, 403)

    def test_staff_with_the_permission_sees_it(self) -> None:
        self.staff("view_auditentry")
        self.entry()
        self.assertEqual(len(self.listed()), 1)
