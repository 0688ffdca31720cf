"""What is filtered in the list of messages, as JSON Lines."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rooms import log, wireform
from rooms.history import after
from rooms.models import ChatRoom
from tests.support_admin import LIST, AdminCase

pytestmark = pytest.mark.databases

EXPORT = "admin:rooms_message_export"


class Export(AdminCase):
    def lines(self, **filters: Any) -> list[str]:
        response: Any = self.client.get(reverse(EXPORT), filters)
        self.assertEqual(response.status_code, 200, response)
        self.assertTrue(response.streaming)
        text = b"".join(response.streaming_content).decode()
        self.assertTrue(not text or text.endswith("\n"))
        return text.splitlines()

    def ids(self, **filters: Any) -> list[int]:
        return [json.loads(line)["id"] for line in self.lines(**filters)]

    def test_it_is_what_the_command_writes_the_oldest_first(self) -> None:
        edited, rude = self.said("one\u2028line", "rude")
        log.edit(edited, self.ana, "two\nlines")
        log.react(edited, self.boss, "👍")
        log.redact(rude, self.boss, "why")
        page = after("lobby", 0, 100)
        text = "".join(f"{wireform.line(one)}\n" for one in page.messages)
        response: Any = self.client.get(reverse(EXPORT))
        self.assertEqual(b"".join(response.streaming_content).decode(), text)
        self.assertEqual(response["Content-Disposition"], 'attachment; filename="messages.jsonl"')

    def test_what_is_withheld_is_in_none_whoever_asks(self) -> None:
        [message] = self.said("the first text")
        log.edit(message, self.ana, "the second text")
        log.redact(message, self.boss)
        self.assertNotIn("text", "".join(self.lines()))

    def test_it_respects_the_filters_page_by_page(self) -> None:
        bob = User.objects.create_user("bob")
        other = ChatRoom.objects.create(slug="other", name="Other")
        hers = self.said(*[f"apple {n}" for n in range(7)])
        his = self.said(*[f"pear {n}" for n in range(3)], author=bob)
        elsewhere = self.said("apple", room=other)
        every = [row.pk for row in (*hers, *his, *elsewhere)]
        today = timezone.now().date().isoformat()
        with mock.patch("rooms.admin_export.AT_A_TIME", 3):
            for filters, wanted in (
                ({}, every),
                ({"author": "bob"}, [row.pk for row in his]),
                ({"room": "other"}, [row.pk for row in elsewhere]),
                ({"sent_from": today}, every),
                ({"sent_from": "2999-01-01"}, []),
                ({"q": "apple"}, [row.pk for row in (*hers, *elsewhere)]),
                ({"kind": "edit"}, []),
                ({"older": every[3], "room": "lobby"}, every[:10]),
            ):
                with self.subTest(filters):
                    self.assertEqual(sorted(self.ids(**filters)), wanted)

    def test_it_reads_a_page_when_it_is_wanted_and_no_further(self) -> None:
        self.said(*map(str, range(40)))
        with mock.patch("rooms.admin_export.AT_A_TIME", 2):
            response: Any = self.client.get(reverse(EXPORT))
            pieces = iter(response.streaming_content)
            self.assertEqual(next(pieces).count(b"\n"), 2)
            with CaptureQueriesContext(connection) as queries:
                self.assertEqual(next(pieces).count(b"\n"), 2)
            self.assertLess(len(queries), 5)
            for query in queries:
                self.assertNotIn("COUNT(", query["sql"])
                self.assertNotIn("OFFSET", query["sql"])
            self.assertEqual(len(list(pieces)), 18)

    def test_the_list_leads_to_it_with_its_filters_and_without_its_place(self) -> None:
        self.said("a")
        page = self.client.get(reverse(LIST), {"room": "lobby", "older": "99"})
        self.assertContains(page, f'href="{reverse(EXPORT)}?room=lobby"')

    def test_its_page_leads_to_days_too(self) -> None:
        self.said("a")
        year = timezone.now().year
        self.assertContains(
            self.client.get(reverse(LIST)), f'sent_from={year}-01-01&amp;sent_to={year}-12-31">{year}</a>'
        )

    def test_nonsense_leads_back_to_the_list(self) -> None:
        response = self.client.get(reverse(EXPORT), {"sent_from": "yesterday"})
        self.assertRedirects(response, reverse(LIST) + "?e=1")
        self.assertEqual(self.client.get(reverse(EXPORT), {"body__regex": "x"}).status_code, 400)

    def test_it_needs_the_permission_to_read_messages(self) -> None:
        self.said("kept")
        self.staff("view_chatroom")
        self.assertEqual(self.client.get(reverse(EXPORT)).status_code, 403)
        self.client.force_login(self.ana)
        self.assertEqual(self.client.get(reverse(EXPORT)).status_code, 302)

    def test_staff_with_the_permission_gets_it(self) -> None:
        self.staff("view_message")
        [message] = self.said("kept")
        self.assertEqual(self.ids(), [message.pk])
