"""The list of messages in the admin: pages of it, what narrows it, and what it does not ask."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from unittest import mock
from urllib.parse import parse_qsl

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rooms import log
from rooms.messages import Kind
from rooms.models import ChatRoom, Message
from tests.support_admin import LIST, AdminCase, page_of

pytestmark = pytest.mark.databases

INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE
)


class TheList(AdminCase):
    """The list of messages."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(admin.site.get_model_admin(Message), "list_per_page", 3))

    def test_pages_meet_without_gap_or_overlap_in_both_directions(self) -> None:
        ids = [message.pk for message in self.said(*"abcdefgh")][::-1]
        pages = [ids[:3], ids[3:6], ids[6:]]
        seen, url = [], reverse(LIST)
        while url:
            changelist = self.client.get(url).context["cl"]
            seen.append([message.pk for message in changelist.result_list])
            url = changelist.older_url and reverse(LIST) + changelist.older_url
        self.assertEqual(seen, pages)
        self.assertEqual(self.listed(newer=pages[2][0]), pages[1])
        self.assertEqual(self.listed(newer=pages[1][0]), pages[0])
        self.assertEqual(self.listed(newer=0), ids[-3:])

    def test_ways_lead_on_only_where_something_is(self) -> None:
        ids = [message.pk for message in self.said(*"abcd")][::-1]

        def ways(**parameters: int) -> tuple[bool, bool]:
            changelist = self.client.get(reverse(LIST), parameters).context["cl"]
            return bool(changelist.newer_url), bool(changelist.older_url)

        self.assertEqual(ways(), (False, True))
        self.assertEqual(ways(older=ids[2]), (True, False))
        self.assertEqual(ways(newer=0), (True, False))
        self.assertEqual(ways(newer=ids[3]), (False, True))

    def test_nothing_is_counted_skipped_or_read_without_end(self) -> None:
        old, *_, new = self.said(*"abcdefgh")
        day = timezone.now().date().isoformat()
        asked: list[dict[str, str | int]] = [
            {},
            {"older": new.pk},
            {"newer": old.pk},
            {"newer": 0},
            {"q": "a"},
            {"q": "a", "sent_from": day},
            {"q": "none", "newer": 0},
            {"room": "lobby", "author": "ana", "kind": "message"},
            {"sent_from": day, "sent_to": day, "older": new.pk},
            {"sent_from": day, "newer": old.pk},
            {"all": ""},
            {"p": 2},
            {"o": "1.2"},
        ]
        for parameters in asked:
            with (
                self.subTest(parameters),
                CaptureQueriesContext(
                    connection,
                ) as queries,
            ):
                self.assertEqual(self.client.get(reverse(LIST), parameters).status_code, 200)
            of_messages = [query["sql"] for query in queries if '"rooms_message"' in query["sql"]]
            self.assertTrue(of_messages)
            for sql in (query["sql"] for query in queries):
                self.assertNotIn("COUNT(", sql.upper())
                self.assertNotIn("OFFSET", sql.upper())
            for sql in of_messages:
                self.assertIn("LIMIT", sql)

    def test_acting_on_messages_counts_nothing_either(self) -> None:
        rows = self.said("a", "b")
        with CaptureQueriesContext(connection) as queries:
            self.client.post(
                reverse(LIST), {"action": "redact_selected", "_selected_action": [row.pk for row in rows]}
            )
        for sql in (query["sql"] for query in queries if '"rooms_message"' in query["sql"]):
            self.assertNotIn("COUNT(", sql)
            self.assertIn("LIMIT", sql)

    def test_room_author_kind_and_text_narrow_it(self) -> None:
        other = ChatRoom.objects.create(slug="other", name="Other")
        bob = User.objects.create_user("bob")
        plain, elsewhere, by_bob = (
            self.said("apples")[0],
            self.said("pears", room=other)[0],
            self.said("Plums", author=bob)[0],
        )
        edit = log.edit(plain, self.ana, "more apples").id
        self.assertEqual(self.listed(room="other"), [elsewhere.pk])
        self.assertEqual(self.listed(author="bob"), [by_bob.pk])
        self.assertEqual(self.listed(kind="edit"), [edit])
        self.assertEqual(self.listed(kind="message", room="lobby"), [by_bob.pk, plain.pk])
        self.assertEqual(self.listed(q="plums"), [by_bob.pk])
        self.assertEqual(self.listed(q="plums", room="other"), [])
        nobodies: list[dict[str, str | int]] = [
            {"room": "none"}, {"author": "none"}, {"author": "a\x00b"}, {"room": "\x00"}, {"kind": "x"},
        ]  # fmt: skip
        for nobody in nobodies:
            self.assertEqual(self.listed(**nobody), [], nobody)

    def test_what_is_found_by_text_comes_page_by_page_in_both_directions(self) -> None:
        bob, other = User.objects.create_user("bob"), ChatRoom.objects.create(slug="other", name="Other")
        bodies = ["apple", *("pear",) * 4, "apple", "pear", *("apple",) * 6, *("pear",) * 3]
        ids = [message.pk for message in self.said(*bodies)]
        self.said("apple", author=bob)
        self.said("apple", room=other)
        apples = [key for key, body in zip(ids, bodies, strict=True) if body == "apple"]
        day = (timezone.now() - timedelta(days=1)).date().isoformat()
        narrowed: dict[str, str | int] = {"q": "apple", "room": "lobby", "author": "ana"}
        for parameters in (narrowed, {**narrowed, "sent_from": day}, {**narrowed, "kind": "message"}):
            for place, way, in_order in (
                ({}, "older_url", apples[::-1]),
                ({"newer": 0}, "newer_url", apples),
            ):
                with self.subTest(parameters, place=place):
                    url = reverse(LIST)
                    found: list[int] = []
                    data: dict[str, str | int] | None = {**parameters, **place}
                    while url and len(found) <= len(ids):
                        changelist = self.client.get(url, data).context["cl"]
                        rows = [row.pk for row in changelist.result_list]
                        found += rows[::-1] if place else rows
                        on = getattr(changelist, way)
                        url, data = on and reverse(LIST) + on, None
                    self.assertEqual(found, in_order)
        self.assertEqual(self.listed(q="apple", kind="edit"), [])
        self.assertEqual(self.listed(q="apple", sent_to=day), [])
        for nobody in ({"room": "none"}, {"author": "none"}, {"sent_from": "2100-01-01"}):
            self.assertEqual(self.listed(q="apple", **nobody), [], nobody)

    def test_text_is_found_in_the_days_of_the_current_time_zone(self) -> None:
        ids = [message.pk for message in self.said(*["apple"] * 12)]
        for key in ids:
            hour = 21 if key in ids[:4] else 23
            Message._base_manager.filter(pk=key).update(created_at=datetime(2026, 5, 1, hour, tzinfo=UTC))
        with timezone.override("Europe/Berlin"):  # two hours ahead: the late ones are of the next day
            self.assertEqual(self.listed(q="apple", sent_to="2026-05-01"), ids[3:0:-1])
            self.assertEqual(self.listed(q="apple", sent_to="2026-05-01", older=ids[1]), ids[:1])
            self.assertEqual(self.listed(q="apple", sent_from="2026-05-02"), ids[:-4:-1])
            self.assertEqual(self.listed(q="apple", sent_from="2026-05-02", newer=0), ids[6:3:-1])

    def test_a_text_without_words_finds_nothing_and_is_told_why(self) -> None:
        self.said("apple")
        response = self.client.get(reverse(LIST), {"q": "?!"})
        self.assertEqual(response.context["cl"].result_list, [])
        self.assertContains(response, "There is no word in it")

    def test_the_calendar_leads_from_years_to_months_to_days_and_back(self) -> None:
        self.assertEqual(self.ways({}), {})
        first, last = self.said("a", "b")
        for key, moment in (
            (first.pk, datetime(2024, 11, 3, tzinfo=UTC)),
            (last.pk, datetime(2026, 2, 5, tzinfo=UTC)),
        ):
            Message._base_manager.filter(pk=key).update(created_at=moment)
        years = self.ways({"room": "lobby", "older": last.pk})
        self.assertEqual(list(years), ["2024", "2025", "2026"])
        self.assertEqual(years["2026"], {"room": "lobby", "sent_from": "2026-01-01", "sent_to": "2026-12-31"})
        self.assertEqual(
            list(self.ways(years["2024"])), ["All dates", "2024", "November 2024", "December 2024"]
        )
        months = self.ways(years["2026"])
        self.assertEqual(list(months), ["All dates", "2026", "January 2026", "February 2026"])
        days = self.ways(months["February 2026"])
        here = ["All dates", "2026", "February 2026"]
        self.assertEqual(list(days), [*here, *(f"February {day}" for day in range(1, 6))])
        self.assertEqual(days["All dates"], {"room": "lobby"})
        self.assertEqual(days["2026"], years["2026"])
        one_day = self.ways(days["February 5"])
        self.assertEqual(list(one_day), [*here, "February 5"])
        self.assertEqual(self.listed(**days["February 5"]), [last.pk])
        self.assertEqual(list(self.ways({"sent_from": "2026-01-05"})), ["2024", "2025", "2026"])
        with CaptureQueriesContext(connection) as queries:
            self.ways(months["February 2026"])
        for sql in (query["sql"] for query in queries if '"rooms_message"' in query["sql"]):
            self.assertIn("LIMIT", sql)
            self.assertNotIn("DISTINCT", sql)

    def ways(self, parameters: dict[str, str | int]) -> dict[str, dict[str, str | int]]:
        """Return what the calendar leads to, by what it is called."""
        steps = self.client.get(reverse(LIST), parameters).context["cl"].calendar
        return {step.name: dict(parse_qsl(step.url.removeprefix("?"))) for step in steps}

    def test_every_kind_is_found(self) -> None:
        [message] = self.said("a")
        log.edit(message, self.ana, "b")
        Message._base_manager.bulk_create([Message(room=self.room, kind=Kind.NOTICE, body="c", nonce="n")])
        for kind in (Kind.MESSAGE, Kind.EDIT, Kind.NOTICE):
            with self.subTest(kind):
                [key] = self.listed(kind=kind)
                self.assertEqual(Message.objects.get(pk=key).kind, kind)
                # The plans of PostgreSQL are in test_admin_plans.
                if connection.vendor == "sqlite" and kind != Kind.MESSAGE:
                    plan = self.client.get(reverse(LIST), {"kind": kind}).context["cl"].queryset[:5].explain()
                    self.assertIn("rooms_message_kind", plan)
                    self.assertNotIn("TEMP B-TREE", plan)

    def test_dates_bound_it_by_whole_days_and_order_it_by_time(self) -> None:
        days = [datetime(2026, 5, day, 23, 59, 59, tzinfo=UTC) for day in (1, 2, 3, 2)]
        ids = [message.pk for message in self.said(*"abcd")]
        for key, moment in zip(ids, days, strict=True):
            Message._base_manager.filter(pk=key).update(created_at=moment)
        first, second, third, also_second = ids
        self.assertEqual(self.listed(sent_from="2026-05-02", sent_to="2026-05-02"), [also_second, second])
        self.assertEqual(self.listed(sent_from="2026-05-02"), [third, also_second, second])
        self.assertEqual(self.listed(sent_to="2026-05-01"), [first])
        self.assertEqual(self.listed(sent_from="2026-05-01", older=third), [also_second, second, first])
        self.assertEqual(self.listed(sent_from="2026-05-01", newer=second), [third, also_second])
        self.assertEqual(self.listed(sent_to="2026-05-02", older=third), [also_second, second, first])
        self.assertEqual(self.listed(sent_from="2026-05-02", newer=first), [third, also_second, second])
        self.assertEqual(self.listed(sent_from="2026-05-02", older=first), [])
        self.assertEqual(self.listed(sent_to="2026-05-02", newer=third), [])

    def test_those_of_one_moment_come_once_each(self) -> None:
        ids = [message.pk for message in self.said(*["apple"] * 8)]
        early, late = (datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2))
        Message._base_manager.filter(pk__in=ids[:5]).update(created_at=late)
        Message._base_manager.filter(pk__in=ids[5:]).update(created_at=early)
        in_order = [*ids[4::-1], *ids[:4:-1]]
        url = f"{reverse(LIST)}?sent_from=2026-05-01"
        found: list[int] = []
        while url and len(found) <= len(ids):
            changelist = self.client.get(url).context["cl"]
            found += [row.pk for row in changelist.result_list]
            url = changelist.older_url and reverse(LIST) + changelist.older_url
        self.assertEqual(found, in_order)

    def test_nonsense_is_told_and_fails_nothing(self) -> None:
        nonsenses: list[dict[str, str | int]] = [
            {"older": "x"}, {"older": "-1"}, {"older": "٥"}, {"newer": str(2**63)},
            {"sent_from": "yesterday"}, {"sent_to": "2026-02-30"}, {"sent_to": "9999-12-31"},
            {"sent_from": "0001-01-01"},
            {"sent_from": "2026-05-01", "older": "999999"},
        ]  # fmt: skip
        for nonsense in nonsenses:
            with self.subTest(nonsense):
                response = self.client.get(reverse(LIST), nonsense)
                self.assertRedirects(response, reverse(LIST) + "?e=1")

    def test_no_other_lookup_is_allowed(self) -> None:
        for lookup in ("body__regex", "author__password__startswith", "created_at__year", "id__in"):
            self.assertEqual(self.client.get(reverse(LIST), {lookup: "1"}).status_code, 400, lookup)

    def test_filters_keep_each_other_but_not_the_place_in_the_list(self) -> None:
        self.said(*"abcdefgh")
        place: dict[str, str | int] = {"room": "lobby", "older": 10**6}
        page = self.client.get(reverse(LIST), place).content.decode()
        self.assertIn('<input type="hidden" name="room" value="lobby">', page)
        self.assertNotIn('name="older"', page)
        self.assertIn("?kind=edit&amp;room=lobby", page)

    def test_authors_are_not_listed(self) -> None:
        User.objects.bulk_create([User(username=f"somebody{n}") for n in range(5)])
        self.assertNotContains(self.client.get(reverse(LIST)), "somebody")

    def test_the_text_is_shown_as_text_on_every_page(self) -> None:
        evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
        room = ChatRoom.objects.create(slug="evil", name=f"r{evil}"[:120])
        [message] = self.said(evil, room=room)
        log.edit(message, self.ana, f"{evil} again")
        search = f"{reverse(LIST)}?q=%3Cscript%3E&room=%22%3E%3Cscript%3E&sent_from="
        pages = [reverse(LIST), search, page_of(message), page_of(message, "redact")]
        pages.append(reverse("admin:rooms_chatroom_change", args=[room.pk]))
        for url in pages:
            response = self.client.get(url)
            self.assertEqual(response.status_code, 200)
            self.assertNotContains(response, "<script>alert")
            self.assertNotContains(response, "<img src=x")
        self.assertContains(self.client.get(page_of(message)), "&lt;script&gt;alert(1)&lt;/script&gt;")

    def test_pages_hold_no_inline_script_or_style(self) -> None:
        [message] = self.said("a")
        log.edit(message, self.ana, "b")
        room = self.room.pk
        for url in (
            reverse("admin:index"), reverse(LIST), page_of(message), page_of(message, "redact"),
            reverse("admin:rooms_chatroom_changelist"), reverse("admin:rooms_chatroom_add"),
            reverse("admin:rooms_chatroom_change", args=[room]), reverse("admin:rooms_apitoken_changelist"),
            reverse("admin:auth_user_changelist"), reverse("admin:auth_user_add"), reverse("admin:login"),
            reverse("admin:auth_user_change", args=[self.ana.pk]),
            reverse("admin:auth_user_delete", args=[self.ana.pk]),
        ):  # fmt: skip
            with self.subTest(url):
                response = self.client.get(url, follow=True)
                self.assertNotIn("unsafe", response["Content-Security-Policy"])
                self.assertIsNone(INLINE.search(response.content.decode()), url)
