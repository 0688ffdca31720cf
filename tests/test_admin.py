"""Rooms, messages and tokens in the admin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rooms import accounts, log, signals
from rooms.messages import Credential, Kind, RoomBatch
from rooms.models import ApiToken, Ban, ChatRoom, Membership, Message, WithheldText
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


class OneMessage(AdminCase):
    """The page of a message."""

    def test_shows_it_where_it_was_said_with_what_changed_it(self) -> None:
        *before, message = self.said("one", "two", "three")
        after = self.said("four")
        log.edit(message, self.ana, "three, better")
        page = self.client.get(page_of(message))
        self.assertContains(page, "View message")
        self.assertContains(page, "three, better")
        self.assertEqual([row.body for row in page.context["changes"]], ["three, better"])
        around = [row.body for row in page.context["around"]]
        self.assertEqual(around[:4], ["one", "two", "three, better", "four"])
        self.assertEqual(len(before) + len(after) + 2, len(around))

    def test_withheld_text_is_for_those_with_the_permission(self) -> None:
        [message] = self.said("the first text")
        log.edit(message, self.ana, "the second text")
        log.redact(message, self.ana)
        page = self.client.get(page_of(message))
        self.assertContains(page, "the first text")
        self.assertContains(page, "the second text")
        self.staff("view_message", "change_message")
        page = self.client.get(page_of(message))
        self.assertEqual(page.status_code, 200)
        self.assertNotContains(page, "the first text")
        self.assertNotContains(page, "the second text")

    def test_nothing_of_it_can_be_written(self) -> None:
        [message] = self.said("as it is")
        self.assertEqual(self.client.post(page_of(message), {"body": "else"}).status_code, 403)
        self.assertEqual(self.client.get(reverse("admin:rooms_message_add")).status_code, 403)
        self.assertEqual(
            self.client.post(reverse("admin:rooms_message_add"), {"body": "new"}).status_code, 403
        )
        self.assertEqual(Message.objects.get().body, "as it is")
        self.assertNotContains(self.client.get(page_of(message)), "_save")

    def test_one_that_is_not_there_is_told(self) -> None:
        for what in ("change", "redact", "delete"):
            response = self.client.get(reverse(f"admin:rooms_message_{what}", args=[10**6]), follow=True)
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.request["PATH_INFO"], reverse("admin:index"))
        self.assertEqual(self.client.get(reverse("admin:rooms_message_redact", args=["x"])).status_code, 302)


class Redaction(AdminCase):
    """Redacting in the admin."""

    def setUp(self) -> None:
        super().setUp()
        self.batches: list[RoomBatch] = []
        signals.committed.connect(self._heard)
        self.addCleanup(signals.committed.disconnect, self._heard)

    def _heard(self, batches: tuple[RoomBatch, ...], **_rest: Any) -> None:
        self.batches.extend(batches)

    def assert_redacted(self, message: Message, reason: str) -> None:
        message = Message.objects.get(pk=message.pk)
        self.assertEqual((message.body, message.redacted), ("", True))
        redaction = Message.objects.get(kind=Kind.REDACTION, target=message.pk)
        self.assertEqual((redaction.body, redaction.author), (reason, self.boss))
        self.assertEqual(message.changed, redaction.pk)

    def test_the_button_on_the_page_redacts_with_its_reason_and_the_log_tells_it(self) -> None:
        [message] = self.said("rude")
        url = page_of(message, "redact")
        self.assertContains(self.client.get(page_of(message)), f'action="{url}"')
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(url, {"reason": "rude"})
        self.assertRedirects(response, page_of(message), fetch_redirect_response=False)
        self.assert_redacted(message, "rude")
        self.assertEqual([m.kind for batch in self.batches for m in batch.messages], [Kind.REDACTION])
        entry = LogEntry.objects.get()
        self.assertEqual((entry.user, entry.object_id), (self.boss, str(message.pk)))
        self.assertIn("rude", entry.get_change_message())
        page = self.client.get(page_of(message))
        self.assertNotContains(page, f'action="{url}"')
        self.assertContains(page, "1 message was redacted.")

    def test_asking_changes_nothing(self) -> None:
        [message] = self.said("kept")
        for what in ("redact", "delete"):
            self.assertContains(self.client.get(page_of(message, what)), "kept")
        self.assertFalse(Message.objects.get().redacted)

    def test_deleting_is_redacting(self) -> None:
        [message] = self.said("rude")
        self.client.post(page_of(message, "delete"), {"post": "yes", "reason": "rude"})
        self.assert_redacted(message, "rude")

    def test_whatever_of_django_deletes_redacts(self) -> None:
        one, two = self.said("one", "two")
        of_messages = admin.site.get_model_admin(Message)
        request = self.client.get(page_of(one)).wsgi_request
        of_messages.delete_model(request, one)
        of_messages.delete_queryset(request, Message.objects.filter(pk=two.pk))
        self.assert_redacted(one, "")
        self.assert_redacted(two, "")

    def test_those_ticked_go_after_a_reason_in_one_commit_a_room(self) -> None:
        other = ChatRoom.objects.create(slug="other", name="Other")
        rows = [*self.said("a", "b"), *self.said("c", room=other)]
        [kept] = self.said("kept")
        ticked = {"action": "redact_selected", "_selected_action": [row.pk for row in rows]}
        page = self.client.post(reverse(LIST), ticked)
        self.assertContains(page, 'name="reason"')
        self.assertFalse(Message.objects.filter(redacted=True).exists())
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(reverse(LIST), {**ticked, "reason": "spam"}, follow=True)
        self.assertContains(response, "3 messages were redacted.")
        for row in rows:
            self.assert_redacted(row, "spam")
        self.assertFalse(Message.objects.get(pk=kept.pk).redacted)
        self.assertEqual(
            [(batch.room, len(batch.messages)) for batch in self.batches], [("lobby", 2), ("other", 1)]
        )
        self.assertEqual(LogEntry.objects.count(), 3)

    def test_all_across_pages_means_those_ticked(self) -> None:
        one, two = self.said("one", "two")
        data = {"action": "redact_selected", "_selected_action": [one.pk], "select_across": "1", "reason": ""}
        self.client.post(reverse(LIST), data)
        self.assertTrue(Message.objects.get(pk=one.pk).redacted)
        self.assertFalse(Message.objects.get(pk=two.pk).redacted)

    def test_django_own_deletion_of_what_is_ticked_is_not_offered_and_does_nothing(self) -> None:
        [message] = self.said("kept")
        self.assertNotContains(self.client.get(reverse(LIST)), "delete_selected")
        self.client.post(
            reverse(LIST), {"action": "delete_selected", "_selected_action": [message.pk], "post": "yes"}
        )
        self.assertFalse(Message.objects.get().redacted)

    def test_again_is_told_and_keeps_the_first_reason(self) -> None:
        [message] = self.said("rude")
        self.client.post(page_of(message, "redact"), {"reason": "first"})
        response = self.client.post(page_of(message, "redact"), {"reason": "second"}, follow=True)
        self.assertContains(response, "1 was redacted before.")
        self.assert_redacted(message, "first")
        self.assertEqual(LogEntry.objects.count(), 1)

    def test_redacting_an_edit_takes_what_it_edits(self) -> None:
        [message] = self.said("rude")
        edit = Message.objects.get(pk=log.edit(message, self.ana, "ruder").id)
        self.client.post(page_of(edit, "redact"), {"reason": "rude"})
        self.assert_redacted(message, "rude")
        self.assertEqual(Message.objects.get(pk=edit.pk).body, "")
        withheld = WithheldText.objects.order_by("id").values_list("body", flat=True)
        self.assertCountEqual(withheld, ["rude", "ruder", "ruder"])

    def test_a_redaction_is_not_redacted(self) -> None:
        [message] = self.said("rude")
        redaction = Message.objects.get(pk=log.redact(message, self.ana, "why").id)
        response = self.client.post(page_of(redaction, "redact"), {"reason": "again"}, follow=True)
        self.assertContains(response, "There is no such message.")
        self.assertEqual(Message.objects.get(pk=redaction.pk).body, "why")

    def test_a_reason_has_its_bounds(self) -> None:
        [message] = self.said("kept")
        for reason in ("x" * 251, "a\x00b"):
            response = self.client.post(page_of(message, "redact"), {"reason": reason})
            self.assertContains(response, "errorlist")
        self.assertFalse(Message.objects.get().redacted)


class WhoMay(AdminCase):
    """Permissions."""

    def answers(self, message: Message) -> dict[str, int]:
        data = {"action": "redact_selected", "_selected_action": [message.pk], "reason": ""}
        return {
            "list": self.client.get(reverse(LIST)).status_code,
            "page": self.client.get(page_of(message)).status_code,
            "ask": self.client.get(page_of(message, "redact")).status_code,
            "redact": self.client.post(page_of(message, "redact"), {"reason": ""}).status_code,
            "delete": self.client.post(page_of(message, "delete"), {"post": "yes"}).status_code,
            "tick": self.client.post(reverse(LIST), data).status_code,
        }

    def test_staff_without_permission_sees_nothing(self) -> None:
        [message] = self.said("kept")
        self.staff()
        self.assertEqual(set(self.answers(message).values()), {403})
        self.assertFalse(Message.objects.get().redacted)

    def test_who_may_only_look_redacts_nothing(self) -> None:
        [message] = self.said("kept")
        self.staff("view_message")
        answers = self.answers(message)
        self.assertEqual((answers["list"], answers["page"]), (200, 200))
        self.assertEqual((answers["ask"], answers["redact"], answers["delete"]), (403, 403, 403))
        self.assertFalse(Message.objects.get().redacted)
        self.assertNotContains(self.client.get(page_of(message)), "/redact/")

    def test_the_permission_to_change_or_to_delete_redacts(self) -> None:
        for permission in ("change_message", "delete_message"):
            with self.subTest(permission):
                [message] = self.said("rude")
                moderator = self.staff(permission)
                self.assertEqual(self.client.get(reverse(LIST)).status_code, 200)
                self.client.post(page_of(message, "redact"), {"reason": ""})
                self.assertTrue(Message.objects.get(pk=message.pk).redacted)
                moderator.delete()

    def test_others_are_asked_to_log_in(self) -> None:
        [message] = self.said("kept")
        self.client.force_login(self.ana)
        self.assertEqual(set(self.answers(message).values()), {302})
        self.assertFalse(Message.objects.get().redacted)

    def test_a_redaction_needs_the_csrf_token(self) -> None:
        [message] = self.said("kept")
        strict = self.client_class(enforce_csrf_checks=True)
        strict.force_login(self.boss)
        self.assertEqual(strict.post(page_of(message, "redact"), {"reason": ""}).status_code, 403)
        self.assertFalse(Message.objects.get().redacted)


class Tokens(AdminCase):
    """Tokens in the admin."""

    def test_they_are_seen_without_digest_revoked_and_never_made(self) -> None:
        plain = accounts.issue_token(self.ana, "a script")
        token = ApiToken.objects.get()
        pages = [
            self.client.get(reverse("admin:rooms_apitoken_changelist")),
            self.client.get(reverse("admin:rooms_apitoken_change", args=[token.pk])),
        ]
        for page in pages:
            self.assertContains(page, "a script")
            self.assertNotContains(page, token.digest)
        self.assertEqual(self.client.get(reverse("admin:rooms_apitoken_add")).status_code, 403)
        self.client.post(reverse("admin:rooms_apitoken_delete", args=[token.pk]), {"post": "yes"})
        self.assertIsNone(accounts.identify(Credential.of_token(plain)))


class DeletingUsers(AdminCase):
    """Django's own deletion of users."""

    def test_their_messages_stay_without_author(self) -> None:
        [message] = self.said("kept")
        url = reverse("admin:auth_user_delete", args=[self.ana.pk])
        self.assertNotContains(self.client.get(url), "kept")
        self.client.post(url, {"post": "yes"})
        self.assertFalse(User.objects.filter(pk=self.ana.pk).exists())
        message.refresh_from_db()
        self.assertEqual((message.body, message.author_id), ("kept", None))
        self.assertContains(self.client.get(page_of(message)), "(no account)")

    def test_ten_thousand_messages_are_neither_read_nor_listed(self) -> None:
        Message._base_manager.bulk_create(
            [Message(room=self.room, author=self.ana, body="x", nonce=str(n)) for n in range(10_000)]
        )
        url = reverse("admin:auth_user_delete", args=[self.ana.pk])
        for ask in (self.client.get, self.client.post):
            with CaptureQueriesContext(connection) as queries:
                response: Any = ask(url, {"post": "yes"})
            self.assertIn(response.status_code, {200, 302})
            self.assertLess(len(response.content), 50_000)
            read = [
                q["sql"] for q in queries if q["sql"].startswith("SELECT") and '"rooms_message"' in q["sql"]
            ]
            self.assertEqual(read, [])
            self.assertLess(len(queries), 40)
        self.assertEqual(Message.objects.filter(author=None).count(), 10_000)

    def test_a_member_with_a_ban_and_a_token_goes_too(self) -> None:
        Membership.objects.create(room=self.room, user=self.ana)
        Ban.objects.create(room=self.room, user=self.ana, until=timezone.now() + timedelta(days=1))
        accounts.issue_token(self.ana, "a script")
        url = reverse("admin:auth_user_changelist")
        self.client.post(url, {"action": "delete_selected", "_selected_action": [self.ana.pk], "post": "yes"})
        self.assertFalse(User.objects.filter(pk=self.ana.pk).exists())
