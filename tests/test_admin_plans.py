"""The plans by which PostgreSQL answers the admin's list and the search: by indexes, and nothing is sorted.

A small table's rows are sorted sooner than read in order, so the planner is told to avoid that where it can:
what is asserted is that it can. The benchmark's figures are of a planner that was told nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from benchmarks import admin as benchmark
from rooms import search

pytestmark = pytest.mark.postgresql

ROWS = 10_000


class Plans(TestCase):
    """The log that the benchmark fills, small; what it asks, and how that is answered."""

    boss: ClassVar[User]

    @classmethod
    def setUpTestData(cls) -> None:
        with connection.cursor() as cursor:
            cursor.execute(benchmark.SEED)
            log: dict[str, Any] = {
                "begin": datetime(benchmark.FIRST_DAY.year, 1, 1, tzinfo=UTC),
                "span": timedelta(days=benchmark.DAYS),
            }
            cursor.execute(benchmark.FILL, {**log, "rows": ROWS, "first": 1, "last": ROWS})
            cursor.execute(benchmark.AFTER)
            while search.index_some():
                pass
            cursor.execute("ANALYZE")
        cls.boss = User.objects.get(username="u1")

    def test_no_page_reads_all_messages_or_sorts_them(self) -> None:
        client = Client()
        client.force_login(self.boss)
        for page in benchmark.pages():
            with CaptureQueriesContext(connection) as queries:
                page.ask(client, ROWS)
            asked = [query["sql"] for query in queries if "rooms_message" in query["sql"]]
            self.assertTrue(asked, page.name)
            for sql in asked:
                with self.subTest(page.name, sql=sql), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL enable_sort = off")
                    cursor.execute("SET LOCAL enable_seqscan = off")
                    cursor.execute(f"EXPLAIN {sql}")
                    plan = "\n".join(line for (line,) in cursor.fetchall())
                    self.assertNotIn("Seq Scan on rooms_message", plan)
                    self.assertNotIn("Sort", plan)
