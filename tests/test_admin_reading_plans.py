"""The plans by which PostgreSQL answers the admin's conversation, queue and trail: by indexes, unsorted.

As in tests.test_admin_plans, the planner is told to avoid what is asserted not to be needed.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rooms import audit
from rooms.actions import Deed
from rooms.models import ChatRoom, Message, Report
from tests.support_admin import AdminCase

pytestmark = pytest.mark.postgresql

TABLES = ("rooms_message", "rooms_report", "rooms_auditentry")


class Plans(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        other = ChatRoom.objects.create(slug="other", name="Other")
        rows = Message._base_manager.bulk_create(
            [
                Message(room=self.room if n % 2 else other, author=self.ana, body="x", nonce=str(n))
                for n in range(4000)
            ]
        )
        Report.objects.bulk_create(
            [Report(message=row, room_id=row.room_id, reporter=self.boss) for row in rows[:300]]
        )
        for row in rows[:300]:
            audit.note(Deed.REDACT, self.boss, room=self.room, message_id=row.pk)
        self.middle = rows[2000].pk
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def test_no_page_reads_all_or_sorts(self) -> None:
        talk = reverse("admin:rooms_chatroom_conversation", args=[self.room.pk])
        queue, trail = reverse("admin:rooms_report_changelist"), reverse("admin:rooms_auditentry_changelist")
        for url in (
            talk, f"{talk}?before={self.middle}", f"{talk}?after={self.middle}",
            f"{talk}?message={self.middle}", f"{talk}?day=2026-01-01",
            queue, f"{queue}?beyond=5", f"{queue}?show=settled",
            trail, f"{trail}?older=99", f"{trail}?sent_from=2026-01-01",
        ):  # fmt: skip
            with CaptureQueriesContext(connection) as queries:
                self.assertEqual(self.client.get(url).status_code, 200)
            asked = [
                query["sql"] for query in queries if any(f'FROM "{one}"' in query["sql"] for one in TABLES)
            ]
            self.assertTrue(asked, url)
            for sql in asked:
                self.assert_by_index(url, sql)

    def assert_by_index(self, url: str, sql: str) -> None:
        with self.subTest(url, sql=sql), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            for table in TABLES:
                self.assertNotIn(f"Seq Scan on {table}", plan)
            self.assertNotIn("Sort", plan)
