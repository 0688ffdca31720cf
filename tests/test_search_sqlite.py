"""The index of words on SQLite: what keeps it outlives what Django does to the table."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.test import TestCase

from rooms import search, search_sqlite
from tests import support_rooms as some


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'rooms_message'")
        return {name for (name,) in cursor.fetchall()}


class Triggers(TestCase):
    """They go with the table when it is altered, and come again."""

    def test_those_that_an_alteration_dropped_come_again_with_the_next_migrate(self) -> None:
        there = triggers()
        self.assertEqual(len(there), len(search_sqlite.TRIGGERS))
        with connection.cursor() as cursor:
            for name in there:
                cursor.execute(f"DROP TRIGGER {name}")
        call_command("migrate", verbosity=0)
        self.assertEqual(triggers(), there)
        [posted] = some.store(some.message(some.person("ana"), "apple"))
        self.assertEqual(search.ids("apple", limit=5), [posted.id])

    def test_the_index_agrees_with_itself_after_all_that_changes_a_message(self) -> None:
        ana = some.person("ana")
        [first, second] = some.store(some.message(ana, "apple"), some.message(ana, "pear"))
        some.store(some.edit(ana, first, "plum"), some.redaction(ana, second))
        ana.delete()
        with connection.cursor() as cursor:
            index = search_sqlite.INDEX
            cursor.execute(f"INSERT INTO {index}({index}) VALUES ('integrity-check')")  # noqa: S608  (a constant)
        self.assertEqual(search.ids("plum", limit=5), [first.id])
        for gone in ("apple", "pear"):
            self.assertEqual(search.ids(gone, limit=5), [])
