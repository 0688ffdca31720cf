"""A room's log is read by the index of (room, id), also a quiet one's among busy ones."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rooms import history
from rooms.messages import After, Before, Newest, Page, Span
from rooms.models import ChatRoom
from tests.support_rooms import message, person, room, store

pytestmark = pytest.mark.databases


class Plans(TestCase):
    """Ten messages in a quiet room, then thousands elsewhere."""

    def setUp(self) -> None:
        self.ana = person("ana")
        before, _quiet, after = room("before"), room("quiet"), room("after")
        self.fill(before, "a")
        self.said = store(*[message(self.ana, f"{n}", room="quiet") for n in range(10)])
        for one in (before, after):
            self.fill(one, "b")
        if connection.vendor == "postgresql":  # which does so by itself; SQLite never does
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    def fill(self, busy: ChatRoom, nonce: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
                " INSERT INTO rooms_message (room_id, kind, author_id, body, nonce, redacted, created_at)"
                " SELECT %s, 'message', %s, 'x', %s || i, %s, %s FROM n",
                [busy.pk, self.ana.pk, nonce, False, timezone.now()],
            )

    def test_neither_other_rooms_rows_nor_a_sort(self) -> None:
        ids = [one.id for one in self.said]
        spans: list[tuple[Span, list[int]]] = [
            (After(0, 50), ids),
            (After(ids[3], 3), ids[4:7]),
            (After(ids[-1], 50), []),
            (Newest(4), ids[-4:]),
            (Before(ids[5], 3), ids[2:5]),
            (Before(2**63 - 1, 50), ids),
            (Before(ids[0], 50), []),
        ]
        for span, expected in spans:
            with self.subTest(span):
                with CaptureQueriesContext(connection) as queries:
                    page = history.read(self.ana.pk, "quiet", span)
                assert isinstance(page, Page)
                self.assertEqual([one.id for one in page.messages], expected)
                plan = self.plan(queries[0]["sql"])
                self.assertIn("rooms_message_log", plan)
                self.assertNotRegex(plan, r"Seq Scan on rooms_message|Sort\b|TEMP B-TREE|SCAN rooms_message")

    def plan(self, statement: str) -> str:
        on_postgresql = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            cursor.execute(("EXPLAIN " if on_postgresql else "EXPLAIN QUERY PLAN ") + statement)
            return "\n".join(str(row[-1]) for row in cursor.fetchall())
